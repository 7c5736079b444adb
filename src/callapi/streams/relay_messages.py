"""The messages of ConversationRelay as JSON: a conversation in text, spoken and understood by this server.

To the application: `setup prompt dtmf interrupt error info`; from it: `text play sendDigits language end`. A message
that cannot be read is answered with `error`, and the session goes on.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from callapi.streams.errors import StreamError

MAX_TOKEN: Final = 64_000
"""Characters of one `text` message."""
MAX_HANDOFF: Final = 64_000
_DIGITS: Final = re.compile(r"[0-9wW*#A-D]{1,128}")
_JSON: Final = json.JSONEncoder(separators=(",", ":"))


class BadMessage(StreamError):
    """A message of the application that cannot be used. Twilio's 64107."""

    code = 64107


class Text(msgspec.Struct, frozen=True):
    """A piece of what is to be said; `is_last` ends the utterance."""

    token: str
    is_last: bool = True
    language: str | None = None
    is_interruptible: bool | None = None
    """None: as the session has it."""
    is_preemptible: bool | None = None


class Play(msgspec.Struct, frozen=True):
    """Audio by URL; `loop` 0: until something else is to be said."""

    source: str
    loop: int = 1
    is_interruptible: bool | None = None
    is_preemptible: bool | None = None


class SendDigits(msgspec.Struct, frozen=True):
    """Digits to the caller."""

    digits: str


class SwitchLanguage(msgspec.Struct, frozen=True):
    """Speak, or listen, in another language from now on; None: as before."""

    speech: str | None = None
    transcription: str | None = None


class End(msgspec.Struct, frozen=True):
    """The session is over."""

    handoff: str | None = None


RelayMessage = Text | Play | SendDigits | SwitchLanguage | End


class _Received(msgspec.Struct):
    type: str
    token: str | None = None
    last: bool | None = None
    lang: str | None = None
    interruptible: bool | None = None
    preemptible: bool | None = None
    source: str | None = None
    loop: int | None = None
    digits: str | None = None
    ttsLanguage: str | None = None  # noqa: N815 - Twilio's spelling
    transcriptionLanguage: str | None = None  # noqa: N815 - Twilio's spelling
    handoffData: Any = None  # noqa: N815 - Twilio's spelling; objects are found in the wild


_DECODER: Final = msgspec.json.Decoder(_Received)


def read(message: bytes) -> RelayMessage:
    """The message of an application.

    Raises:
        BadMessage: with a sentence that says what is wrong with it.
    """
    try:
        received = _DECODER.decode(message)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadMessage(f"Invalid message received: {_start(message)} ({error})") from error
    match received.type:
        case "text":
            return _text(received)
        case "play":
            return _play(received)
        case "sendDigits":
            if received.digits is None or _DIGITS.fullmatch(received.digits) is None:
                raise BadMessage("sendDigits: digits must be 1 to 128 of 0-9 * # A-D w W")
            return SendDigits(received.digits)
        case "language":
            if received.ttsLanguage is None and received.transcriptionLanguage is None:
                raise BadMessage("language: ttsLanguage or transcriptionLanguage must be given")
            return SwitchLanguage(received.ttsLanguage, received.transcriptionLanguage)
        case "end":
            return End(_handoff(received.handoffData))
        case kind:
            raise BadMessage(
                f"Invalid message received: type {kind[:40]!r}; known are text, play, sendDigits, language, end"
            )


def _text(received: _Received) -> Text:
    if received.token is None or len(received.token) > MAX_TOKEN:
        raise BadMessage(f"text: token must be a text of at most {MAX_TOKEN} characters")
    is_last = True if received.last is None else received.last
    return Text(received.token, is_last, received.lang, received.interruptible, received.preemptible)


def _play(received: _Received) -> Play:
    loop = 1 if received.loop is None else received.loop
    if not received.source or not 0 <= loop <= 1000:
        raise BadMessage("play: source must be a URL, loop a number from 0 to 1000")
    return Play(received.source, loop, received.interruptible, received.preemptible)


def _handoff(data: Any) -> str | None:
    handoff = data if data is None or isinstance(data, str) else _JSON.encode(data)
    if handoff is not None and len(handoff) > MAX_HANDOFF:
        raise BadMessage(f"end: handoffData must have at most {MAX_HANDOFF} characters")
    return handoff


def _start(message: bytes) -> str:
    return message[:200].decode("utf-8", "replace")


def setup(session_sid: str, call: Mapping[str, str | None], parameters: Mapping[str, str]) -> bytes:
    """The first message; `call` has its own fields of the message, None where there is no value."""
    return _encode({"type": "setup", "sessionId": session_sid, **call, "customParameters": dict(parameters)})


def prompt(text: str, language: str, *, is_last: bool, agent_speaking: bool | None = None) -> bytes:
    """What the caller said; `is_last` False: so far."""
    content: dict[str, Any] = {"type": "prompt", "voicePrompt": text, "lang": language, "last": is_last}
    if agent_speaking is not None:
        content["agentSpeaking"] = agent_speaking
    return _encode(content)


def dtmf(digit: str) -> bytes:
    """The caller pressed a key."""
    return _encode({"type": "dtmf", "digit": digit})


def interrupt(heard: str, duration_ms: int) -> bytes:
    """The caller interrupted; `heard` of the utterance was played, within `duration_ms`."""
    return _encode(
        {"type": "interrupt", "utteranceUntilInterrupt": heard, "durationUntilInterruptMs": duration_ms}
    )


def error(description: str) -> bytes:
    """A message of the application could not be used."""
    return _encode({"type": "error", "description": description})


def info(name: str, value: str) -> bytes:
    """`agentSpeaking` and `clientSpeaking` (`on`, `off`), `tokensPlayed` (the text)."""
    return _encode({"type": "info", "name": name, "value": value})


def _encode(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, separators=(",", ":"), ensure_ascii=False).encode("utf-8", "replace")
