"""The leg from an agent of one node to a caller of another: both nodes know the same of what became of the two."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from callapi.adapters.nodes.guests import EXPECTED_S, Guests
from callapi.adapters.nodes.queues_elsewhere import LEAVE, QueuesOfOthers
from callapi.base.clock import boot_time, utc_now
from callapi.base.ids import QueueSid, new_queue_sid
from callapi.calls.bridges.joined import Bridged, InQueue
from callapi.calls.call import Call
from callapi.calls.events import EventBus
from callapi.calls.live import LiveCalls
from callapi.calls.queues.control import QueueControl
from callapi.calls.queues.directory import Queues
from callapi.calls.quotas import Quotas
from callapi.cluster import Commands, Member
from callapi.sip import Ended, Headers, InboundSession, Party
from callapi.sip.invite_session.commands import HangUp
from callapi.store import Owner, QueuePlace, QueueRecord, QueueState, Store
from callapi.verbs.interpreter import Interpreter
from tests.cluster.paper_bus import PaperBus, PaperServer, PaperTable
from tests.verbs.world import ACCOUNT, HERE, PaperQueues, Phone, World, world

WAITS = '<Response><Enqueue action="/left" waitUrl="">support</Enqueue></Response>'
SERVES = '<Response><Dial action="/served"><Queue>support</Queue></Dial></Response>'
PLACE = 1_000_000
NAMES = ("agents", "callers")


class Side:
    """One of two nodes, with what it has for the other; commands go straight to the other's handler."""

    def __init__(self, name: str, here: World, store: Store, paper: PaperQueues, legs: LiveCalls) -> None:
        assert store.nodes is not None
        self.here = here
        member = Member(store.nodes, name, boot_time)
        member.membership.read(PaperTable(*NAMES).nodes, 0.0)
        self.guests = Guests(member)
        self.guests.open(legs)
        self.of_others = QueuesOfOthers(store.nodes, member, self.guests)
        elsewhere = self.of_others if name == "agents" else None
        self.queues = Queues(paper, asyncio.get_running_loop().time, elsewhere)
        here.script = Interpreter(replace(here.services, queues=self.queues))
        self.of_others.open(self.queues, QueueControl(self.queues, here.script), here.script.be_agent)


class Straight:
    """Commands between two nodes without a database."""

    def __init__(self, handler: Callable[[str], Awaitable[str]]) -> None:
        self._handler = handler

    async def ask(self, _: str, request: str, *, undo: Callable[[str], str]) -> str:
        """The answer of the other node."""
        return await self._handler(request)


@asynccontextmanager
async def side(name: str, folder: Path, paper: PaperQueues) -> AsyncIterator[Side]:
    """A node, ended with all its calls."""
    owner = Owner(name, "1" * 32)
    async with (
        Store.open(f"sqlite:///{folder}/{name}.db", owner=owner) as store,
        world(folder) as here,
        LiveCalls(
            here.endpoint,  # type: ignore[arg-type]
            here.plane,
            EventBus(),
            node=name,
            codecs=("PCMU",),
            quotas=Quotas(),
            blocked_prefixes=(),
        ) as legs,
    ):
        yield Side(name, here, store, paper, legs)


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what is waited for is another task's
            await asyncio.sleep(0.005)


@asynccontextmanager
async def asking(node: Side, server: PaperServer, name: str) -> AsyncIterator[Commands]:
    """The commands of a node."""
    async with Member(PaperTable(*NAMES), name, boot_time) as member:
        bus = PaperBus(server, name)
        commands = Commands(bus, member, name, {"changed": lambda _node, _detail: None})  # type: ignore[arg-type]
        async with commands:
            node.of_others.ask_through(commands)
            yield commands


async def waiting_caller(
    callers: Side, agents: Side, sid: QueueSid
) -> tuple[tuple[Call, Phone], tuple[Call, Phone]]:
    """A caller in line, and an agent of the other node that asks for it: their calls and phones."""
    caller, alice = callers.here.caller(WAITS)
    await until(lambda: isinstance(caller.joined, InQueue))
    agent, bob = agents.here.caller(SERVES)
    await until(lambda: agents.queues.live(sid))
    line = agents.queues.live(sid)
    assert line is not None
    place = QueuePlace(caller.sid, "callers", is_agent=False, priority=0, number=PLACE)
    line.stands(QueueState((place,), frozenset(), "support", 100), "agents", frozenset())
    return (caller, alice), (agent, bob)


