"""Taking over from nodes that are dead: what they had becomes this node's, in one transaction, and is ended here."""

import logging
from contextlib import suppress
from typing import Protocol

from callapi.cluster.member import Member
from callapi.store import CallRecord, NodeEntry, NodeState, Unavailable

log = logging.getLogger(__name__)


class Burials(Protocol):
    """`store.Nodes`, as far as a takeover uses it."""

    async def bury(self, dead: NodeEntry) -> tuple[CallRecord, ...] | None:
        """Take over what a dead node had. None: it lives, or another node was first."""
        ...


class Heir(Protocol):
    """What this node does with what it took over."""

    async def inherit(self, node: str, calls: tuple[CallRecord, ...]) -> None:
        """Deliver the callbacks that `node` left, end the records of its `calls`, place the calls it had queued."""
        ...

    async def find(self, node: str) -> None:
        """The same, where it is not known which calls of `node` are this node's by now. Raises Unavailable."""
        ...


class Takeover:
    """Serves until cancelled."""

    def __init__(self, member: Member, nodes: Burials, heir: Heir) -> None:
        self._member = member
        self._nodes = nodes
        self._heir = heir

    async def serve(self) -> None:
        """Take over from one node after another."""
        while True:
            dead = await self._member.next_dead()
            try:
                calls = await self._nodes.bury(dead)
            except Unavailable as error:
                log.warning("node %s cannot be taken over from yet: %s", dead.name, error)
                await self._look(dead.name)
                continue
            if calls is None:
                continue
            if dead.state is not NodeState.LEFT:
                log.warning("node %s is dead: %d calls that it had are ended here", dead.name, len(calls))
            await self._heir.inherit(dead.name, calls)

    async def _look(self, node: str) -> None:
        """The takeover may have been made, and only its answer lost: then `node` is not found dead a second time."""
        while True:
            await self._member.readings.wait()
            with suppress(Unavailable):
                await self._heir.find(node)
                return
