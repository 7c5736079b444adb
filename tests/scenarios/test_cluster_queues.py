"""One name is one queue over all nodes: callers and agents come in anywhere, and each caller is served once."""

import asyncio
import signal
from collections import Counter
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random
from typing import Any

import pytest

from tests.scenarios.conftest import Cluster
from tests.scenarios.harness.application import Request, response
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.phone import Phone
from tests.scenarios.harness.raw_phone import RawCall, RawPhone, sdp
from tests.scenarios.harness.service import KAMAILIO
from tests.scenarios.harness.waiting import eventually

pytestmark = [
    pytest.mark.skipif(KAMAILIO is None, reason="Kamailio is not installed"),
    pytest.mark.timeout(120),
]


class Desk:
    """The application of one queue of the service: who calls from `agent` serves, all others wait."""

    def __init__(
        self,
        cluster: Cluster,
        name: str,
        *,
        noun: str = "",
        dial: str = 'timeout="20"',
        more: str = "",
    ) -> None:
        self.service, self.webhook = cluster.fresh()
        self.name = name
        self.agents = response(f'<Dial action="served" {dial}><Queue {noun}>{name}</Queue></Dial>')
        self._callers = response(f'<Enqueue action="left" waitUrl="wait" {more}>{name}</Enqueue>')
        self.webhook["voice"] = lambda request: self.agents if "agent" in request["From"] else self._callers
        self.webhook["wait"] = response('<Pause length="1"/>')
        self.webhook["about"] = response('<Pause length="1"/>')
        self.webhook["served"] = response("<Hangup/>")
        self.webhook["left"] = response("<Hangup/>")
        self.webhook["elsewhere"] = response('<Pause length="1"/>', "<Hangup/>")

    @property
    def results(self) -> dict[str, str]:
        """How each caller left."""
        return {each["CallSid"]: each["QueueResult"] for each in self.webhook.all("left")}

    def served(self) -> list[Request]:
        """The actions of agents."""
        return self.webhook.all("served")

    def last(self, sid: str) -> tuple[str, str, str, str]:
        """What a caller's waiting document was asked with last: position, size, room, queue."""
        asked = [each for each in self.webhook.all("wait") if each["CallSid"] == sid]
        names = ("QueuePosition", "CurrentQueueSize", "MaxQueueSize", "QueueSid")
        return tuple(asked[-1][name] for name in names) if asked else ("", "", "", "")  # type: ignore[return-value]

    async def sid(self, node: Node) -> str:
        """The sid of the queue, as `node` knows it."""
        _, page = await node.rest("GET", "Queues.json", PageSize="1000")
        [sid] = [each["sid"] for each in page["queues"] if each["friendly_name"] == self.name]
        return str(sid)

    async def members(self, node: Node) -> dict[str, Any]:
        """The first page of who waits, as `node` knows it."""
        status, page = await node.rest("GET", f"Queues/{await self.sid(node)}/Members.json")
        assert status == 200
        return dict(page)

    async def call(self, phone: RawPhone, node: Node, *, is_waiting: bool = True) -> tuple[RawCall, str]:
        """A call by way of `node`, answered; its sid. `is_waiting`: its waiting document was asked for."""
        known = {each["CallSid"] for each in self.webhook.all("voice")}
        call = phone.invite(node.uri("1"), node.sip_address, body=sdp())
        await call.gets("INVITE", 200)
        call.request("ACK")
        [sid] = {each["CallSid"] for each in self.webhook.all("voice")} - known
        if is_waiting:
            await eventually("its waiting document", lambda: self.last(sid)[0])
        return call, sid


