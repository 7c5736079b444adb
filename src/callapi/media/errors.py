"""What can go wrong with media, each leaf with the field that the next layer needs.

::

    MediaError
    ├── SdpError          a session description that cannot be read
    ├── NotAcceptable     nothing in common: 488 with this Warning (RFC 3261 §20.43)
    ├── PortsExhausted    every RTP port is taken: 503
    ├── UnplayableAudio   audio that cannot be fetched or decoded: the verb is skipped
    ├── EngineFailed      a speech engine is missing, too slow, or died
    ├── BufferFull        an application feeds more audio than may be queued
    ├── RoomFull          a room has as many members as it may
    └── StreamClosed      a command to a stream, bridge, room or plane that is closed
"""

from callapi.base.errors import CallApiError


class MediaError(CallApiError):
    """Base of the errors of this room."""


class SdpError(MediaError):
    """The body is not a session description that can be used (RFC 8866)."""


class NotAcceptable(MediaError):
    """No usable codec, address or stream; the answer is 488 with a `Warning` header.

    Attributes:
        warning_code: of RFC 3261 §20.43, such as 304 (media type not available) or 305 (incompatible format).
        text: the sentence of the warning.
    """

    def __init__(self, warning_code: int, text: str) -> None:
        super().__init__(f"{warning_code} {text}")
        self.warning_code = warning_code
        self.text = text


class PortsExhausted(MediaError):
    """No RTP port pair is free within `media.rtp_ports`, or the process may open no more sockets."""


class UnplayableAudio(MediaError):
    """The audio cannot be fetched, decoded or played.

    Attributes:
        url: where it was to come from.
        reason: one sentence for the notification.
    """

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(f"{url}: {reason}")
        self.url = url
        self.reason = reason


class EngineFailed(MediaError):
    """A speech engine or recogniser is missing, too slow, too busy, or died.

    Attributes:
        engine: which.
        reason: one sentence for the notification.
    """

    def __init__(self, engine: str, reason: str) -> None:
        super().__init__(f"{engine}: {reason}")
        self.engine = engine
        self.reason = reason


class BufferFull(MediaError):
    """More audio, or more marks, than a Feeding may queue; nothing of what was given is queued.

    Attributes:
        buffered_ms: how much is queued already.
    """

    def __init__(self, buffered_ms: int, max_buffer_s: float) -> None:
        super().__init__(f"{buffered_ms} ms are queued and no more than {max_buffer_s:g} s may be")
        self.buffered_ms = buffered_ms


class RoomFull(MediaError):
    """A room has 250 members."""


class StreamClosed(MediaError):
    """The stream (or the plane) is closed; nothing more comes out of it and nothing can be asked of it."""
