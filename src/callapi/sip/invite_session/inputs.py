"""What the endpoint feeds to the machine of a session, beside the story's commands."""

from dataclasses import dataclass

from callapi.sip.invite_session.commands import Command
from callapi.sip.message import Request, Response
from callapi.sip.outputs import TimerFired

Handle = object
"""A server transaction, opaque here: given with a request, handed back with its response."""


@dataclass(frozen=True, slots=True)
class Begin:
    """The first input of a session, once."""


@dataclass(frozen=True, slots=True)
class Resolved:
    """The next hops of our INVITE in order of preference (RFC 3263), opaque here; none: there is no way."""

    hops: tuple[object, ...]
    why_none: str = ""


@dataclass(frozen=True, slots=True)
class RequestReceived:
    """A request within the dialog other than ACK and CANCEL; it must be answered through `handle`."""

    request: Request
    handle: Handle


@dataclass(frozen=True, slots=True)
class AckReceived:
    """An ACK for a 2xx of ours."""

    request: Request


@dataclass(frozen=True, slots=True)
class CancelReceived:
    """A CANCEL of the INVITE behind `handle`; the CANCEL itself is answered already."""

    request: Request
    handle: Handle


@dataclass(frozen=True, slots=True)
class ResponseReceived:
    """An answer to `request`, which is ours as we gave it away.

    `is_local`: no peer sent it; 408 stands for silence, 503 for a broken transport (RFC 3261 §8.1.3.1).
    """

    request: Request
    response: Response
    is_local: bool = False


@dataclass(frozen=True, slots=True)
class InviteOver:
    """The client transaction of an INVITE of ours has ended: no more 2xx can come of it."""

    request: Request


Network = (
    Begin
    | Resolved
    | RequestReceived
    | AckReceived
    | CancelReceived
    | ResponseReceived
    | InviteOver
    | TimerFired
)
Input = Network | Command

BEGIN = Begin()
