"""The live dialogs of an endpoint by their identifiers, and the inbound sessions that wait to be read."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from callapi.sip.endpoint.runner import SessionRunner
from callapi.sip.endpoint.transactions import DialogKey
from callapi.sip.events import Ended
from callapi.sip.session import InboundSession


class SessionTable:
    """Runners by Call-ID and our tag (RFC 3261 §12), and the queue behind `incoming()`."""

    __slots__ = ("_arrival", "_incoming", "_is_open", "_max_waiting", "_runners")

    def __init__(self, max_waiting: int) -> None:
        """`max_waiting`: inbound sessions that were not read yet."""
        self._max_waiting = max_waiting
        self._runners: dict[DialogKey, SessionRunner] = {}
        self._incoming: deque[InboundSession] = deque()
        self._arrival: asyncio.Future[None] | None = None
        self._is_open = True

    def __len__(self) -> int:
        return len(self._runners)

    def find(self, key: DialogKey) -> SessionRunner | None:
        """The runner of a dialog."""
        return self._runners.get(key)

    def add(self, runner: SessionRunner) -> None:
        """Enter a session."""
        self._runners[(runner.call_id, runner.local_tag)] = runner

    def forget(self, runner: SessionRunner) -> None:
        """Every usage of the dialog is over, late retransmissions included."""
        self._runners.pop((runner.call_id, runner.local_tag), None)

    def runners(self) -> list[SessionRunner]:
        """Every live dialog."""
        return list(self._runners.values())

    # --- inbound sessions ---

    @property
    def is_full(self) -> bool:
        """Whether a new session would not be read."""
        return not self._is_open or len(self._incoming) >= self._max_waiting

    @property
    def unread(self) -> int:
        """Inbound sessions that were not read yet."""
        return len(self._incoming)

    def put(self, session: InboundSession) -> None:
        """Offer a new inbound session to the reader of `incoming`."""
        self._incoming.append(session)
        self._wake()

    async def incoming(self) -> AsyncIterator[InboundSession]:
        """Sessions in the order in which their INVITEs came; ends at `close`."""
        while True:
            while self._incoming:
                yield self._incoming.popleft()
            if not self._is_open:
                return
            self._arrival = asyncio.get_running_loop().create_future()
            try:
                await self._arrival
            finally:
                self._arrival = None

    def stop_reading(self) -> None:
        """No new sessions: the readers of `incoming` come to their end."""
        self._is_open = False
        self._wake()

    def close(self, ended: Ended) -> None:
        """End every session at once, without a message to its peer."""
        for runner in self.runners():
            runner.close(ended)
        self._incoming.clear()

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)
