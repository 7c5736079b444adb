"""Conferences over all nodes: who has a room, legs to the rooms of others, and the guests that others send.

The node of a call asks the node of the room, by a command, to expect a guest; the answer holds an address that can be
called once, and soon. Both ends of that leg are calls on a bus of their own: they have no records and no callbacks,
for the call itself has them.
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final, Protocol

from msgspec import MsgspecError, Struct
from msgspec.json import Decoder, Encoder
from msgspec.structs import replace

from callapi.base.ids import AccountSid
from callapi.base.listen_address import parse_listen_address
from callapi.base.values import SrtpPolicy
from callapi.calls.call import Call
from callapi.calls.conferences.directory import Conferences
from callapi.calls.conferences.elsewhere import RoomUnreachable, Visit
from callapi.calls.conferences.machine import JoinRefused
from callapi.calls.events import ConferenceChanged, EventBus, ProblemRaised
from callapi.calls.live import LiveCalls
from callapi.calls.placing.addresses import sip_address
from callapi.calls.placing.placement import InboundCall, Placement
from callapi.calls.status import CallStatus
from callapi.cluster import Commands, Member, NodeGone
from callapi.sip import InboundSession, NameAddr, Request, SipUri
from callapi.store import NodeEntry, Nodes, RoomTable, Unavailable

log = logging.getLogger(__name__)

VISIT: Final = "visit\n"
"""What the text of such a command begins with; others are requests of REST."""
EXPECTED_S: Final = 10.0
ANSWER_S: Final = 5.0
MAX_EXPECTED: Final = 1000
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

    legs: LiveCalls
    conferences: Conferences
    story: GuestStory


class RoomsOfOthers:
    """The `RoomsElsewhere` of a node among others, and the guests of its own rooms."""

    def __init__(self, nodes: Nodes, member: Member) -> None:
        self._nodes = nodes
        self._table = RoomTable(nodes.engine, nodes.owner.name)
        self._member = member
        self._commands: Commands | None = None
        self._own: _Own | None = None
        self._visits: dict[Call, NodeEntry] = {}
        self._expected: dict[str, Visit] = {}
        self._over: asyncio.Queue[tuple[AccountSid, str]] = asyncio.Queue()  # no more than there were rooms

    async def open(self, legs: LiveCalls, conferences: Conferences, story: GuestStory, bus: EventBus) -> None:
        """Have `legs`, on a bus of their own, to the rooms of others; guests in `conferences` live `story`.

        `bus` is that of the node. Raises Unavailable.
        """
        await self._nodes.run(self._table.release_all)
        self._own = _Own(legs, conferences, story)
        bus.attach(ConferenceChanged, self._changed)
        legs.bus.attach(ProblemRaised, bus.publish)

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
        if entry is None or self._commands is None or self._own is None:
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
        leg = _call(self._own.legs, entry, welcome.user, visit)
        self._visits[leg] = entry
        try:
            if not await _is_answered(leg):
                raise RoomUnreachable(f"the node {host} that has the room did not take the call")
            yield leg
        finally:
            del self._visits[leg]
            leg.hang_up("the call has left the room")

    async def watch(self) -> None:
        """End the visits to nodes that are gone, until cancelled."""
        while True:
            await self._member.readings.wait()
            for leg, host in list(self._visits.items()):
                now = self._member.membership.running(host.name)
                if now is None or now.epoch != host.epoch:
                    leg.hang_up(f"the node {host.name} is gone")

    # --- guests of others -------------------------------------------------------------------------------------------

    async def expect(self, request: str) -> str:
        """The handler of commands that begin with `VISIT`."""
        try:
            visit = _VISIT.decode(request.removeprefix(VISIT))
        except MsgspecError:  # a node of another version
            return _ENCODER.encode(_Welcome(text="the nodes are of different versions")).decode()
        try:
            await self._check(visit)
        except (JoinRefused, Unavailable) as refusal:
            code = refusal.code if isinstance(refusal, JoinRefused) else 0
            return _ENCODER.encode(_Welcome(code=code, text=str(refusal))).decode()
        user = f"guest-{secrets.token_hex(16)}"
        self._expected[user] = visit
        asyncio.get_running_loop().call_later(EXPECTED_S, self._expected.pop, user, None)
        return _ENCODER.encode(_Welcome(user)).decode()

    async def _check(self, visit: Visit) -> None:
        """Whether the guest may join as things stand. Raises JoinRefused, Unavailable."""
        account = visit.record.account_sid
        if await self.host_of(account, visit.name) is not None:
            raise JoinRefused(0, "the room has just moved to another node")
        if len(self._expected) >= MAX_EXPECTED:
            raise JoinRefused(0, "the node of the room has too many guests on their way")
        conference = self._own.conferences.find(account, visit.name) if self._own else None
        if conference is not None:
            conference.machine.check(visit.record.sid, visit.options)

    def is_expected(self, request: Request) -> bool:
        """Whether an INVITE is that of a guest: it is admitted whatever limits there are, its call has passed them."""
        return isinstance(request.uri, SipUri) and request.uri.user in self._expected

    def receive(self, session: InboundSession) -> bool:
        """Take the session of a guest; False: it is not one. Raises as `LiveCalls.admit`."""
        uri = session.request.uri
        visit = self._expected.pop(uri.user or "", None) if isinstance(uri, SipUri) else None
        if visit is None or self._own is None:
            return False
        record = visit.record
        arrival = InboundCall(
            record.account_sid, record.from_, record.to, None, None, visit.sip, srtp=SrtpPolicy.OFF
        )
        legs, story = self._own.legs, self._own.story
        leg = legs.admit(session, arrival).leg
        guest = replace(record, status=CallStatus.RINGING.value, status_callback=None)
        call = Call(guest, leg, legs.bus, visit.sip)
        legs.start(call, partial(story, call, visit))
        return True

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


def _call(legs: LiveCalls, host: NodeEntry, user: str, visit: Visit) -> Call:
    where = parse_listen_address(host.sip)
    # A node that listens on every address is found where its HTTP server is.
    name = where.host if where.host not in {"0.0.0.0", "::"} else _host_of(host.http)  # noqa: S104
    transport = "" if where.scheme == "udp" else f";transport={where.scheme}"
    address = where._replace(host=name, scheme="").host_port
    caller = SipUri.parse(f"sip:callapi@{address}")
    return legs.place(
        Placement(
            account_sid=visit.record.account_sid,
            direction="outbound-dial",
            address=sip_address(f"sip:{user}@{address}{transport}"),
            from_=NameAddr(None, caller, ()),
            from_name=visit.record.from_,
            to_name=visit.record.to,
            srtp=SrtpPolicy.OFF,
        )
    )


async def _is_answered(leg: Call) -> bool:
    try:
        return await leg.answered.wait(ANSWER_S)
    except TimeoutError:
        return False


def _host_of(url: str) -> str:
    return url.partition("://")[2].rpartition(":")[0].strip("[]")


Handler = Callable[[str], Awaitable[str]]


def by_kind(rooms: RoomsOfOthers, rest: Handler) -> Handler:
    """The handler of all commands between nodes."""

    async def handle(request: str) -> str:
        return await (rooms.expect(request) if request.startswith(VISIT) else rest(request))

    return handle
