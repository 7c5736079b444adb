"""The inputs of a session's machine from the endpoint, beside the commands of the application's story."""

from msgspec import Struct

from callapi.sip.invite_session.commands import Command
from callapi.sip.messages.message import Request, Response
from callapi.sip.outputs import Handle, TimerFired


class Begin(Struct, frozen=True, gc=False):
    """The first input of a session, once."""


class Resolved(Struct, frozen=True, gc=False):
    """The next hops of our INVITE in order of preference (RFC 3263), opaque here; none: `why_none` says why."""

    hops: tuple[object, ...]
    why_none: str = ""


class RequestReceived(Struct, frozen=True, gc=False):
    """A request within the dialog other than ACK and CANCEL; it must be answered through `handle`."""

    request: Request
    handle: Handle


class AckReceived(Struct, frozen=True, gc=False):
    """An ACK for a 2xx of ours."""

    request: Request


class CancelReceived(Struct, frozen=True, gc=False):
    """A CANCEL of the INVITE behind `handle`; the CANCEL itself is answered already."""

    request: Request
    handle: Handle


class ResponseReceived(Struct, frozen=True, gc=False):
    """A response to `request`, one of ours as it was given to the endpoint.

    `is_local`: generated here because the peer sent none; 408 stands for silence, 503 for a broken transport
    (RFC 3261 §8.1.3.1).
    """

    request: Request
    response: Response
    is_local: bool = False


class InviteOver(Struct, frozen=True, gc=False):
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


class FlowLost(Struct, frozen=True, gc=False):
    """The connection that this dialog depends on has closed: an input of the whole machine, in every phase."""


BEGIN = Begin()