async def test_an_agent_of_one_node_serves_a_caller_of_another(cluster: Cluster, tmp_path: Path) -> None:
    """They hear each other; `url` is heard by the caller first; both documents go on when the agent leaves."""
    desk = Desk(cluster, "sales", noun='url="about"', dial='hangupOnStar="true"')
    first, second, _ = desk.service.nodes
    before = {each["sid"] for each in await first.calls(PageSize="1000")}
    async with AsyncExitStack() as stack:
        caller = await stack.enter_async_context(Phone("caller", tmp_path))
        agent = await stack.enter_async_context(Phone("agent", tmp_path))
        waiting = await caller.invite(first.uri("1"), say=440)
        await waiting.answered()
        caller_sid = desk.webhook.all("voice")[0]["CallSid"]
        await eventually("the waiting document", lambda: desk.last(caller_sid)[0] == "1")
        serving = await agent.invite(second.uri("1"), say=700)
        await serving.answered()
        agent_sid = next(
            each["CallSid"] for each in desk.webhook.all("voice") if each["CallSid"] != caller_sid
        )
        assert await serving.hears(440)
        assert await waiting.hears(700)
        [about] = desk.webhook.all("about")
        assert (about["CallSid"], about["DequeingCallSid"]) == (caller_sid, agent_sid)
        assert about["QueueSid"] == await desk.sid(second)
        await serving.press("*")
        await waiting.ended()
        await serving.ended()
    [served] = desk.served()
    assert (served["CallSid"], served["DialCallStatus"], served["DialBridged"], served["DialCallSid"]) == (
        agent_sid,
        "completed",
        "true",
        caller_sid,
    )
    assert desk.results == {caller_sid: "bridged"}
    records = {each["sid"]: each["status"] for each in await first.calls(PageSize="1000")}
    records = {sid: status for sid, status in records.items() if sid not in before}
    assert records == dict.fromkeys((caller_sid, agent_sid), "completed"), "a leg between nodes has no record"


async def test_one_line_over_three_nodes(cluster: Cluster) -> None:
    """Positions, sizes and REST are true at every node; callers leave in every way at the same instant."""
    desk = Desk(cluster, "support", dial='timeout="2"')
    nodes = desk.service.nodes
    async with RawPhone("caller") as phone, RawPhone("agent") as agents:
        calls, sids = [], []
        for place in range(1, 10):
            call, sid = await desk.call(phone, nodes[place % 3])
            calls.append(call)
            sids.append(sid)
            assert desk.last(sid)[:2] == (str(place), str(place)), "known when the waiting begins"
        assert {desk.last(sid)[3] for sid in sids} == {await desk.sid(nodes[0])}, "one queue"
        for node in nodes:
            members = (await desk.members(node))["queue_members"]
            shown = [(each["call_sid"], each["position"]) for each in members]
            assert shown == [(sid, place) for place, sid in enumerate(sids, 1)]
            status, queue = await node.rest("GET", f"Queues/{await desk.sid(node)}.json")
            assert (status, queue["current_size"]) == (200, 9)
        serving = [await desk.call(agents, node, is_waiting=False) for node in nodes]
        truth = {sid: (str(place), "6") for place, sid in enumerate(sids[3:], 1)}
        await eventually("true positions", lambda: {sid: desk.last(sid)[:2] for sid in sids[3:]} == truth)
        queue = f"Queues/{await desk.sid(nodes[0])}"
        for node in nodes:
            _, front = await node.rest("GET", f"{queue}/Members/Front.json")
            assert (front["call_sid"], front["position"]) == (sids[3], 1)
        status, _ = await nodes[1].rest(
            "POST", f"{queue}/Members/Front.json", Url=desk.webhook.url("elsewhere")
        )
        assert status == 200
        await eventually(
            "the first is taken out",
            lambda: desk.results.get(sids[3]) == "redirected",
            seen=lambda: desk.results,
        )
        # An agent that leaves before its own node knows of the joining leaves the caller its place.
        for node, (_, agent_sid) in zip(nodes, serving, strict=True):
            assert await talks(node, agent_sid) in sids[:3]
        # At one instant: two who are served and one agent hang up, and a caller who waits.
        for call in (calls[0], calls[1], serving[2][0], calls[4]):
            call.request("BYE")
        await eventually("five results", lambda: len(desk.results) == 5, seen=lambda: desk.results)
        for call in (calls[5], calls[6]):
            call.request("BYE")
        await eventually("seven results", lambda: len(desk.results) == 7, seen=lambda: desk.results)
        for call in (calls[7], calls[8]):
            call.request("BYE")
        await eventually("all results", lambda: len(desk.webhook.all("left")) == 9)
    assert Counter(each["CallSid"] for each in desk.webhook.all("left")) == dict.fromkeys(sids, 1)
    joined = [each["DialCallSid"] for each in desk.served() if each["DialBridged"] == "true"]
    assert len(joined) == len(set(joined)), "each caller is served once"
    assert set(joined) == {sid for sid, result in desk.results.items() if "bridged" in result}
    assert (desk.results[sids[3]], desk.results[sids[4]]) == ("redirected", "hangup")


