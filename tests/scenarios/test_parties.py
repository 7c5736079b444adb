"""Who calls and who is called, as phones and carriers of the wild write them."""

import re

import pytest

from tests.scenarios.conftest import NodeFactory, Server
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.ports import free_port
from tests.scenarios.harness.raw_phone import RawPhone, sdp


@pytest.mark.parametrize(
    ("from_", "reported", "user"),
    [
        (
            "<sip:alice%40corp.example@192.0.2.7>",
            "sip:alice%40corp.example@192.0.2.7",
            "alice%40corp.example",
        ),
        ("<sip:bob@[2001:db8::1]>", "sip:bob@[2001:db8::1]", "bob"),
        ("<tel:+4930123456>", "+4930123456", "+4930123456"),
        ("<sip:*97%23@192.0.2.7>", "sip:*97%23@192.0.2.7", "*97%23"),
        ("<sip:J%C3%BCrgen@192.0.2.7>", "sip:J%C3%BCrgen@192.0.2.7", "J%C3%BCrgen"),
        ("<sip:a;b=c@192.0.2.7>", "sip:a;b=c@192.0.2.7", "a;b=c"),
        ("<sip:+1-555-0100;verstat=No-TN-Validation@192.0.2.7;user=phone>", "+15550100", "+15550100"),
    ],
)
async def test_a_caller_is_shown_to_whom_it_calls(
    server: Server, webhook: Webhook, from_: str, reported: str, user: str
) -> None:
    """Contract §3.1: `callerId` defaults to the caller. (baresip 2576, SIP.js 1006, pjproject 1139)"""
    async with RawPhone("caller") as caller, RawPhone("bob") as bob:
        webhook["voice"] = response(f'<Dial action="after" answerOnBridge="true"><Sip>{bob.uri}</Sip></Dial>')
        webhook["after"] = response("<Hangup/>")
        call = caller.invite(server.uri, server.node.sip_address, body=sdp(), from_=from_)
        assert (await webhook.next("voice"))["From"] == reported
        rung = await bob.next_call()
        assert (rung.invite["From"] or "").split(";tag=")[0].startswith(f"<sip:{user}@127.0.0.1")
        rung.refuse(486)
        assert (await webhook.next("after"))["DialCallStatus"] == "busy"
        await call.gets_final("INVITE")


async def test_a_node_on_ipv6_dials(new_node: NodeFactory) -> None:
    """RFC 3261 §25.1: an IPv6 address in a URI has brackets, wherever it comes from. (SIP.js 1006)"""
    port = free_port()
    listening = {"listen": [f"udp://[::1]:{port}"], "trusted_networks": ["::1/128"]}
    _, webhook = await new_node(sip=listening)
    async with RawPhone("caller", "::1") as caller, RawPhone("bob", "::1") as bob:
        dial = f'<Dial answerOnBridge="true"><Sip>sip:bob@[::1]:{bob.port}</Sip></Dial>'
        webhook["voice"] = response(dial)
        call = caller.invite(f"sip:1000@[::1]:{port}", ("::1", port), body=sdp(), from_="<sip:caller@[::1]>")
        assert (await webhook.next("voice"))["From"] == "sip:caller@[::1]"
        rung = await bob.next_call()
        assert re.match(r"<sip:caller@\[::1\](:\d+)?>;tag=", rung.invite["From"] or "")
        rung.refuse(603)
        assert (await call.gets_final("INVITE")).status == 603


_FORMS = [
    "sip:{number};npdi;rn=+15559999@{host}",
    "sip:{dashed}@{host};user=phone",
    "sip:{dashed}@{host}",
    "sip:{number};npdi=yes;cic=+10288@{host};user=phone",
    "sip:{local};phone-context=+1@{host};user=phone",
    "sip:{number};ext=7;isub=1@{host}",
    "sip:{number};tgrp=tg1;trunk-context=carrier.example@{host}",
    "sip:%2B{digits}@{host};user=phone",
]


@pytest.mark.parametrize("form", _FORMS)
async def test_numbers_as_carriers_dial_them(server: Server, webhook: Webhook, form: str) -> None:
    """RFC 3966 §5, RFC 4694, RFC 3261 §19.1.6. (sprout 1096, 1557)"""
    local = f"555{server.number}"
    number = f"+1{local}"
    made = {"PhoneNumber": number, "VoiceUrl": webhook.url("voice")}
    status, _ = await server.node.rest("POST", "IncomingPhoneNumbers.json", **made)
    assert status == 201
    webhook["voice"] = response('<Reject reason="busy"/>')
    host, port = server.node.sip_address
    uri = form.format(
        number=number,
        digits=number[1:],
        dashed=f"+1-555-{server.number}",
        local=local,
        host=f"{host}:{port}",
    )
    async with RawPhone("carrier") as carrier:
        call = carrier.invite(uri, server.node.sip_address, body=sdp())
        assert (await call.gets_final("INVITE")).status == 486
    assert (await webhook.next("voice"))["To"] == number


async def test_the_network_names_an_anonymous_caller_to_the_application_alone(
    server: Server, webhook: Webhook
) -> None:
    """RFC 3325: a trusted peer's P-Asserted-Identity is believed; the called phone still sees an anonymous caller."""
    async with RawPhone("carrier") as carrier, RawPhone("bob") as bob:
        webhook["voice"] = response(f'<Dial answerOnBridge="true"><Sip>{bob.uri}</Sip></Dial>')
        call = carrier.invite(
            server.uri,
            server.node.sip_address,
            body=sdp(),
            from_='"Anonymous" <sip:anonymous@anonymous.invalid>',
            headers=[
                ("P-Asserted-Identity", '"Doe, John" <sip:+15550100@carrier.example;user=phone>'),
                ("Privacy", "id"),
                ("Diversion", '"Roe, Jane" <tel:+1-555-0199>;reason=unconditional'),
            ],
        )
        asked = await webhook.next("voice")
        assert (asked["From"], asked["CallerName"]) == ("+15550100", "Doe, John")
        assert (asked["SipHeader_Privacy"], asked["ForwardedFrom"]) == ("id", "+15550199")
        rung = await bob.next_call()
        assert (rung.invite["From"] or "").startswith('"Anonymous" <sip:anonymous@anonymous.invalid>')
        assert "+15550100" not in str(rung.invite.headers)
        rung.refuse(603)
        assert (await call.gets_final("INVITE")).status == 603


async def test_a_stranger_cannot_assert_who_it_is(new_node: NodeFactory) -> None:
    """RFC 3325 §5: outside `sip.trusted_networks` the header is not believed."""
    node, webhook = await new_node(sip={"trusted_networks": ["127.0.0.1/32"]})
    webhook["voice"] = response("<Reject/>")
    async with RawPhone("gateway", "127.0.0.9") as gateway:
        call = gateway.invite(
            node.uri("1000"),
            node.sip_address,
            body=sdp(),
            from_="<sip:anonymous@anonymous.invalid>",
            headers=[("P-Asserted-Identity", "<sip:+15550100@carrier.example>")],
        )
        assert (await call.gets_final("INVITE")).status == 403
    assert not webhook.all("voice")
