"""Floor 1, media: SDP and offer/answer, prompts, and the Python face of the media plane.

RTP never enters Python: commands go down to the native packet threads, events come up. Knows nothing of
calls, documents, HTTP servers or SQL; nothing above this room imports the native module.
"""

from callapi.media.errors import (
    EngineFailed,
    MediaError,
    NotAcceptable,
    PortsExhausted,
    SdpError,
    StreamClosed,
    UnplayableAudio,
)
from callapi.media.plane.events import (
    DigitPressed,
    DigitSource,
    FirstPacket,
    NothingHeard,
    PlaybackEnded,
    RecordingCause,
    RecordingEnded,
    Stalled,
    StreamEvent,
)
from callapi.media.plane.plane import AudioStream, Bridge, MediaPlane, Playback, Recording, VideoStream
from callapi.media.plane.types import (
    CodecFormat,
    Direction,
    MediaAddress,
    PlaneStatistics,
    Prompt,
    RecordOptions,
    StreamParameters,
    StreamStatistics,
    VideoFormat,
    VideoParameters,
)
from callapi.media.prompts.library import FetchAudio, Fetched, PromptLibrary, PromptLimits, Unchanged
from callapi.media.sdp.negotiation import LocalMedia, MediaNegotiation
from callapi.media.sdp.security import DATAGRAM_SUITES, MediaSecurity

__all__ = [
    "DATAGRAM_SUITES",
    "AudioStream",
    "Bridge",
    "CodecFormat",
    "DigitPressed",
    "DigitSource",
    "Direction",
    "EngineFailed",
    "FetchAudio",
    "Fetched",
    "FirstPacket",
    "LocalMedia",
    "MediaAddress",
    "MediaError",
    "MediaNegotiation",
    "MediaPlane",
    "MediaSecurity",
    "NotAcceptable",
    "NothingHeard",
    "PlaneStatistics",
    "Playback",
    "PlaybackEnded",
    "PortsExhausted",
    "Prompt",
    "PromptLibrary",
    "PromptLimits",
    "RecordOptions",
    "Recording",
    "RecordingCause",
    "RecordingEnded",
    "SdpError",
    "Stalled",
    "StreamClosed",
    "StreamEvent",
    "StreamParameters",
    "StreamStatistics",
    "Unchanged",
    "UnplayableAudio",
    "VideoFormat",
    "VideoParameters",
    "VideoStream",
]
