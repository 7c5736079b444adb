"""Failures of a WebSocket to an application, each with Twilio's code.

::

    StreamError                code, and a sentence that names the URL or the rule
    ├── HandshakeTimedOut      31901  no answer to the handshake within `webhooks.timeout_s`
    ├── ConnectionRefused      31902  no TCP connection: refused, unreachable, unknown host, address not allowed
    ├── TlsFailed              31910  the TLS handshake failed, or the certificate is not trusted
    ├── HandshakeRefused       31920  an answer other than 101, or none
    ├── SocketLost             31921  the open socket broke, or the application closed it with an error code
    ├── WrongScheme            31922  the URL is neither ws:// nor wss://
    └── ProtocolViolation      31924  a message that the protocol does not allow
"""

from typing import ClassVar

from callapi.base.errors import CallApiError


class StreamError(CallApiError):
    """Base of the errors of this room."""

    code: ClassVar[int] = 31900


class HandshakeTimedOut(StreamError):
    """No answer to the handshake in time."""

    code = 31901


class ConnectionRefused(StreamError):
    """No TCP connection to the application."""

    code = 31902


class TlsFailed(StreamError):
    """TLS failed before the handshake."""

    code = 31910


class HandshakeRefused(StreamError):
    """The application answered the handshake with something other than 101."""

    code = 31920


class SocketLost(StreamError):
    """The socket ended without a normal close."""

    code = 31921


class WrongScheme(StreamError):
    """The URL cannot be connected to as a WebSocket."""

    code = 31922


class ProtocolViolation(StreamError):
    """The application sent a message that the protocol does not allow."""

    code = 31924
