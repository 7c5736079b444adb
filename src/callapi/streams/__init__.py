"""Floor 1, streams: WebSockets to applications that carry the audio of a call (Media Streams).

Knows audio frames and messages, no calls, documents or records. The protocol is a machine without I/O
(`media_machine`), the socket a shell around picows (`socket`), and `media_stream` the story of one stream.
"""

from callapi.streams.connection import Headers, SocketClient
from callapi.streams.errors import ProtocolViolation, StreamError, WrongScheme
from callapi.streams.media_format import CODECS, MULAW, Encoding, MediaFormat
from callapi.streams.media_machine import INBOUND, OUTBOUND, StreamPlan
from callapi.streams.media_messages import StreamIdentity
from callapi.streams.media_stream import MediaStream, SocketPlan, StreamAudio, StreamReports
from callapi.streams.ports import Address, AudioFrame, AudioSink, AudioSource, Egress, MarkReached
from callapi.streams.url import SocketUrl
from callapi.streams.url import parse as parse_url
from callapi.streams.url import resolve as resolve_url

__all__ = [
    "CODECS",
    "INBOUND",
    "MULAW",
    "OUTBOUND",
    "Address",
    "AudioFrame",
    "AudioSink",
    "AudioSource",
    "Egress",
    "Encoding",
    "Headers",
    "MarkReached",
    "MediaFormat",
    "MediaStream",
    "ProtocolViolation",
    "SocketClient",
    "SocketPlan",
    "SocketUrl",
    "StreamAudio",
    "StreamError",
    "StreamIdentity",
    "StreamPlan",
    "StreamReports",
    "WrongScheme",
    "parse_url",
    "resolve_url",
]
