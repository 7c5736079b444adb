"""The messages of Media Streams as JSON: written from templates, read by a typed decoder.

Twilio's types are kept: `sequenceNumber`, `chunk` and `timestamp` are strings, `sampleRate` and `channels` numbers,
`customParameters` is always there, `connected` has neither `streamSid` nor `sequenceNumber`.
"""

import json
from binascii import b2a_base64
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from callapi.streams.errors import ProtocolViolation
from callapi.streams.media_format import MediaFormat

MAX_NAME: Final = 1024
"""Characters of the name of a mark."""
CONNECTED: Final = b'{"event":"connected","protocol":"Call","version":"1.0.0"}'
_JSON: Final = json.JSONEncoder(separators=(",", ":"))


class StreamIdentity(msgspec.Struct, frozen=True):
    """Whose stream it is: `AC…`, `CA…`, `MZ…`."""

    account_sid: str
    call_sid: str
    stream_sid: str


class Media(msgspec.Struct, frozen=True):
    """Audio to be queued, in the stream's format."""

    payload: bytes


class Mark(msgspec.Struct, frozen=True):
    """To be returned when everything queued before it was played."""

    name: str


class Clear(msgspec.Struct, frozen=True):
    """Drop what is queued."""


Message = Media | Mark | Clear


class _MediaBody(msgspec.Struct):
    payload: bytes


class _MarkBody(msgspec.Struct):
    name: str


class _Received(msgspec.Struct):
    """Any message of an application; the decoder skips unknown fields."""

    event: str
    media: _MediaBody | None = None
    mark: _MarkBody | None = None


_DECODER: Final = msgspec.json.Decoder(_Received)


def read(message: bytes) -> Message:
    """The message of an application.

    Raises:
        ProtocolViolation: it is not JSON, not an object with an `event`, of an unknown event, or lacks its content.
    """
    try:
        received = _DECODER.decode(message)
    except msgspec.ValidationError as error:
        raise ProtocolViolation(f"a message of the application is malformed: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolViolation(f"a message of the application is not JSON: {_start(message)}") from error
    match received.event:
        case "media":
            if received.media is None:
                raise ProtocolViolation("a media message of the application has no media.payload")
            return Media(received.media.payload)
        case "mark":
            name = received.mark.name if received.mark else ""
            if not 0 < len(name) <= MAX_NAME:
                raise ProtocolViolation(
                    f"a mark of the application needs a name of 1 to {MAX_NAME} characters"
                )
            return Mark(name)
        case "clear":
            return Clear()
        case event:
            raise ProtocolViolation(
                f"the application sent the event {event[:40]!r}; a stream understands media, mark and clear"
            )


def _start(message: bytes) -> str:
    return repr(message[:40].decode("utf-8", "replace"))


def start(
    identity: StreamIdentity,
    sequence: int,
    tracks: Sequence[str],
    media_format: MediaFormat,
    parameters: Mapping[str, str],
    reconnect: int,
) -> bytes:
    """The `start` message; `reconnect` 0 is left out."""
    content: dict[str, Any] = {
        "accountSid": identity.account_sid,
        "streamSid": identity.stream_sid,
        "callSid": identity.call_sid,
        "tracks": list(tracks),
        "mediaFormat": {
            "encoding": media_format.encoding.value,
            "sampleRate": media_format.rate,
            "channels": 1,
        },
        "customParameters": dict(parameters),
    }
    if reconnect:
        content["reconnect"] = reconnect
    return _encode(
        {
            "event": "start",
            "sequenceNumber": str(sequence),
            "start": content,
            "streamSid": identity.stream_sid,
        }
    )


def dtmf(identity: StreamIdentity, sequence: int, digit: str) -> bytes:
    """The `dtmf` message; its track is written `inbound_track`, unlike that of `media`."""
    return _encode(
        {
            "event": "dtmf",
            "streamSid": identity.stream_sid,
            "sequenceNumber": str(sequence),
            "dtmf": {"track": "inbound_track", "digit": digit},
        }
    )


def mark(identity: StreamIdentity, sequence: int, name: str, *, cleared: bool) -> bytes:
    """The returned `mark`; `cleared` (an extension) is there only if true."""
    content: dict[str, Any] = {
        "event": "mark",
        "sequenceNumber": str(sequence),
        "streamSid": identity.stream_sid,
        "mark": {"name": name},
    }
    if cleared:
        content["cleared"] = True
        content["mark"]["cleared"] = True
    return _encode(content)


def stop(identity: StreamIdentity, sequence: int) -> bytes:
    """The `stop` message, the last one."""
    return _encode(
        {
            "event": "stop",
            "sequenceNumber": str(sequence),
            "stop": {"accountSid": identity.account_sid, "callSid": identity.call_sid},
            "streamSid": identity.stream_sid,
        }
    )


class MediaTemplate:
    """Writes the `media` messages of one track; only numbers and payload change."""

    __slots__ = ("_head", "_tail")

    def __init__(self, identity: StreamIdentity, track: str) -> None:
        self._head = b'{"event":"media","sequenceNumber":"%d","media":{"track":"' + track.encode()
        self._head += b'","chunk":"%d","timestamp":"%d","payload":"'
        self._tail = f'"}},"streamSid":"{identity.stream_sid}"}}'.encode()

    def write(self, sequence: int, chunk: int, timestamp_ms: int, payload: bytes) -> bytes:
        """One message."""
        numbers = (sequence, chunk, timestamp_ms)
        return self._head % numbers + b2a_base64(payload, newline=False) + self._tail


def _encode(content: Mapping[str, Any]) -> bytes:
    return _JSON.encode(content).encode()
