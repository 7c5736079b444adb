"""The errors of the SIP room; each class carries what its handler needs, never only a message.

::

    SipError
    ├── ParseError            the text is not a SIP message or value: the status to answer with
    │   └── UnreadableMessage the same, of a request that can be answered (in `messages.message`)
    ├── LocalProtocolError    our own code asked for something that the protocol forbids
    ├── RemoteProtocolError   the peer broke the protocol: the status to answer with
    ├── TransportError        a message could not be sent or a connection was lost
    └── ResolutionError       RFC 3263 found no address for a URI
"""

from callapi.base.errors import CallApiError


class SipError(CallApiError):
    """Base of the SIP room's errors."""


class ParseError(SipError):
    """Text that is not what the grammar asks for (RFC 3261 §25.1, RFC 4475 §3.1.2).

    `status_hint` is what a server answers (400, or 505 for another SIP version).
    """

    def __init__(self, message: str, status_hint: int = 400) -> None:
        super().__init__(message)
        self.status_hint = status_hint


class LocalProtocolError(SipError):
    """Our own code asked for what the protocol forbids."""


class RemoteProtocolError(SipError):
    """The peer broke the protocol; `status_hint` is the answer it gets if it still waits for one."""

    def __init__(self, message: str, status_hint: int = 400) -> None:
        super().__init__(message)
        self.status_hint = status_hint


class TransportError(SipError):
    """A message could not be sent, or its connection was lost (RFC 3261 §8.1.3.1: treated as a 503)."""


class ResolutionError(SipError):
    """No address was found for a URI (RFC 3263 §4)."""
