"""Trunks: numbers leave through gateways, the next one when one cannot serve the call; gateways may call in."""

import re
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.scenarios.conftest import NodeFactory, PhoneFactory
from tests.scenarios.harness import sipp_scenarios
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.ports import free_port
from tests.scenarios.harness.raw_phone import RawPhone, sdp
from tests.scenarios.harness.sipp import Sipp

DIAL = (
    '<Dial action="after"><Number statusCallback="status" '
    'statusCallbackEvent="initiated ringing answered completed">+15550100</Number></Dial>'
)
OUTSIDE = {"trusted_networks": ["10.99.0.0/16"]}


async def _trunks(node: Node, *ports: int, **form: str) -> None:
    for priority, port in enumerate(ports):
        given = {"SipUri": f"sip:127.0.0.1:{port}", "Priority": str(priority), **form}
        status, made = await node.rest("POST", "Trunks.json", **given)
        assert status == 201, made


def _script(webhook: Webhook) -> None:
    webhook["voice"] = response(DIAL)
    webhook["status"] = ""
    webhook["after"] = response("<Hangup/>")


async def _statuses(webhook: Webhook, *expected: str) -> None:
    got = [await webhook.next("status") for _ in expected]
    assert [(each["CallStatus"], each["SequenceNumber"]) for each in got] == [
        (status, str(number)) for number, status in enumerate(expected)
    ]
    assert len({each["CallSid"] for each in got}) == 1
    await webhook.never("status", within=0.2)


async def test_the_next_gateway_after_a_503(new_node: NodeFactory, phone: PhoneFactory, sipp: Path) -> None:
    """The number rings through the second; the application sees one call, initiated once, completed once."""
    node, webhook = await new_node()
    alice = await phone("alice")
    _script(webhook)
    async with (
        Sipp(sipp, sipp_scenarios.refusing(503)) as first,
        Sipp(sipp, sipp_scenarios.answering()) as second,
    ):
        await _trunks(node, first.port, second.port)
        call = await alice.invite(node.uri("100"))
        await call.answered()
        await call.hang_up()
        await first.done()
        await second.done()
        (invite,) = second.received("INVITE")
        assert invite.request_uri == f"sip:+15550100@127.0.0.1:{second.port}"
        assert invite["Call-ID"] == first.received("INVITE")[0]["Call-ID"]
    await _statuses(webhook, "initiated", "ringing", "in-progress", "completed")
    after = await webhook.next("after")
    assert (after["DialCallStatus"], after["DialSipResponseCode"]) == ("completed", "200")


@pytest.mark.parametrize("kind", ["refuses connections", "is silent"])
async def test_a_gateway_that_is_gone_is_passed_over(
    new_node: NodeFactory, phone: PhoneFactory, kind: str
) -> None:
    node, webhook = await new_node()
    alice = await phone("alice")
    _script(webhook)
    async with RawPhone("gone") as gone, RawPhone("gateway") as gateway:
        await _trunks(node, free_port() if kind == "refuses connections" else gone.port, gateway.port)
        await alice.invite(node.uri("100"))
        call = await gateway.next_call(10.0)
        call.ring()
        call.refuse(486)
    await _statuses(webhook, "initiated", "ringing", "busy")


@pytest.mark.parametrize(
    ("codes", "status", "tried"),
    [([486], "busy", 1), ([404], "failed", 1), ([603], "busy", 1), ([500, 503], "failed", 2)],
)
async def test_which_codes_are_final(
    new_node: NodeFactory, phone: PhoneFactory, codes: Sequence[int], status: str, tried: int
) -> None:
    """A busy or unknown number is so through every gateway; what a server could not do another one may."""
    node, webhook = await new_node()
    alice = await phone("alice")
    _script(webhook)
    async with RawPhone("one") as one, RawPhone("two") as two:
        await _trunks(node, one.port, two.port)
        await alice.invite(node.uri("100"))
        for gateway, code in zip((one, two), codes, strict=False):
            (await gateway.next_call()).refuse(code)
        await _statuses(webhook, "initiated", status)
        after = await webhook.next("after")
        assert after["DialSipResponseCode"] == str(codes[-1])
        assert len(one.calls) + len(two.calls) == tried


