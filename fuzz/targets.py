"""What must hold of any input: SIP, SDP, RCML, audio. Each target raises where something else came of it."""

from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO

import numpy as np
import soundfile

from callapi.base.values import SrtpPolicy
from callapi.media.errors import MediaError
from callapi.media.prompts.audio_files import MAX_DURATION_S, RATES, decode
from callapi.media.sdp.description import parse as parse_sdp
from callapi.media.sdp.negotiation import LocalMedia, MediaNegotiation
from callapi.media.sdp.security import MediaSecurity
from callapi.rcml import DocumentError, check, document_of
from callapi.sip.errors import ParseError
from callapi.sip.messages.message import Message, Request, make_response
from callapi.sip.messages.parser import StreamParser, parse_message
from callapi.sip.messages.writer import write_message
from callapi.streams import ProtocolViolation, StreamIdentity, StreamPlan
from callapi.streams.media_machine import MediaMachine
from callapi.streams.relay_machine import RelayMachine, RelayOptions

_SECURITY = (
    MediaSecurity(),
    MediaSecurity(SrtpPolicy.OPTIONAL, is_private=True, fingerprint=bytes(32)),
    MediaSecurity(SrtpPolicy.REQUIRED, is_private=True, fingerprint=bytes(32), is_browser=True),
)
_TYPED = (
    "vias",
    "from_",
    "to",
    "call_id",
    "cseq",
    "contacts",
    "routes",
    "record_routes",
    "max_forwards",
    "expires",
)


def streams(data: bytes) -> None:
    """A message of an application: an action or a ProtocolViolation; in a conversation never an error."""
    plan = StreamPlan(StreamIdentity("AC", "CA", "MZ"), is_bidirectional=True)
    with suppress(ProtocolViolation):
        MediaMachine(plan).received(data)
    RelayMachine(RelayOptions("en-US")).received(data)


def sip(data: bytes) -> None:
    """A datagram: a message whose fields can be read and which can be written, or ParseError; streams never raise."""
    stream = StreamParser()
    half = len(data) // 2
    stream.feed(data[:half])
    stream.feed(data[half:])
    try:
        message = parse_message(data)
    except ParseError:
        return
    for name in _TYPED:
        with suppress(ParseError):
            getattr(message, name)
    if isinstance(message, Request):
        with suppress(ParseError):  # one that lacks what a response needs is dropped
            write_message(make_response(message, 200, to_tag="fuzz"))
    _same_again(message)


def _same_again(message: Message) -> None:
    written = write_message(message)
    assert write_message(parse_message(written)) == written


def sdp(data: bytes) -> None:
    """An offer or an answer: what we say to it can be read again, whatever encryption the leg may agree on."""
    local = LocalMedia(address="192.0.2.1", audio_port=20_000, video_port=20_002)
    for security in _SECURITY:
        side = MediaNegotiation(local, security)
        with suppress(MediaError):
            parse_sdp(side.receive_offer(data))
        parse_sdp(side.make_offer())
        other = MediaNegotiation(local, security)
        parse_sdp(other.make_offer())
        with suppress(MediaError):
            other.receive_answer(data)
    with suppress(MediaError):
        again = bytes(parse_sdp(data))
        assert bytes(parse_sdp(again)) == again


def rcml(data: bytes) -> None:
    """A document, or DocumentError with a place; the checker never raises."""
    check(data)
    with suppress(DocumentError):
        document_of(data, "text/xml", "http://127.0.0.1/")


def audio(data: bytes) -> None:
    """What an application lets us fetch for Play: a prompt within the limits, or MediaError."""
    with suppress(MediaError):
        prompt = decode("http://127.0.0.1/sound", data, "audio/basic" if data[:1] == b"\xff" else "")
        assert prompt.rate in RATES
        assert 0 < len(prompt.samples) <= MAX_DURATION_S * prompt.rate


def sounds() -> Iterator[bytes]:
    """A quarter of a second in each form that is played: the corpus of `audio`."""
    samples = (8000 * np.sin(np.arange(2000) / 3)).astype(np.int16)
    for form, subtype in (
        ("WAV", "PCM_16"),
        ("WAV", "ULAW"),
        ("WAV", "GSM610"),
        ("WAV", "FLOAT"),
        ("AU", "ALAW"),
        ("AIFF", "PCM_24"),
        ("FLAC", "PCM_16"),
        ("OGG", "VORBIS"),
        ("OGG", "OPUS"),
        ("MP3", "MPEG_LAYER_III"),
    ):
        file = BytesIO()
        soundfile.write(file, samples, 8000, subtype=subtype, format=form)
        yield file.getvalue()
