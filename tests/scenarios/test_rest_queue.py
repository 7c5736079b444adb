"""Calls over REST on their way: queued, placed at their account's rate, ringing on each phone of a client."""

import signal
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.conftest import NodeFactory, PhoneFactory
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.phone import Phone
from tests.scenarios.harness.raw_phone import RawPhone

PASSWORD = "correct horse"
ALL_EVENTS = "initiated ringing answered completed"


async def _create(node: Node, webhook: Webhook, to: str) -> tuple[int, dict[str, Any]]:
    status, made = await node.rest(
        "POST",
        "Calls.json",
        To=to,
        From="+15550199",
        Url=webhook.url("voice"),
        StatusCallback=webhook.url("status"),
        StatusCallbackEvent=ALL_EVENTS,
    )
    return status, made


async def _invited_at(node: Node, sid: str) -> float:
    """When its INVITE left, by the node's own clock."""
    status, page = await node.rest("GET", f"Calls/{sid}/Events.json")
    assert status == 200
    first = next(each for each in page["events"] if each["kind"] == "sip")
    return datetime.fromisoformat(first["at"]).timestamp()


@pytest.mark.timeout(60)
async def test_calls_wait_for_their_turn(new_node: NodeFactory, phone: PhoneFactory) -> None:
    """201 and `queued` for each; placed in order at the rate; no more places: 429 with 20429; one is canceled."""
    limits = {"rest_calls_per_second_per_account": 0.5, "queued_calls_per_account": 2}
    node, webhook = await new_node(limits=limits)
    webhook["status"] = ""
    bob = await phone("bob")
    status, first = await _create(node, webhook, bob.uri)
    assert (status, first["status"], first["start_time"]) == (201, "queued", None)
    ringing = await bob.next_call()
    (_, second), (_, third) = [await _create(node, webhook, bob.uri) for _ in range(2)]
    status, refused = await _create(node, webhook, bob.uri)
    assert (status, refused["code"]) == (429, 20429)
    assert (await node.call(third["sid"]))["status"] == "queued"
    status, canceled = await node.rest("POST", f"Calls/{third['sid']}.json", Status="canceled")
    assert (status, canceled["status"]) == (200, "canceled")
    await ringing.refuse(486)
    await (await bob.next_call()).refuse(486)
    for sid in (first["sid"], second["sid"]):
        assert (await node.final(sid))["status"] == "busy"
    assert await _invited_at(node, second["sid"]) - await _invited_at(node, first["sid"]) >= 1.9
    assert int((await node.call(second["sid"]))["queue_time"]) > 0
    reported = [await webhook.next("status") for _ in range(5)]
    of = {
        sid: [each["CallStatus"] for each in reported if each["CallSid"] == sid]
        for sid in map(_sid, reported)
    }
    assert of[third["sid"]] == ["canceled"]
    assert of[first["sid"]] == of[second["sid"]] == ["initiated", "busy"]
    status, refused = await node.rest("POST", f"Calls/{third['sid']}.json", Status="canceled")
    assert (status, refused["code"]) == (400, 21220)
    _, fourth = await _create(node, webhook, bob.uri)
    _, fifth = await _create(node, webhook, bob.uri)
    await (await bob.next_call()).refuse(486)
    assert (await node.final(fourth["sid"]))["status"] == "busy"
    await node.process.stop()
    reported = [await webhook.next("status") for _ in range(3)]
    last = next(each for each in reported if each["CallSid"] == fifth["sid"])
    assert (last["CallStatus"], last["SequenceNumber"]) == ("failed", "0")
    assert not bob.was_called(), "what was canceled, or waited at the end, is never placed"


def _sid(request: object) -> str:
    return request["CallSid"]  # type: ignore[index,no-any-return]


@pytest.mark.timeout(60)
async def test_what_waits_when_the_node_is_killed_has_failed(new_node: NodeFactory) -> None:
    """It is never placed, also not after the restart; the record says why, and the application gets a callback."""
    node, webhook = await new_node(limits={"rest_calls_per_second_per_account": 0.01})
    webhook["status"] = ""
    async with RawPhone("bob") as bob:
        await _create(node, webhook, bob.uri)
        await bob.next_call()
        _, second = await _create(node, webhook, bob.uri)
        node.process.signal(signal.SIGKILL)
        await node.process.wait(10)
        await node.start()
    record = await node.final(second["sid"])
    assert (record["status"], record["start_time"]) == ("failed", None)
    assert record["end_reason"] == "the node broke off"
    reported = [await webhook.next("status")]
    while reported[-1]["CallSid"] != second["sid"]:
        reported.append(await webhook.next("status"))
    assert (reported[-1]["CallStatus"], reported[-1]["SequenceNumber"]) == ("failed", "0")


@pytest.mark.timeout(60)
async def test_each_phone_of_a_client_rings(new_node: NodeFactory, tmp_path: Path) -> None:
    """Two phones under one login: both ring, the first to answer hears the document, the other stops ringing."""
    node, webhook = await new_node()
    webhook["status"] = ""
    webhook["voice"] = response("<Gather numDigits='1' action='got' timeout='20'/>")
    webhook["got"] = response("<Hangup/>")
    status, made = await node.rest("POST", "Clients.json", Login="bob", Password=PASSWORD)
    assert status == 201, made
    account = {"identity": f"sip:bob@127.0.0.1:{node.sip_port}", "username": "bob", "password": PASSWORD}
    for name in ("desk", "hall"):
        (tmp_path / name).mkdir()
    async with (
        Phone("desk", tmp_path / "desk", registrar=f"sip:127.0.0.1:{node.sip_port}", **account) as desk,
        Phone("hall", tmp_path / "hall", registrar=f"sip:127.0.0.1:{node.sip_port}", **account) as hall,
    ):
        assert (await desk.registered(), await hall.registered()) == (200, 200)
        for winner, other in ((desk, hall), (hall, desk)):
            status, created = await _create(node, webhook, "client:bob")
            assert (status, created["to"]) == (201, "client:bob")
            answering, ringing = await winner.next_call(), await other.next_call()
            await answering.ring()
            await ringing.ring()
            await answering.answer()
            assert await ringing.ended() == 487
            assert (await webhook.next("voice"))["CallSid"] == created["sid"]
            await answering.press("7")
            assert (await webhook.next("got"))["Digits"] == "7"
            assert await answering.ended() == 200
            assert (await node.final(created["sid"]))["status"] == "completed"
            reported = [await webhook.next("status") for _ in range(4)]
            assert [each["CallStatus"] for each in reported] == [
                "initiated",
                "ringing",
                "in-progress",
                "completed",
            ]
        status, created = await _create(node, webhook, "client:bob")
        for each in (desk, hall):
            await (await each.next_call()).refuse(486)
        record = await node.final(created["sid"])
        assert (record["status"], record["sip_response_code"]) == ("busy", 486)
