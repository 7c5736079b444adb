"""Queues over all nodes: one name is one line, whatever nodes have its callers and its agents.

Each node knows the whole line, and pairs the first agent with the first caller, the second with the second; the node of
the agent acts. Where the caller is on another node, that node alone decides whether the caller is still free; a leg of
SIP between the two nodes then carries the agent's audio to it.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol

from msgspec import Struct

from callapi.base.errors import CallApiError
from callapi.base.ids import AccountSid, CallSid, QueueSid
from callapi.calls.call import Call
from callapi.calls.documents.document import DocumentRequest
from callapi.calls.parameters import Parameters
from callapi.store import CallRecord, QueuePlace

GAVE_UP: Final = 'SIP;cause=487;text="the agent gave up"'
"""The Reason (RFC 3326) with which an agent's node ends a leg of whose answer it did not learn in time."""


class CallerGone(CallApiError):
    """The caller has left its queue, or cannot be reached: the agent goes on to the next."""


class AgentVisit(Struct, frozen=True):
    """What the node of a caller must know of the agent that takes it."""

    record: CallRecord
    """The agent's call."""
    sip: Parameters
    queue_sid: QueueSid
    caller: CallSid
    url: str | None
    """Requested for the document that the caller hears before it is joined; absolute."""
    method: str


class QueuesElsewhere(Protocol):
    """The queues of this node's calls as the other nodes see them."""

    def changed(self, queue: QueueSid) -> None:
        """The places of this node's calls in `queue` are others than before; does not wait."""
        ...

    async def agreed_sid(self, account: AccountSid, name: str, proposal: QueueSid) -> QueueSid:
        """The sid under which every node makes the queue of that name. Raises Unavailable."""
        ...

    async def forget(self, account: AccountSid, name: str, queue: QueueSid) -> None:
        """The queue does not have that name, or its former size, any more. Raises Unavailable."""
        ...

    async def look(self, queues: Sequence[QueueSid]) -> Mapping[QueueSid, tuple[QueuePlace, ...]]:
        """Who waits in each of `queues` on other nodes. Raises Unavailable."""
        ...

    async def redirect(self, node: str, caller: CallSid, queue: QueueSid, request: DocumentRequest) -> bool:
        """Let `node` take a caller out of the queue; whether it was still there. Raises NodeGone, Unavailable."""
        ...

    def visit(self, node: str, visit: AgentVisit) -> AbstractAsyncContextManager[Call]:
        """A leg to the caller, answered once the caller is ready for the agent; it ends when the caller leaves.

        Raises:
            CallerGone: another agent was first, it hung up, or its node does not answer.
        """
        ...
