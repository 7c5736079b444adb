"""Any coming and going at a queue ends well.

Callers and agents arrive, leave, time out and hang up in any order and at the same instant: each caller is joined with
one agent at most and is given one result, each agent is given one outcome, positions are true, the order is kept, and
no call, bridge or task is left.
"""

import asyncio
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callapi.calls.bridges.joined import Bridged
from callapi.calls.call import Call
from callapi.calls.documents.document import DocumentRequest
from callapi.calls.queues.control import MemberUnknown, QueueControl
from callapi.calls.queues.queue import QueueResult
from tests.verbs.world import ACCOUNT, Phone, World, world
from tests.virtual_time import run

WAITS = '<Response><Enqueue action="/left" {}>support</Enqueue></Response>'
AGENT = '<Response><Dial action="/served" {}><Queue {}>support</Queue></Dial></Response>'
PAGES = {
    "/left": "<Response><Hangup/></Response>",
    "/served": "<Response><Hangup/></Response>",
    "/elsewhere": '<Response><Pause length="1"/></Response>',
    "/about": '<Response><Pause length="2"/></Response>',
    "/impatient": '<Response><Pause length="4"/><Leave/></Response>',
    "/rude": '<Response><Pause length="4"/><Hangup/></Response>',
    "/patient": '<Response><Pause length="3"/></Response>',
}
WAITING = [
    "",
    'waitUrl="/impatient"',
    'waitUrl="/rude"',
    'waitUrl="/patient"',
    'maxQueueSize="3"',
    'waitUrl=""',
]
SERVING = [
    ('timeout="5"', ""),
    ('timeout="5"', 'url="/about"'),
    ('timeout="60" timeLimit="3"', ""),
    ('hangupOnStar="true"', ""),
]
RESULTS = {each.value for each in QueueResult}


@dataclass(frozen=True)
class Step:
    """Something that happens, and how long nothing happens after it."""

    what: str
    who: int
    after_s: float


WHAT = [*["caller"] * 4, *["agent"] * 3, *("caller hangs up", "agent hangs up", "star", "dequeue", "front")]
steps = st.builds(
    Step,
    what=st.sampled_from(WHAT),
    who=st.integers(0, 30),
    after_s=st.sampled_from([0.0, 0.0, 0.0, 0.05, 1.0, 2.0, 5.0]),
)


class Desk:
    """A queue, its callers, and its agents."""

    def __init__(self, here: World) -> None:
        self.here = here
        self.callers: list[tuple[Call, Phone]] = []
        self.agents: list[tuple[Call, Phone]] = []
        self.partners: dict[str, set[str]] = {}
        """With which agents a caller was ever joined."""
        here.application.documents |= PAGES
        self._control = QueueControl(here.services.queues, here.script)

    async def act(self, step: Step) -> None:
        """Make one step happen, if it can happen now."""
        match step.what:
            case "caller":
                waiting = WAITING[step.who % len(WAITING)]
                self.callers.append(self.here.caller(WAITS.format(waiting), self._page()))
            case "agent":
                serving = SERVING[step.who % len(SERVING)]
                self.agents.append(self.here.caller(AGENT.format(*serving), self._page()))
            case "caller hangs up" if self.callers:
                self.callers[step.who % len(self.callers)][1].hang_up()
            case "agent hangs up" if self.agents:
                self.agents[step.who % len(self.agents)][1].hang_up()
            case "star" if self.agents:
                agent = self.agents[step.who % len(self.agents)][0]
                if not agent.ended.is_set:
                    self.here.stream_of(agent).press("*")
            case "dequeue" | "front":
                await self._dequeue(step)
        await asyncio.sleep(step.after_s)

    def _page(self) -> str:
        """A page of its own for each call: calls that come at the same instant do not share a document."""
        return f"/voice/{len(self.callers)}/{len(self.agents)}"

    async def _dequeue(self, step: Step) -> None:
        queue = await self.here.services.queues.find(ACCOUNT, "support")
        if queue is None or not self.callers:
            return
        key = "Front" if step.what == "front" else self.callers[step.who % len(self.callers)][0].sid
        try:
            await self._control.dequeue(queue.record, key, DocumentRequest("http://app/elsewhere"))
        except MemberUnknown:
            return

    async def check(self, step: Step) -> None:
        """What holds after every step: positions without a gap, in the order of arrival, and joined calls in pairs."""
        for call, _ in self.callers:
            if isinstance(call.joined, Bridged):
                self.partners.setdefault(call.sid, set()).add(call.joined.other)
        queue = await self.here.services.queues.find(ACCOUNT, "support")
        if queue is None:
            return
        members = await self._control.members(queue.record)
        assert [each.position for each in members] == list(range(1, len(members) + 1))
        arrivals = [call.sid for call, _ in self.callers]
        assert sorted(members, key=lambda each: arrivals.index(each.call_sid)) == list(members)
        if step.after_s:
            assert not any(queue.tickets[each.call_sid].call.ended.is_set for each in members)


