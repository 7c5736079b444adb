"""What can go wrong with media, each leaf with the field that the next layer needs.

::

    MediaError
    ├── SdpError          a session description that cannot be read
    ├── NotAcceptable     nothing in common: 488 with this Warning (RFC 3261 §20.43)
    ├── PortsExhausted    every RTP port is taken: 503
    ├── UnplayableAudio   audio that cannot be fetched or decoded: the verb is skipped
    ├── EngineFailed      a speech engine is missing, too slow, or died
    └── StreamClosed      a command to a stream, bridge or plane that is closed
"""

from callapi.base.errors import CallApiError


class MediaError(CallApiError):
    """Base of the errors of this room."""


class SdpError(MediaError):
    """The body is no session description that can be used (RFC 8866)."""


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


class StreamClosed(MediaError):
    """The stream (or the plane) is closed; nothing more comes out of it and nothing can be asked of it."""
