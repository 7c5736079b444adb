"""The live dialogs of an endpoint by their identifiers, and the inbound sessions that wait to be read."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator

from callapi.sip.endpoint.runner import SessionRunner
from callapi.sip.endpoint.transactions import DialogKey
from callapi.sip.errors import RemoteProtocolError
from callapi.sip.events import Ended
from callapi.sip.messages.message import Request
from callapi.sip.messages.transfer import Replaces, read_replaces
from callapi.sip.session import InboundSession, Session


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

    # --- dialogs that others name (RFC 3891) ---

    def find_session(self, replaces: Replaces) -> Session | None:
        """The live session of the dialog that a Replaces names; None: it is not one of ours."""
        runner = self._runners.get((replaces.call_id, replaces.to_tag))
        return runner.session if runner is not None and runner.has_dialog(replaces.from_tag) else None

    def replaced_by(self, invite: Request) -> Session | None:
        """The session whose place an INVITE is to take; None: it has no Replaces.

        Raises ParseError for a malformed one, RemoteProtocolError by the rules of §3: 481 for a dialog that is not
        ours, or an early one that the peer began; 603 for one that has ended; 486 for `early-only` on a confirmed one.
        """
        replaces = read_replaces(invite)
        if replaces is None:
            return None
        runner = self._runners.get((replaces.call_id, replaces.to_tag))
        if runner is not None and runner.session is None:
            raise RemoteProtocolError("the dialog to be replaced has ended", 603)
        session = self.find_session(replaces)
        if session is None:
            raise RemoteProtocolError("Replaces names a dialog that is not ours", 481)
        if session.is_answered and replaces.is_early_only:
            raise RemoteProtocolError("the dialog to be replaced is confirmed (early-only)", 486)
        if not session.is_answered and isinstance(session, InboundSession):
            raise RemoteProtocolError("an early dialog is replaced by its caller's side alone", 481)
        return session

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
