"""Validates headers and status codes supplied by the application's side before any state changes.

A value with a line end would break out of its field, a name that is not a token would not be a field, and a status of
the wrong class would lead a machine into the wrong state. Each is a fault of our own code: LocalProtocolError.
"""

from callapi.sip.errors import LocalProtocolError
from callapi.sip.invite_session.commands import (
    Accept,
    Command,
    ExtraHeaders,
    HangUp,
    Refuse,
    RefuseOffer,
    Ring,
    SendInfo,
)
from callapi.sip.messages.header_names import is_token
from callapi.sip.messages.message import Request


def validate(command: Command) -> None:
    """Validate a command of the story. Raises LocalProtocolError."""
    match command:
        case Ring(status, reason, _, headers):
            _validate_status(status, 101, 199)
            _validate_fields(reason, headers)
        case Refuse(status, reason, headers):
            _validate_status(status, 300, 699)
            _validate_fields(reason, headers)
        case RefuseOffer(status, headers):
            _validate_status(status, 300, 699)
            _validate_fields(None, headers)
        case HangUp(reason, headers):
            _validate_fields(reason, headers)
        case Accept(_, headers):
            _validate_fields(None, headers)
        case SendInfo(content_type, _):
            _validate_fields(content_type, ())
        case _:
            pass


def add_headers(request: Request, extra: ExtraHeaders) -> None:
    """Add headers to a request of ours; one that is there already is replaced. Raises LocalProtocolError.

    The rest of the request is judged with them: addresses are given by the story too.
    """
    if extra:
        _validate_fields(None, extra)
        ours = request.headers.copy()
        for name, value in extra:
            if name in ours:
                request.headers.set(name, value)
            else:
                request.headers.add(name, value)
    lines = request.headers.lines()
    every = "".join(lines)
    if "\r" in every or "\n" in every:
        for line in lines:
            _validate_value(line.partition(":")[0], line)


def _validate_status(status: int, lowest: int, highest: int) -> None:
    if not lowest <= status <= highest:
        raise LocalProtocolError(f"{status} is not between {lowest} and {highest}")


def _validate_fields(text: str | None, headers: ExtraHeaders) -> None:
    for name, value in headers:
        if not is_token(name):
            raise LocalProtocolError(f"not a header name: {name[:80]!r}")
        _validate_value(name, value)
    if text is not None:
        _validate_value("a header field", text)


def _validate_value(name: str, value: str) -> None:
    if "\r" in value or "\n" in value:
        raise LocalProtocolError(f"a line end inside {name}")
