"""Calls out and in through a back-to-back user agent, as carriers and session border controllers are."""

from pathlib import Path

import pytest

from tests.scenarios.conftest import PhoneFactory, Server
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.carrier import IS_INSTALLED, Carrier

pytestmark = pytest.mark.skipif(not IS_INSTALLED, reason="Sippy's B2BUA is not installed (make carrier)")
A, B = 440.0, 660.0


@pytest.mark.parametrize("who", ["caller", "callee"])
async def test_a_number_leaves_through_the_carrier(
    server: Server, webhook: Webhook, phone: PhoneFactory, tmp_path: Path, who: str
) -> None:
    """Early media, talk, keys, hold and resume by the callee, the end by either: two dialogs, one call."""
    alice, bob = await phone("alice"), await phone("bob")
    number = f"+1555{server.number}"
    webhook["voice"] = response(
        f"<Dial answerOnBridge='true' action='after'><Number>{number}</Number></Dial>"
    )
    webhook["after"] = response("<Hangup/>")
    async with Carrier(tmp_path, bob.udp_address) as carrier:
        status, made = await server.node.rest(
            "POST", "Trunks.json", SipUri=f"sip:127.0.0.1:{carrier.port};transport=udp", Pattern=number
        )
        assert status == 201, made
        call = await alice.invite(server.uri, say=A)
        ringing = await bob.next_call()
        assert "Sippy" in (ringing.invite["User-Agent"] or ringing.invite["Server"] or "")
        await ringing.answer(code=183, say=B)
        assert await call.hears(B)
        assert not call.answered_at
        await ringing.answer()
        await call.answered()
        assert await ringing.hears(A)
        await call.press("42#")
        await ringing.pressed("42#")
        await ringing.press("7")
        await call.pressed("7")
        await ringing.hold()
        assert await ringing.hears_nothing()
        await ringing.resume()
        assert await ringing.hears(A)
        first, second = (call, ringing) if who == "caller" else (ringing, call)
        await first.hang_up()
        await second.ended()
        if who == "callee":
            assert (await webhook.next("after"))["DialCallStatus"] == "completed"
        record = (await server.node.calls(To=number))[0]
        assert (await server.node.final(record["sid"]))["status"] == "completed"


@pytest.mark.parametrize("code", [486, 404, 503])
async def test_what_the_far_side_refuses(
    server: Server, webhook: Webhook, phone: PhoneFactory, tmp_path: Path, code: int
) -> None:
    """The carrier passes the code on, and the application hears of it."""
    alice, bob = await phone("alice"), await phone("bob")
    number = f"+1555{server.number}"
    webhook["voice"] = response(f"<Dial action='after'><Number>{number}</Number></Dial>")
    webhook["after"] = response("<Hangup/>")
    async with Carrier(tmp_path, bob.udp_address) as carrier:
        await server.node.rest(
            "POST", "Trunks.json", SipUri=f"sip:127.0.0.1:{carrier.port};transport=udp", Pattern=number
        )
        await alice.invite(server.uri)
        await (await bob.next_call()).refuse(code)
        after = await webhook.next("after")
    assert after["DialSipResponseCode"] == str(code)
    assert after["DialCallStatus"] == ("busy" if code == 486 else "failed")


async def test_the_caller_gives_up(
    server: Server, webhook: Webhook, phone: PhoneFactory, tmp_path: Path
) -> None:
    """CANCEL reaches the far phone."""
    alice, bob = await phone("alice"), await phone("bob")
    async with Carrier(tmp_path, bob.udp_address) as carrier:
        webhook["voice"] = response(f"<Dial><Sip>{carrier.uri('bob')}</Sip></Dial>")
        call = await alice.invite(server.uri)
        ringing = await bob.next_call()
        await ringing.ring()
        await call.hang_up()
        assert await ringing.ended() == 487


async def test_a_call_in_through_the_carrier(
    server: Server, webhook: Webhook, phone: PhoneFactory, tmp_path: Path
) -> None:
    """Keys for `<Gather>`, then a Dial; the caller holds and resumes; the node ends it."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(
        "<Gather numDigits='2' action='pressed' timeout='5'><Pause length='1'/></Gather>"
    )
    webhook["pressed"] = response(f"<Dial action='after'><Sip>{bob.uri}</Sip></Dial>")
    webhook["after"] = response("<Hangup/>")
    async with Carrier(tmp_path, f"127.0.0.1:{server.node.sip_port}") as carrier:
        call = await alice.invite(carrier.uri(server.number), say=A)
        await call.answered()
        await call.press("12")
        assert (await webhook.next("pressed"))["Digits"] == "12"
        ringing = await bob.next_call()
        await ringing.answer(say=B)
        assert await call.hears(B)
        assert await ringing.hears(A)
        await call.hold()
        assert await call.hears_nothing()
        await call.resume()
        assert await call.hears(B)
        await ringing.hang_up()
        assert (await webhook.next("after"))["DialCallStatus"] == "completed"
        await call.ended()
