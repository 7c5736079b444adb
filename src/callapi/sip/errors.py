"""What can go wrong in the SIP room; each leaf carries what the next layer needs, never only a message.

::

    SipError
    ├── ParseError            the bytes are no SIP message, or no SIP value: what to answer, and with which headers
    ├── LocalProtocolError    we asked for something that the protocol forbids: a fault of ours
    ├── RemoteProtocolError   the peer broke the protocol: the status to answer with
    ├── TransportError        a message could not be sent or a connection was lost
    └── ResolutionError       RFC 3263 found no address for a URI
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from callapi.base.errors import CallApiError

if TYPE_CHECKING:
    from callapi.sip.messages.headers import Headers


class SipError(CallApiError):
    """Base of the SIP room's errors."""


class ParseError(SipError):
    """Text that is not what the grammar asks for (RFC 3261 §25.1, RFC 4475 §3.1.2).

    `status_hint` is what a server answers (400, or 505 for another SIP version). `request_headers` are the
    headers of the refused request where a response can and may be built (not for a response, nor for an ACK).
    """

    def __init__(self, message: str, status_hint: int = 400, request_headers: Headers | None = None) -> None:
        super().__init__(message)
        self.status_hint = status_hint
        self.request_headers = request_headers


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
