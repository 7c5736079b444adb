"""Trunks: numbers leave through gateways, the next one when one cannot serve the call; gateways may call in."""

import re
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.scenarios.conftest import NodeFactory, PhoneFactory, Server
from tests.scenarios.harness import sipp_scenarios
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.network import filtered_host
from tests.scenarios.harness.ports import free_port
from tests.scenarios.harness.raw_phone import RawPhone, sdp
from tests.scenarios.harness.sipp import Sipp
from tests.scenarios.harness.waiting import eventually
from tests.scenarios.harness.wire import SipMessage

OUTSIDE = {"trusted_networks": ["10.99.0.0/16"]}


def _number(server: Server) -> str:
    """What is dialled out: a number that no other test's trunks carry."""
    return f"+1555{server.number}"


async def _trunks(server: Server, *ports: int, **form: str) -> None:
    for priority, port in enumerate(ports):
        given = {
            "SipUri": f"sip:127.0.0.1:{port}",
            "Priority": str(priority),
            "Pattern": _number(server),
            **form,
        }
        status, made = await server.node.rest("POST", "Trunks.json", **given)
        assert status == 201, made


def _script(server: Server, webhook: Webhook) -> None:
    webhook["voice"] = response(
        '<Dial action="after"><Number statusCallback="status" '
        f'statusCallbackEvent="initiated ringing answered completed">{_number(server)}</Number></Dial>'
    )
    webhook["status"] = ""
    webhook["after"] = response("<Hangup/>")


async def _statuses(webhook: Webhook, *expected: str, first: int = 0) -> None:
    got = [await webhook.next("status") for _ in expected]
    assert [(each["CallStatus"], each["SequenceNumber"]) for each in got] == [
        (status, str(number)) for number, status in enumerate(expected, first)
    ]
    assert len({each["CallSid"] for each in webhook.all("status")}) == 1
    await webhook.never("status", within=0.2)


async def test_the_next_gateway_after_a_503(
    server: Server, webhook: Webhook, phone: PhoneFactory, sipp: Path
) -> None:
    """The number rings through the second; the application sees one call, initiated once, completed once."""
    alice = await phone("alice")
    _script(server, webhook)
    async with (
        Sipp(sipp, sipp_scenarios.refusing(503)) as first,
        Sipp(sipp, sipp_scenarios.answering()) as second,
    ):
        await _trunks(server, first.port, second.port)
        call = await alice.invite(server.uri)
        await call.answered()
        await _statuses(webhook, "initiated", "ringing", "in-progress")
        await call.hang_up()
        await first.done()
        await second.done()
        (invite,) = second.received("INVITE")
        assert invite.request_uri == f"sip:{_number(server)}@127.0.0.1:{second.port}"
        assert invite["Call-ID"] == first.received("INVITE")[0]["Call-ID"]
    await _statuses(webhook, "completed", first=3)
    after = await webhook.next("after")
    assert (after["DialCallStatus"], after["DialSipResponseCode"]) == ("completed", "200")


@pytest.mark.parametrize("kind", ["refuses connections", "is silent"])
async def test_a_gateway_that_is_gone_is_passed_over(
    server: Server, webhook: Webhook, phone: PhoneFactory, kind: str
) -> None:
    alice = await phone("alice")
    _script(server, webhook)
    async with RawPhone("gone") as gone, RawPhone("gateway") as gateway:
        await _trunks(server, free_port() if kind == "refuses connections" else gone.port, gateway.port)
        await alice.invite(server.uri)
        call = await gateway.next_call(10.0)
        call.ring()
        call.refuse(486)
    await _statuses(webhook, "initiated", "ringing", "busy")


async def test_a_gateway_behind_a_filter_is_passed_over(
    server: Server, webhook: Webhook, phone: PhoneFactory
) -> None:
    """A SYN that gets no answer holds the call for six seconds (`next_hop_after_s`), not for TCP's two minutes."""
    alice = await phone("alice")
    _script(server, webhook)
    with filtered_host() as host:
        async with RawPhone("gateway") as gateway:
            for priority, uri in enumerate((f"sip:{host};transport=tcp", f"sip:127.0.0.1:{gateway.port}")):
                form = {"SipUri": uri, "Priority": str(priority), "Pattern": _number(server)}
                assert (await server.node.rest("POST", "Trunks.json", **form))[0] == 201
            began = time.monotonic()
            await alice.invite(server.uri)
            call = await gateway.next_call(10.0)
            assert 4 < time.monotonic() - began < 8
            call.ring()
            call.refuse(486)
            await _statuses(webhook, "initiated", "ringing", "busy")