async def test_a_gateway_that_rang_is_not_left(new_node: NodeFactory, phone: PhoneFactory) -> None:
    node, webhook = await new_node()
    alice = await phone("alice")
    _script(webhook)
    async with RawPhone("one") as one, RawPhone("two") as two:
        await _trunks(node, one.port, two.port)
        await alice.invite(node.uri("100"))
        call = await one.next_call()
        call.ring()
        await webhook.next("status")
        await webhook.next("status")
        call.refuse(503)
        assert (await webhook.next("status"))["CallStatus"] == "failed"
        assert not two.calls


async def test_credentials_caller_and_codecs_of_a_trunk(new_node: NodeFactory, phone: PhoneFactory) -> None:
    """They are of this trunk alone: the next one is offered no answer to its challenge."""
    node, webhook = await new_node()
    alice = await phone("alice")
    _script(webhook)
    challenge = (("WWW-Authenticate", 'Digest realm="carrier", nonce="n", algorithm=MD5, qop="auth"'),)
    async with RawPhone("one") as one, RawPhone("two") as two:
        await _trunks(node, one.port, Username="me", Password="secret", CallerId="+15559999", Codecs="PCMA")
        await _trunks(node, two.port, Priority="5", Pattern="+1555*")
        await alice.invite(node.uri("100"))
        call = await one.next_call()
        assert call.invite.uri("From").startswith("sip:+15559999@")
        assert call.invite.audio_formats[0] == 8
        assert 0 not in call.invite.audio_formats
        call.refuse(401, challenge)
        await call.gets("ACK")
        again = [each for each in call.received if each["CSeq"] == "2 INVITE"]
        while not again:
            await call.gets("INVITE")
            again = [each for each in call.received if each["CSeq"] == "2 INVITE"]
        assert 'username="me"' in (again[0]["Authorization"] or "")
        call.respond(again[0], 503)
        other = await two.next_call()
        assert other.invite.uri("From").startswith("sip:alice@")
        assert other.invite.audio_formats[0] == 0
        other.refuse(401, challenge)
        assert (await webhook.next("after"))["DialSipResponseCode"] == "401"
        assert len([each for _, arrow, each in two.seen if arrow == "<--" and each.method == "INVITE"]) == 1


async def test_a_number_asked_for_over_rest(new_node: NodeFactory) -> None:
    node, webhook = await new_node()
    webhook["voice"] = response("<Hangup/>")
    async with RawPhone("one") as one, RawPhone("two") as two:
        await _trunks(node, one.port, two.port)
        status, made = await node.rest(
            "POST", "Calls.json", From="+15550199", To="+15550100", Url=webhook.url("voice")
        )
        assert status == 201, made
        (await one.next_call()).refuse(503)
        (await two.next_call()).answer()
        assert (await webhook.next("voice"))["CallSid"] == made["sid"]
        assert (await node.final(made["sid"]))["status"] == "completed"


async def test_a_gateway_calls_in_for_its_account(new_node: NodeFactory) -> None:
    """From an address of the trunk without a challenge; from anywhere else 403."""
    node, webhook = await new_node(sip=OUTSIDE)
    webhook["voice"] = response("<Reject reason='busy'/>")
    async with RawPhone("gateway") as gateway:
        call = gateway.invite(node.uri("+15550177"), node.sip_address, body=sdp(), user="+15550166")
        assert (await call.gets("INVITE", 403))["Reason"]
        status, made = await node.rest(
            "POST", "Trunks.json", SipUri="sip:gateway.example", Networks="127.0.0.0/30, 192.0.2.1"
        )
        assert (status, made["networks"]) == (201, ["127.0.0.0/30", "192.0.2.1/32"])
        call = gateway.invite(node.uri("+15550177"), node.sip_address, body=sdp(), user="+15550166")
        await call.gets("INVITE", 486)
        asked = await webhook.next("voice")
        assert (asked["From"], re.sub(r"@.*", "", asked["To"])) == ("+15550166", "+15550177")
