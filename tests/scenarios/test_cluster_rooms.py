"""One name is one conference over all nodes: its calls come from any of them, and any answers for it over REST."""

import asyncio
import signal
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.scenarios.conftest import Cluster
from tests.scenarios.harness.application import Request, Webhook, response
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.phone import Phone, PhoneCall
from tests.scenarios.harness.raw_phone import RawPhone, sdp
from tests.scenarios.harness.service import KAMAILIO, Service
from tests.scenarios.harness.waiting import WAIT_S, eventually

pytestmark = [
    pytest.mark.skipif(KAMAILIO is None, reason="Kamailio is not installed"),
    pytest.mark.timeout(120),
]
EVENTS = "start end join leave mute"
ROOM = (
    '<Dial action="after"><Conference statusCallback="room" statusCallbackEvent="{events}" beep="false" {more}>{name}'
    "</Conference></Dial>"
)


def fresh(cluster: Cluster, name: str, more: str = "") -> tuple[Service, Webhook]:
    """The shared service, whose application puts each caller into the room `name`."""
    service, webhook = cluster.fresh()
    webhook["voice"] = response(ROOM.format(events=EVENTS, name=name, more=more))
    webhook["room"] = ""
    webhook["after"] = response("<Hangup/>")
    return service, webhook


async def joined(node: Node, phone: Phone, webhook: Webhook, hertz: float) -> tuple[PhoneCall, str]:
    """The phone calls by way of `node`, and says a tone; its call, and its sid."""
    before = len(webhook.all("voice"))
    call = await phone.invite(node.uri("1"), say=hertz)
    await call.answered()
    return call, webhook.all("voice")[before]["CallSid"]


def happenings(webhook: Webhook) -> list[str]:
    """The events of the room, in the order of their numbers."""
    found = sorted(webhook.all("room"), key=lambda each: int(each["SequenceNumber"]))
    return [each["StatusCallbackEvent"] for each in found]


async def first_after(webhook: Webhook) -> Request:
    """The first action that was requested."""
    await eventually("an action", lambda: webhook.all("after"))
    return webhook.all("after")[0]


async def problems(node: Node, sid: str) -> list[str]:
    """The codes of a call's notifications, once there is one."""
    async with asyncio.timeout(WAIT_S):
        while True:
            _, page = await node.rest("GET", f"Calls/{sid}/Notifications.json")
            if page["notifications"]:
                return [each["error_code"] for each in page["notifications"]]


async def arrived(webhook: Webhook, count: int) -> None:
    """Wait until so many have joined the room."""
    await eventually(f"arrival {count}", lambda: happenings(webhook).count("participant-join") == count)


async def test_callers_of_different_nodes_are_in_one_room(cluster: Cluster, tmp_path: Path) -> None:
    """Each hears the others; REST at a node that has neither mutes one and takes another out; the events are whole."""
    service, webhook = fresh(cluster, "Team")
    first, second, third = service.nodes
    before = {each["sid"] for each in await first.calls(PageSize="1000")}
    async with AsyncExitStack() as stack:
        alice, bob, carol = [
            await stack.enter_async_context(Phone(each, tmp_path)) for each in ("alice", "bob", "carol")
        ]
        of_alice, alice_sid = await joined(first, alice, webhook, 440)
        of_bob, bob_sid = await joined(second, bob, webhook, 700)
        assert await of_alice.hears(700)
        assert await of_bob.hears(440)
        status, page = await third.rest("GET", "Conferences.json", FriendlyName="Team")
        assert status == 200
        [room] = page["conferences"]
        status, page = await third.rest("GET", f"Conferences/{room['sid']}/Participants.json")
        assert {each["call_sid"] for each in page["participants"]} == {alice_sid, bob_sid}
        path = f"Conferences/{room['sid']}/Participants"
        status, changed = await third.rest("POST", f"{path}/{bob_sid}.json", Muted="true")
        assert (status, changed["muted"]) == (200, True)
        assert await of_alice.hears_nothing()
        of_carol, carol_sid = await joined(third, carol, webhook, 1000)
        assert await of_carol.hears(440)
        status, _ = await first.rest("DELETE", f"{path}/{carol_sid}.json")
        assert status == 204
        after = await first_after(webhook)
        assert (after["CallSid"], after["DialCallStatus"]) == (carol_sid, "completed")
        await of_carol.ended()
        await of_bob.hang_up()
        await of_alice.hang_up()
    await eventually(
        "the end of the room",
        lambda: "conference-end" in happenings(webhook),
        seen=lambda: happenings(webhook),
    )
    names = happenings(webhook)
    assert [int(each["SequenceNumber"]) for each in webhook.all("room")] == list(range(1, len(names) + 1))
    assert names == [
        "participant-join",
        "participant-join",
        "conference-start",
        "participant-mute",
        "participant-join",
        "participant-leave",
        "participant-leave",
        "participant-leave",
        "conference-end",
    ]
    who = {each["CallSid"] for each in webhook.all("room") if "CallSid" in each}
    assert who == {alice_sid, bob_sid, carol_sid}
    records = {each["sid"]: each["status"] for each in await first.calls(PageSize="1000")}
    records = {sid: status for sid, status in records.items() if sid not in before}
    assert records == dict.fromkeys((alice_sid, bob_sid, carol_sid), "completed"), (
        "a leg between nodes has no record"
    )


async def test_a_full_room_of_another_node_refuses(cluster: Cluster) -> None:
    """As on one node: the Dial has failed, and the document goes on."""
    service, webhook = fresh(cluster, "Small", 'maxParticipants="2"')
    async with RawPhone("alice", "127.0.0.20") as phone:
        for place, node in enumerate(service.nodes):
            call = phone.invite(node.uri("1"), node.sip_address, body=sdp(9))
            await call.gets("INVITE", 200)
            call.request("ACK")
            if place < 2:
                await arrived(webhook, place + 1)
        after = await first_after(webhook)
        assert after["DialCallStatus"] == "failed"
        assert await problems(service.nodes[0], after["CallSid"]) == ["60080"]
        for each in phone.calls.values():
            if not each.count("BYE"):
                each.request("BYE")
        await eventually(
            "the end of the room",
            lambda: "conference-end" in happenings(webhook),
            seen=lambda: happenings(webhook),
        )


async def test_the_calls_of_other_nodes_go_on_when_the_node_of_the_room_dies(
    cluster: Cluster,
) -> None:
    """Their documents do; the room has its end, reported by the node that takes over; its name is free again."""
    service, webhook = fresh(cluster, "Fragile")
    webhook["after"] = response("<Redirect>voice</Redirect>")
    host, other = service.nodes[1], service.nodes[0]
    async with RawPhone("alice", "127.0.0.20") as phone:
        for node in (host, other):
            call = phone.invite(node.uri("1"), node.sip_address, body=sdp(9))
            await call.gets("INVITE", 200)
            call.request("ACK")
            await asyncio.sleep(0.3)
        await arrived(webhook, 2)
        sids = {each["ConferenceSid"] for each in webhook.all("room")}
        assert len(sids) == 1
        host.process.signal(signal.SIGKILL)
        await eventually(
            "the second room",
            lambda: happenings(webhook).count("participant-join") == 3,
            15,
            seen=lambda: happenings(webhook),
        )
        after = await webhook.next("after", timeout=15)
        assert after["DialCallStatus"] == "completed"
        await eventually(
            "the end of the first",
            lambda: any(
                each["StatusCallbackEvent"] == "conference-end" and each["ConferenceSid"] in sids
                for each in webhook.all("room")
            ),
            15,
        )
        call.request("BYE")
        await call.gets("BYE", 200)
    await host.start()