async def test_a_rush_at_three_nodes(cluster: Cluster) -> None:
    """Callers and agents come and hang up at random, many at the same instant: each caller is served once at most."""
    desk = Desk(cluster, "rush", dial='timeout="1" timeLimit="1"')
    desk.webhook["served"] = lambda request: (
        desk.agents if request["DialBridged"] == "true" else response("<Hangup/>")
    )
    random, nodes = Random(13), desk.service.nodes
    await nodes[0].rest("POST", "Queues.json", FriendlyName=desk.name)
    async with RawPhone("caller") as phone, RawPhone("agent") as agents:
        calls: list[RawCall] = []
        for _ in range(60):
            node = random.choice(nodes)
            calls.append(
                random.choice((phone, phone, agents)).invite(node.uri("1"), node.sip_address, body=sdp())
            )
            if random.random() < 0.3:
                leaver = random.choice(calls)
                if leaver.count("INVITE", 200) and not leaver.count("BYE"):
                    leaver.request("BYE")
            await asyncio.sleep(random.choice((0, 0, 0.05, 0.2)))
            for each in calls:
                if each.count("INVITE", 200) and not each.count("ACK"):
                    each.request("ACK")
        await asyncio.sleep(1.5)
        for each in calls:
            if each.count("INVITE", 200) and not each.count("BYE"):
                each.request("BYE")
        asked = desk.webhook.all("voice")
        assert len(asked) == len(calls)
        callers = {each["CallSid"] for each in asked if "agent" not in each["From"]}
        serving = {each["CallSid"] for each in asked} - callers
        await eventually("every caller's result", lambda: set(desk.results) == callers, 20)
        await eventually(
            "every agent's action", lambda: {each["CallSid"] for each in desk.served()} == serving, 20
        )
    assert set(Counter(each["CallSid"] for each in desk.webhook.all("left")).values()) == {1}
    joined = [each["DialCallSid"] for each in desk.served() if each["DialBridged"] == "true"]
    assert len(joined) == len(set(joined)) > 5
    assert set(joined) == {sid for sid, result in desk.results.items() if "bridged" in result}
    for _ in range(100):  # members leave the table after their calls have ended
        if not (left := (await desk.members(nodes[1]))["queue_members"]):
            break
        await asyncio.sleep(0.1)
    assert left == []


async def test_a_queue_is_full_over_all_nodes(cluster: Cluster) -> None:
    """`maxQueueSize` counts the callers of all nodes, those who come at the same instant too; names change for all."""
    desk = Desk(cluster, "small", more='maxQueueSize="2"')
    first, second, third = desk.service.nodes
    async with RawPhone("caller") as phone:
        calls = [
            phone.invite(node.uri("1"), node.sip_address, body=sdp())
            for node in (first, second, third, first)
        ]
        for call in calls:
            await call.gets("INVITE", 200)
            call.request("ACK")
        await eventually("two who do not fit", lambda: len(desk.results) == 2, seen=lambda: desk.results)
        assert set(desk.results.values()) == {"queue-full"}
        queue = f"Queues/{await desk.sid(third)}.json"
        await eventually(
            "two who wait", lambda: len({each["CallSid"] for each in desk.webhook.all("wait")}) == 2
        )
        status, _ = await third.rest("DELETE", queue)
        assert status == 409, "it is not empty"
        status, changed = await third.rest("POST", queue, MaxSize="7")
        assert (status, changed["max_size"], changed["current_size"]) == (200, 7, 2)
        waiting = {each["CallSid"] for each in desk.webhook.all("wait")}
        await eventually(
            "the new size at every node", lambda: all(desk.last(sid)[2] == "7" for sid in waiting)
        )
        for call in calls:
            if not call.count("BYE"):
                call.request("BYE")
        await eventually("four results", lambda: len(desk.results) == 4, seen=lambda: desk.results)

    async def is_deleted() -> bool:
        status, _ = await first.rest("DELETE", queue)
        return status in {204, 404}

    for _ in range(100):  # until the other nodes know that it is empty
        if await is_deleted():
            return
        await asyncio.sleep(0.2)
    raise AssertionError("the queue is not deleted")


