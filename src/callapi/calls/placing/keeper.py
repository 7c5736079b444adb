"""The calls that wait to be placed, kept where other nodes find them should this one die."""

from typing import Protocol

from callapi.base.ids import AccountSid, CallSid
from callapi.calls.placing.queue import QueuedCall


class QueueKeeper(Protocol):
    """What the queue needs from a keeper outside this process."""

    async def keep(self, waiting: QueuedCall) -> bool:
        """Keep a call that is about to wait; False: its account has all the places, over all nodes, that it may have.

        Raises Unavailable.
        """
        ...

    async def claim(self, sid: CallSid) -> bool:
        """Take a call out for good, to place or end it; False: another node has it. Raises Unavailable."""
        ...

    async def turn(self, account: AccountSid) -> float:
        """0: the next call of `account` may be placed now; else how long its rate, over all nodes, makes it wait."""
        ...

    def ended(self, sid: CallSid) -> None:
        """The call waits no more: it was canceled or has failed."""
        ...


class KeptNowhere:
    """The keeper of a node without others: calls that wait end with the process, and have their records then."""

    async def keep(self, waiting: QueuedCall) -> bool:  # noqa: ARG002
        """True: the queue of the node has a bound of its own."""
        return True

    async def claim(self, sid: CallSid) -> bool:  # noqa: ARG002
        """True: no other node could have it."""
        return True

    async def turn(self, account: AccountSid) -> float:  # noqa: ARG002
        """0: the queue of the node has a rate of its own."""
        return 0.0

    def ended(self, sid: CallSid) -> None:
        """Nothing was kept."""
