"""Rooms that live on another node: one name is one room over all nodes, and its calls come from any.

The call keeps its document, record and callbacks on the node that took it. A second leg, of SIP between the two nodes,
carries its audio to the room, which knows the call by its own sid.
"""

from contextlib import AbstractAsyncContextManager
from typing import Protocol

from msgspec import Struct

from callapi.base.errors import CallApiError
from callapi.base.ids import AccountSid
from callapi.calls.call import Call
from callapi.calls.conferences.options import ParticipantOptions, RoomOptions
from callapi.calls.parameters import Parameters
from callapi.store import CallRecord


class RoomUnreachable(CallApiError):
    """The node that has the room cannot be reached."""


class Visit(Struct, frozen=True):
    """What the node of the room must know of a call that joins from another: URLs in it are absolute."""

    record: CallRecord
    sip: Parameters
    """What SIP adds to its voice requests."""
    name: str
    room: RoomOptions
    options: ParticipantOptions
    url: str
    """The document that the call runs, as the base of nothing but error messages."""
    method: str


class RoomsElsewhere(Protocol):
    """The rooms of other nodes."""

    async def host_of(self, account: AccountSid, name: str) -> str | None:
        """The other node that has this room; None: this one, which has it from now on. Raises Unavailable."""
        ...

    def visit(self, host: str, visit: Visit) -> AbstractAsyncContextManager[Call]:
        """A leg to the room, answered; it ends when the call is released from the room, or the node is gone.

        Raises:
            JoinRefused: the room is full, the label is taken, or the coached participant is not there.
            RoomUnreachable: the node does not answer.
        """
        ...