async def test_callers_of_a_dead_node_are_out_of_line_and_agents_of_one_are_gone(
    cluster: Cluster,
) -> None:
    """The node of the first caller, of an agent who waits, and of one who serves dies: the next is served."""
    desk = Desk(cluster, "fragile", dial='timeout="30"')
    first, second, third = desk.service.nodes
    status, _ = await third.rest("POST", "Queues.json", FriendlyName=desk.name)
    assert status == 201
    async with RawPhone("caller") as phone, RawPhone("agent") as agents:
        _, agent_sid = await desk.call(agents, second, is_waiting=False)
        served, served_sid = await desk.call(phone, first, is_waiting=False)
        assert await talks(first, served_sid) == agent_sid
        assert await talks(second, agent_sid) == served_sid
        lost, _ = await desk.call(phone, second)
        kept, kept_sid = await desk.call(phone, third)
        assert desk.last(kept_sid)[:2] == ("2", "2")
        second.process.signal(signal.SIGKILL)
        await eventually(
            "the result of whom its agent served", lambda: desk.results.get(served_sid) == "bridged", 15
        )
        await eventually("a true position", lambda: desk.last(kept_sid)[:2] == ("1", "1"), 15)
        agent, agent_sid = await desk.call(agents, first, is_waiting=False)
        assert await talks(third, kept_sid) == agent_sid
        # As above: the agent's node is the last to know.
        assert await talks(first, agent_sid) == kept_sid
        agent.request("BYE")
        await eventually(
            "its result", lambda: desk.results.get(kept_sid) == "bridged", seen=lambda: desk.results
        )
        for call in (kept, served, lost):
            call.give_up()
    await second.start()


async def talks(node: Node, sid: str) -> str:
    """The call with which `sid` is joined, once it is."""
    async with asyncio.timeout(10):
        while True:
            _, page = await node.rest("GET", f"Calls/{sid}/Events.json")
            joined = [each["data"]["with"] for each in page["events"] if each["kind"] == "joined"]
            if joined and joined[-1].startswith("CA"):
                return str(joined[-1])
            await asyncio.sleep(0.05)


async def test_an_agent_who_gives_up_leaves_the_caller_its_place(cluster: Cluster) -> None:
    """While the caller of another node hears the document of `url`, the agent hangs up: the next agent serves it."""
    desk = Desk(cluster, "patience", noun='url="about"')
    desk.webhook["about"] = response('<Pause length="3"/>')
    first, second, third = desk.service.nodes
    async with RawPhone("caller") as phone, RawPhone("agent") as agents:
        call, sid = await desk.call(phone, first)
        agent, _ = await desk.call(agents, second, is_waiting=False)
        await eventually("the document before the talk", lambda: len(desk.webhook.all("about")) == 1)
        asked = len(desk.webhook.all("wait"))
        agent.request("BYE")
        await eventually("the caller waits again", lambda: len(desk.webhook.all("wait")) > asked)
        assert desk.last(sid)[:2] == ("1", "1")
        desk.webhook["about"] = response()
        agent, agent_sid = await desk.call(agents, third, is_waiting=False)
        assert await talks(first, sid) == agent_sid
        call.request("BYE")
        await eventually("its result", lambda: desk.results.get(sid) == "bridged", seen=lambda: desk.results)
        await eventually("two actions", lambda: len(desk.served()) == 2)
    assert [each["DialBridged"] for each in desk.served()] == ["false", "true"]
