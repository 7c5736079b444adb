"""What our own side may put into messages, judged before any machine has moved.

A value with a line end would break out of its field, a name that is no token would not be a field, and a status of the
wrong class would send a machine down the wrong arrow. Each is a fault of ours: LocalProtocolError.
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


def vet(command: Command) -> None:
    """Judge a command of the story. Raises LocalProtocolError."""
    match command:
        case Ring(status, reason, _, headers):
            _vet_status(status, 101, 199)
            _vet_fields(reason, headers)
        case Refuse(status, reason, headers):
            _vet_status(status, 300, 699)
            _vet_fields(reason, headers)
        case RefuseOffer(status, headers):
            _vet_status(status, 300, 699)
            _vet_fields(None, headers)
        case HangUp(reason, headers):
            _vet_fields(reason, headers)
        case Accept(_, headers):
            _vet_fields(None, headers)
        case SendInfo(content_type, _):
            _vet_fields(content_type, ())
        case _:
            pass


def add_headers(request: Request, extra: ExtraHeaders) -> None:
    """Add headers to a request of ours; one that is there already is replaced. Raises LocalProtocolError.

    The rest of the request is judged with them: addresses are given by the story too.
    """
    if extra:
        _vet_fields(None, extra)
        ours = {name.lower() for name, _ in request.headers.items()}
        for name, value in extra:
            if name.lower() in ours:
                request.headers.set(name, value)
            else:
                request.headers.add(name, value)
    for name, value in request.headers.items():
        _vet_value(name, value)


def _vet_status(status: int, lowest: int, highest: int) -> None:
    if not lowest <= status <= highest:
        raise LocalProtocolError(f"{status} is not between {lowest} and {highest}")


def _vet_fields(text: str | None, headers: ExtraHeaders) -> None:
    for name, value in headers:
        if not is_token(name):
            raise LocalProtocolError(f"not a header name: {name[:80]!r}")
        _vet_value(name, value)
    if text is not None:
        _vet_value("a header field", text)


def _vet_value(name: str, value: str) -> None:
    if "\r" in value or "\n" in value:
        raise LocalProtocolError(f"a line end inside {name}")
