"""Requests that only the node can answer that has the call: they are passed on to it whole, and its answer back.

The node that the client reached has authenticated it and read the request; the other one trusts that, for both share
one database.
"""

from typing import Final, Protocol

from msgspec import Struct
from starlette.responses import Response

from callapi.api.operation import Operation, RequestContext
from callapi.base.ids import AccountSid, CallSid

_CHANGING: Final = frozenset({"POST", "PUT", "DELETE"})
_CALL: Final = "/Accounts/{AccountSid}/Calls/{Sid}"
_OF_CALL: Final = "/Accounts/{AccountSid}/Calls/{CallSid}/"
_CONFERENCE: Final = "/Accounts/{AccountSid}/Conferences/"
_PARTICIPANTS: Final = "/Conferences/{Room}/Participants"
_RECORDING: Final = "/Recordings/{Sid}"


class ForwardedRequest(Struct, frozen=True):
    """A request as another node is to carry it out."""

    method: str
    path: str
    query: str
    accept: str
    form: str
    """The body, or the query of a GET."""
    principal: AccountSid
    """Who was authenticated."""


class ForwardedAnswer(Struct, frozen=True):
    """The answer of the other node."""

    status: int
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def as_response(self) -> Response:
        """The same for the client."""
        return Response(self.body, self.status, dict(self.headers))

    @classmethod
    def of(cls, response: Response) -> "ForwardedAnswer":
        """What a handler made; a body that is streamed cannot be passed on and is left out."""
        headers = tuple((k, v) for k, v in response.headers.items() if k != "content-length")
        return cls(response.status_code, headers, bytes(response.body))


class OtherNodes(Protocol):
    """The nodes that share this one's database."""

    async def node_of_call(self, sid: CallSid) -> str | None:
        """The other node that has this live call; None: it is this node's, or over, or there is no such call."""
        ...

    async def node_of_conference(self, account: AccountSid, room: str) -> str | None:
        """The other node that has this live conference, by its sid or name; None: this one, or none has."""
        ...

    async def host_of_conference(self, account: AccountSid, room: str) -> str | None:
        """The same for a request that makes the room: it is this node's from now on if no node has it."""
        ...

    async def node_of_recording(self, sid: str) -> str | None:
        """The other node, which runs, that has the file of this recording; None: this one, or none has."""
        ...

    async def forward(self, node: str, request: ForwardedRequest) -> ForwardedAnswer:
        """The answer of `node`. Raises NodeGone, Unavailable."""
        ...


async def node_for(operation: Operation, context: RequestContext, others: OtherNodes) -> str | None:
    """The other node that `operation` is for; None: this one can do it."""
    path = context.path
    if operation.method == "DELETE" and operation.path.endswith(_RECORDING):
        return await others.node_of_recording(path["Sid"])
    if operation.path.endswith(_PARTICIPANTS) and operation.method == "POST":
        return await others.host_of_conference(context.account.sid, path["Room"])
    if operation.path.startswith(_CONFERENCE) and "Room" in path:
        return await others.node_of_conference(context.account.sid, path["Room"])
    if operation.path.startswith(_CONFERENCE) and "Sid" in path and operation.method in _CHANGING:
        return await others.node_of_conference(context.account.sid, path["Sid"])
    if operation.path == _CALL:
        node = await others.node_of_call(CallSid(path["Sid"]))
        return node if operation.method in _CHANGING else None
    is_live = operation.method in _CHANGING or operation.path.endswith(("/Events", "/Events.pcap"))
    if operation.path.startswith(_OF_CALL) and is_live:
        return await others.node_of_call(CallSid(path["CallSid"]))
    return None
