"""The root of every error that CallAPI raises on purpose; the leaves live in each room's `errors.py`.

::

    CallApiError
    ├── SettingsError      base      what is wrong with the configuration, and where
    ├── SipError           sip       ParseError, LocalProtocolError, RemoteProtocolError, TransportError, ...
    ├── MediaError         media     NotAcceptable, PortsExhausted, UnplayableAudio, ...
    ├── RcmlError          rcml      DocumentError with code, line and column
    ├── WebhookError       webhooks  Unreachable, TimedOut, BadStatus, ...
    ├── StoreError         store     Conflict, Unavailable
    └── ApiError           api       Twilio's code and the HTTP status

A call that ends is not an error but an `Ending` value (`calls/status.py`).
"""


class CallApiError(Exception):
    """Base of all errors raised by CallAPI itself."""


class SettingsError(CallApiError):
    """The configuration is not usable; the text says which key, where, and what is allowed."""