@pytest.mark.parametrize(
    ("codes", "status", "tried"),
    [
        ([486], "busy", 1),
        ([404], "failed", 1),
        ([488], "failed", 1),
        ([603], "busy", 1),
        ([500, 503], "failed", 2),
        ([407, 486], "busy", 2),
    ],
)
async def test_which_codes_are_final(
    server: Server, webhook: Webhook, phone: PhoneFactory, codes: Sequence[int], status: str, tried: int
) -> None:
    """A busy or unknown number is so through every gateway; what a server could not do another one may."""
    alice = await phone("alice")
    _script(server, webhook)
    async with RawPhone("one") as one, RawPhone("two") as two:
        await _trunks(server, one.port, two.port)
        await alice.invite(server.uri)
        for gateway, code in zip((one, two), codes, strict=False):
            (await gateway.next_call()).refuse(code)
        await _statuses(webhook, "initiated", status)
        after = await webhook.next("after")
        assert after["DialSipResponseCode"] == str(codes[-1])
        assert len(one.calls) + len(two.calls) == tried


async def test_gateways_of_one_priority_share_the_calls_by_weight(server: Server, webhook: Webhook) -> None:
    """The older has one share of 65536: all calls try the other first, and the older one when it cannot."""
    webhook["voice"] = response("<Hangup/>")
    async with RawPhone("light") as light, RawPhone("heavy") as heavy:
        await _trunks(server, light.port, Priority="5")
        await _trunks(server, heavy.port, Priority="5", Weight="65535")
        for _ in range(4):
            status, made = await server.node.rest(
                "POST", "Calls.json", From="+15550199", To=_number(server), Url=webhook.url("voice")
            )
            assert status == 201, made
            (await heavy.next_call()).refuse(503)
            (await light.next_call()).answer()
            assert (await server.node.final(made["sid"]))["status"] == "completed"


async def test_a_gateway_that_rang_is_not_left(server: Server, webhook: Webhook, phone: PhoneFactory) -> None:
    alice = await phone("alice")
    _script(server, webhook)
    async with RawPhone("one") as one, RawPhone("two") as two:
        await _trunks(server, one.port, two.port)
        await alice.invite(server.uri)
        call = await one.next_call()
        call.ring()
        await webhook.next("status")
        await webhook.next("status")
        call.refuse(503)
        assert (await webhook.next("status"))["CallStatus"] == "failed"
        assert not two.calls


async def test_credentials_caller_and_codecs_of_a_trunk(
    server: Server, webhook: Webhook, phone: PhoneFactory
) -> None:
    """They are of this trunk alone: the next one is offered no answer to its challenge."""
    alice = await phone("alice")
    _script(server, webhook)
    challenge = (("WWW-Authenticate", 'Digest realm="carrier", nonce="n", algorithm=MD5, qop="auth"'),)
    async with RawPhone("one") as one, RawPhone("two") as two:
        await _trunks(server, one.port, Username="me", Password="secret", CallerId="+15559999", Codecs="PCMA")
        await _trunks(server, two.port, Priority="5", Pattern=f"{_number(server)}*")
        await alice.invite(server.uri)
        call = await one.next_call()
        assert call.invite.uri("From").startswith("sip:+15559999@")
        assert call.invite.audio_formats[0] == 8
        assert 0 not in call.invite.audio_formats
        call.refuse(401, challenge)

        def again() -> list[SipMessage]:
            return [each for each in call.received if each["CSeq"] == "2 INVITE"]

        await eventually("the answer to the challenge", again)
        assert 'username="me"' in (again()[0]["Authorization"] or "")
        call.respond(again()[0], 503)
        other = await two.next_call()
        assert other.invite.uri("From").startswith("sip:alice@")
        assert other.invite.audio_formats[0] == 0
        other.refuse(401, challenge)
        assert (await webhook.next("after"))["DialSipResponseCode"] == "401"
        assert len([each for _, arrow, each in two.seen if arrow == "<--" and each.method == "INVITE"]) == 1


async def test_a_number_asked_for_over_rest(server: Server, webhook: Webhook) -> None:
    webhook["voice"] = response("<Hangup/>")
    async with RawPhone("one") as one, RawPhone("two") as two:
        await _trunks(server, one.port, two.port)
        status, made = await server.node.rest(
            "POST", "Calls.json", From="+15550199", To=_number(server), Url=webhook.url("voice")
        )
        assert status == 201, made
        (await one.next_call()).refuse(503)
        (await two.next_call()).answer()
        assert (await webhook.next("voice"))["CallSid"] == made["sid"]
        assert (await server.node.final(made["sid"]))["status"] == "completed"


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
