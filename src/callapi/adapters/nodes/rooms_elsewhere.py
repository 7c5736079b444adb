"""Conferences over all nodes: who has a room, legs to the rooms of others, and the guests that others send.

The node of a call asks the node of the room, by a command, to expect a guest (`guests`).
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

from msgspec import MsgspecError, Struct
from msgspec.json import Decoder, Encoder

from callapi.adapters.nodes.guests import Expected, Guests
from callapi.base.ids import AccountSid
from callapi.calls.call import Call
from callapi.calls.conferences.directory import Conferences
from callapi.calls.conferences.elsewhere import RoomUnreachable, Visit
from callapi.calls.conferences.machine import JoinRefused
from callapi.calls.events import ConferenceChanged, EventBus
from callapi.cluster import Commands, Member, NodeGone
from callapi.store import Nodes, RoomTable, Unavailable

log = logging.getLogger(__name__)

VISIT: Final = "visit\n"
"""What the text of such a command begins with."""
ANSWER_S: Final = 5.0
_ENCODER: Final = Encoder()
_VISIT: Final = Decoder(Visit)


class _Welcome(Struct, frozen=True):
    """The answer to a visit: the user to call, or why not."""

    user: str = ""
    code: int = 0
    text: str = ""


_WELCOME: Final = Decoder(_Welcome)


class GuestStory(Protocol):
    """What a guest does: `verbs/dial/guest`, handed in by `node/`."""

    def __call__(self, call: Call, visit: Visit) -> Coroutine[Any, Any, None]:
        """Take part until the guest is released."""
        ...


@dataclass(frozen=True, slots=True)
class _Own:
    """What this node has itself."""

    conferences: Conferences
    story: GuestStory


class RoomsOfOthers:
    """The `RoomsElsewhere` of a node among others, and the guests of its own rooms."""

    def __init__(self, nodes: Nodes, member: Member, guests: Guests) -> None:
        self._nodes = nodes
        self._table = RoomTable(nodes.engine, nodes.owner.name)
        self._member = member
        self._guests = guests
        self._commands: Commands | None = None
        self._own: _Own | None = None
        self._over: asyncio.Queue[tuple[AccountSid, str]] = asyncio.Queue()  # no more than there were rooms

    async def open(self, conferences: Conferences, story: GuestStory, bus: EventBus) -> None:
        """Let guests in `conferences` live `story`. `bus` is that of the node. Raises Unavailable."""
        await self._nodes.run(self._table.release_all)
        self._own = _Own(conferences, story)
        bus.attach(ConferenceChanged, self._changed)

    def ask_through(self, commands: Commands) -> None:
        """Other nodes can be asked from now on."""
        self._commands = commands

    # --- rooms of others --------------------------------------------------------------------------------------------

    async def host_of(self, account: AccountSid, name: str) -> str | None:
        """As `RoomsElsewhere`."""
        host = await self._nodes.run(self._table.claim, account, name)
        return None if host == self._nodes.owner.name else host

    @asynccontextmanager
    async def visit(self, host: str, visit: Visit) -> AsyncIterator[Call]:
        """As `RoomsElsewhere`."""
        entry = self._member.membership.running(host)
        if entry is None or self._commands is None:
            raise RoomUnreachable(f"the node {host} that has the room does not answer")
        try:
            answer = await self._commands.ask(host, VISIT + _ENCODER.encode(visit).decode())
        except (NodeGone, Unavailable) as error:
            raise RoomUnreachable(str(error)) from error
        try:
            welcome = _WELCOME.decode(answer)
        except MsgspecError as error:
            raise RoomUnreachable(f"the node {host} that has the room is of another version") from error
        if not welcome.user:
            raise JoinRefused(welcome.code, welcome.text)
        async with self._guests.leg(entry, welcome.user, visit.record) as leg:
            try:
                if not await _is_answered(leg):
                    raise RoomUnreachable(f"the node {host} that has the room did not take the call")
                yield leg
            finally:
                leg.hang_up("the call has left the room")

    # --- guests of others -------------------------------------------------------------------------------------------

    async def expect(self, request: str) -> str:
        """The handler of commands that begin with `VISIT`."""
        try:
            visit = _VISIT.decode(request.removeprefix(VISIT))
        except MsgspecError:  # a node of another version
            return _ENCODER.encode(_Welcome(text="the nodes are of different versions")).decode()
        try:
            own = await self._check(visit)
        except (JoinRefused, Unavailable) as refusal:
            code = refusal.code if isinstance(refusal, JoinRefused) else 0
            return _ENCODER.encode(_Welcome(code=code, text=str(refusal))).decode()
        story = partial(own.story, visit=visit)
        user = self._guests.expect(Expected(visit.record, visit.sip, story, _not_missed))
        return _ENCODER.encode(_Welcome(user)).decode()

    async def _check(self, visit: Visit) -> _Own:
        """What the guest joins, if it may as things stand. Raises JoinRefused, Unavailable."""
        account = visit.record.account_sid
        if await self.host_of(account, visit.name) is not None:
            raise JoinRefused(0, "the room has just moved to another node")
        if self._own is None or self._guests.is_full:
            raise JoinRefused(0, "the node of the room has too many guests on their way")
        conference = self._own.conferences.find(account, visit.name)
        if conference is not None:
            conference.machine.check(visit.record.sid, visit.options)
        return self._own

    # --- rooms of this node -----------------------------------------------------------------------------------------

    def _changed(self, event: ConferenceChanged) -> None:
        if event.conference.status == "completed":
            self._over.put_nowait((event.conference.account_sid, event.conference.friendly_name))

    async def release(self) -> None:
        """Let other nodes have the rooms that are over here, until cancelled."""
        while True:
            account, name = await self._over.get()
            try:
                await self._nodes.run(self._table.release, account, name)
                if (
                    self._own is not None and self._own.conferences.find(account, name) is not None
                ):  # it was opened anew meanwhile
                    await self._nodes.run(self._table.claim, account, name)
            except Unavailable as error:
                log.warning("the name of a conference stays with this node: %s", error)


async def _is_answered(leg: Call) -> bool:
    try:
        return await leg.answered.wait(ANSWER_S)
    except TimeoutError:
        return False


def _not_missed() -> None:
    """A guest that does not come leaves nothing behind: it has no seat yet."""