async def test_an_agent_that_hangs_up_while_the_other_node_is_asked(tmp_path: Path) -> None:
    """The caller that was taken for it is in line again at once, not when the agent's leg is given up."""
    paper, now, server = PaperQueues(), utc_now(), PaperServer()
    sid = new_queue_sid()
    await paper.keep(QueueRecord(sid, ACCOUNT, "support", 100, now, now))
    asked, may_answer = asyncio.Event(), asyncio.Event()
    async with (
        side("callers", tmp_path, paper) as callers,
        side("agents", tmp_path, paper) as agents,
        asking(callers, server, "callers") as answering,
        asking(agents, server, "agents"),
    ):

        async def slowly(request: str) -> str:
            if request.startswith(LEAVE):
                return await callers.of_others.leave(request)
            answer = await callers.of_others.take(request)
            asked.set()
            await may_answer.wait()
            return answer

        serving = asyncio.create_task(answering.serve(slowly))
        (caller, _), (_, bob) = await waiting_caller(callers, agents, sid)
        await asked.wait()
        live = callers.queues.live(sid)
        assert live is not None
        assert live.line.position(caller.sid) is None, "it was taken out of line"
        bob.hang_up()
        await until(lambda: agents.here.application.asked("/served"))
        may_answer.set()
        async with asyncio.timeout(EXPECTED_S / 2):
            while live.line.position(caller.sid) != 1:  # noqa: ASYNC110 - what is waited for is another task's
                await asyncio.sleep(0.005)
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


@pytest.mark.parametrize("is_known", [True, False], ids=["after its node knows", "before its node knows"])
async def test_an_agent_that_hangs_up_as_its_leg_is_answered(is_known: bool, tmp_path: Path) -> None:
    """The 200 of the caller's node is the joining there; whether it counts is for the agent's node to say."""
    paper, now = PaperQueues(), utc_now()
    sid = new_queue_sid()
    await paper.keep(QueueRecord(sid, ACCOUNT, "support", 100, now, now))
    async with (
        side("callers", tmp_path, paper) as callers,
        side("agents", tmp_path, paper) as agents,
    ):
        agents.of_others.ask_through(Straight(callers.of_others.take))  # type: ignore[arg-type]
        (caller, alice), (agent, bob) = await waiting_caller(callers, agents, sid)
        await until(lambda: agents.here.phones)
        [outbound] = agents.here.phones
        inbound = Phone(outbound.request)
        inbound.session = InboundSession(outbound.request, HERE, inbound)
        assert callers.guests.receive(inbound.session)
        await until(lambda: inbound.is_answered)
        assert caller.joined == Bridged(agent.sid)

        outbound.answer()
        if is_known:
            await until(lambda: agent.joined == Bridged(caller.sid))
        bob.hang_up()
        await until(lambda: outbound.sent)
        [end] = outbound.sent
        assert isinstance(end, HangUp)
        reason = Headers()
        if end.reason is not None:
            reason.add("Reason", end.reason)
        inbound.session.put(Ended(Party.REMOTE, 200, "bye", reason))

        await until(lambda: agents.here.application.asked("/served"))
        [served] = agents.here.application.asked("/served")
        if is_known:
            assert served["DialBridged"] == "true"
            await until(lambda: callers.here.application.asked("/left"))
        else:
            assert served["DialBridged"] == "false"
            await until(lambda: isinstance(caller.joined, InQueue))
            live = callers.queues.live(sid)
            assert live is not None
            assert live.line.position(caller.sid) == 1
            alice.hang_up()
            await until(lambda: callers.here.application.asked("/left"))
        [left] = callers.here.application.asked("/left")
        assert left["QueueResult"] == ("bridged" if is_known else "hangup")