def judge(desk: Desk) -> None:
    """What the application was asked."""
    asked = desk.here.application.asked
    left = Counter(each["CallSid"] for each in asked("/left"))
    assert set(left.values()) <= {1}
    assert {each["QueueResult"] for each in asked("/left")} <= RESULTS
    results = {each["CallSid"]: each["QueueResult"] for each in asked("/left")}
    entered = {call.sid for call, _ in desk.callers if call.answered_at is not None}
    assert entered == set(left), "every caller that was let in has its result"
    served = asked("/served")
    assert max(Counter(each["CallSid"] for each in served).values(), default=1) == 1
    joined = [each["DialCallSid"] for each in served if each["DialBridged"] == "true"]
    assert len(joined) == len(set(joined)), "each caller is served once"
    for sid in joined:
        assert results[sid] in {"bridged", "redirected-from-bridged"}
    assert {sid for sid, result in results.items() if result == "bridged"} <= set(joined)
    assert all(len(agents) == 1 for agents in desk.partners.values())
    assert set(desk.partners) <= set(joined)
    for each in (each for name in ("/patient", "/impatient", "/rude") for each in asked(name)):
        assert 1 <= int(each["QueuePosition"]) <= int(each["CurrentQueueSize"])


async def whole(folder: Path, story: list[Step]) -> None:
    """The story in a world of its own."""
    async with world(folder) as here:
        desk = Desk(here)
        for step in story:
            await desk.act(step)
            await desk.check(step)
        await asyncio.sleep(90)
        for _, phone in (*desk.callers, *desk.agents):
            phone.hang_up()
        async with asyncio.timeout(300):
            await here.live.empty.wait()
        await asyncio.sleep(1)
        here.assert_nothing_left()
        judge(desk)
    assert len(asyncio.all_tasks()) == 1


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, max_size=30))
def test_any_coming_and_going_ends_well(story: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run(whole(Path(folder), story))


def test_a_day_at_the_desk(tmp_path: Path) -> None:
    """Five hundred steps, a good part of them at the same instant."""
    random = Random(16)

    def step() -> Step:
        return Step(random.choice(WHAT), random.randrange(1000), random.choice([0.0, 0.0, 0.1, 1.0]))

    run(whole(tmp_path, [step() for _ in range(500)]))


@pytest.mark.parametrize("leaver", ["caller", "agent"])
def test_one_hangs_up_at_each_moment_of_the_others_arrival(leaver: str, tmp_path: Path) -> None:
    """An agent leaves while the caller arrives that it waits for, or the caller while the agent arrives.

    Each turn of the event loop is tried: with a second agent who waits too, no caller is lost, and none is kept.
    """

    async def turn(folder: Path, turns: int) -> None:
        async with world(folder) as here:
            desk = Desk(here)
            for what in ("caller", "caller hangs up", "agent", "agent"):
                await desk.act(Step(what, 0, 1.0))
            desk.here.application.documents |= PAGES
            await desk.act(Step("caller", 0, 0.0))
            for _ in range(turns):
                await asyncio.sleep(0)
            leaving = desk.callers[1] if leaver == "caller" else desk.agents[0]
            leaving[1].hang_up()
            await asyncio.sleep(1)
            if leaver == "agent":
                call = desk.callers[1][0]
                results = [
                    each["QueueResult"]
                    for each in here.application.asked("/left")
                    if each["CallSid"] == call.sid
                ]
                assert results == ["bridged"] or isinstance(call.joined, Bridged), turns
            for _, phone in (*desk.callers, *desk.agents):
                phone.hang_up()
            await here.live.empty.wait()
            await asyncio.sleep(1)
            here.assert_nothing_left()
            judge(desk)

    for turns in range(16):
        run(turn(tmp_path, turns))
