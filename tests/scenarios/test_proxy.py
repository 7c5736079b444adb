"""Kamailio between the node and its peers: challenges, forks, record routes, changes of transport."""

from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import pytest_asyncio

from tests.scenarios.conftest import PhoneFactory, Server
from tests.scenarios.harness import sipp_scenarios
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.phone import Baresip
from tests.scenarios.harness.proxy import PASSWORD, USER, Proxy
from tests.scenarios.harness.raw_phone import RawCall, RawPhone, sdp
from tests.scenarios.harness.rtp_peer import RtpPeer
from tests.scenarios.harness.service import KAMAILIO
from tests.scenarios.harness.sipp import Sipp

pytestmark = pytest.mark.skipif(KAMAILIO is None, reason="Kamailio is not installed")
A, B, C = 440.0, 660.0, 1000.0
CREDENTIALS = f'username="{USER}" password="{PASSWORD}"'


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def proxy(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Proxy]:
    """One proxy for all tests here; each has users of its own."""
    async with Proxy(tmp_path_factory.mktemp("proxy")) as proxy:
        yield proxy


def _passed(call: RawCall, method: str) -> None:
    """AssertionError unless the requests of this method came over the proxy."""
    for message in call.received:
        if message.is_request and message.method == method:
            assert len(message.all("Via")) >= 2, message


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_number_through_a_proxy_that_challenges(
    server: Server, webhook: Webhook, phone: PhoneFactory, proxy: Proxy, transport: str
) -> None:
    """407 for the INVITE and for each request after it; hold and resume by the callee; BYE by the caller."""
    alice, bob = await phone("alice"), await phone("bob")
    number = f"+1555{server.number}"
    await proxy.put(number, bob.uri if transport == "tcp" else bob.tcp_uri)
    status, made = await server.node.rest(
        "POST",
        "Trunks.json",
        SipUri=f"sip:127.0.0.1:{proxy.port};transport={transport}",
        Pattern=number,
        Username=USER,
        Password=PASSWORD,
    )
    assert status == 201, made
    webhook["voice"] = response(f"<Dial action='after'><Number>{number}</Number></Dial>")
    webhook["after"] = response("<Hangup/>")
    call = await alice.invite(server.uri, say=A)
    ringing = await bob.next_call()
    await ringing.answer(say=B)
    assert await call.hears(B)
    assert await ringing.hears(A)
    assert len(ringing.invite.all("Record-Route")) == 2, "one for each transport"
    await ringing.hold()
    assert await ringing.hears_nothing()
    await ringing.resume()
    assert await ringing.hears(A)
    await ringing.press("5#")
    await call.pressed("5#")
    await call.hang_up()
    await ringing.ended()
    assert (await server.node.calls(To=number))[0]["status"] == "completed"


async def test_a_uri_through_a_proxy_that_challenges(
    server: Server, webhook: Webhook, phone: PhoneFactory, proxy: Proxy
) -> None:
    """`username` and `password` of `<Sip>` answer it; wrong ones end the leg with the proxy's 407."""
    alice, bob = await phone("alice"), await phone("bob")
    user = f"guarded{server.number}"
    await proxy.put(user, bob.uri)
    webhook["voice"] = response(
        f"<Dial action='refused'><Sip username='{USER}' password='wrong'>{proxy.uri(user)}</Sip></Dial>"
    )
    webhook["refused"] = response(f"<Dial action='after'><Sip {CREDENTIALS}>{proxy.uri(user)}</Sip></Dial>")
    webhook["after"] = response("<Hangup/>")
    call = await alice.invite(server.uri, say=A)
    ringing = await bob.next_call()
    refused = await webhook.next("refused")
    assert (refused["DialCallStatus"], refused["DialSipResponseCode"]) == ("failed", "407")
    await ringing.answer(say=B)
    assert await call.hears(B)
    await ringing.hang_up()
    assert (await webhook.next("after"))["DialCallStatus"] == "completed"
    await call.ended()


async def test_a_fork_with_early_media_of_both_branches(
    server: Server, webhook: Webhook, phone: PhoneFactory, proxy: Proxy
) -> None:
    """Two early dialogs with answers of their own; media is that of the branch whose 200 comes."""
    alice = await phone("alice")
    user = f"fork{server.number}"
    webhook["voice"] = response(
        f"<Dial answerOnBridge='true' action='after'><Sip>{proxy.uri(user)}</Sip></Dial>"
    )
    webhook["after"] = response("<Hangup/>")
    async with RawPhone("desk") as desk, RawPhone("mobile") as mobile, RtpPeer() as one, RtpPeer() as two:
        await proxy.put(user, desk.uri, mobile.uri)
        call = await alice.invite(server.uri, say=A)
        on_desk, on_mobile = await desk.next_call(), await mobile.next_call()
        for branch, audio, hertz in (
            (on_desk, one, B),
            (on_mobile, two, C),
        ):  # the last early answer is the loser's
            branch.respond(branch.invite, 183, body=sdp(audio.port))
            assert branch.invite.audio
            audio.speak(branch.invite.audio, hertz)
        await call.ringing()
        on_desk.answer(port=one.port)
        await on_mobile.gets("CANCEL")
        on_mobile.refuse(487)
        await two.be_silent()
        await call.answered()
        assert await call.hears(B)
        assert await one.hears(A)
        _passed(on_desk, "ACK")
        await call.hang_up()
        await on_desk.gets("BYE")
        _passed(on_desk, "BYE")


async def picked_up(branch: RawCall, port: int) -> None:
    """The 200 again until its ACK, as RFC 3261 §13.3.1.4 asks of a phone: a proxy on a busy machine may lose one."""
    for wait_s in (0.5, 1, 2, 4, 4, 4):
        branch.answer(port=port)
        with suppress(AssertionError):
            await branch.gets("ACK", timeout=wait_s)
            return
    raise AssertionError("no ACK came")


async def test_a_late_200_of_the_other_branch_is_acknowledged_and_ended(
    server: Server, webhook: Webhook, phone: PhoneFactory, proxy: Proxy
) -> None:
    """RFC 3261 §13.2.2.4: both phones are picked up at the same moment; the second is sent ACK and BYE."""
    alice = await phone("alice")
    user = f"fork{server.number}"
    webhook["voice"] = response(f"<Dial><Sip>{proxy.uri(user)}</Sip></Dial>")
    async with RawPhone("desk") as desk, RawPhone("mobile") as mobile, RtpPeer() as one, RtpPeer() as two:
        await proxy.put(user, desk.uri, mobile.uri)
        call = await alice.invite(server.uri, say=A)
        on_desk, on_mobile = await desk.next_call(), await mobile.next_call()
        on_desk.ring()
        on_mobile.ring()
        await picked_up(on_desk, one.port)
        await on_mobile.gets("CANCEL")
        await picked_up(on_mobile, two.port)
        await on_mobile.gets("BYE")
        assert on_desk.invite.audio
        one.speak(on_desk.invite.audio, B)
        assert await call.hears(B)
        assert await one.hears(A)
        assert on_desk.count("BYE") == 0
        await call.hang_up()
        await on_desk.gets("BYE")


async def test_cancel_goes_through_the_fork(
    server: Server, webhook: Webhook, phone: PhoneFactory, proxy: Proxy
) -> None:
    """The caller gives up: both phones stop ringing, and the record says so."""
    alice, bob = await phone("alice"), await phone("bob")
    user = f"fork{server.number}"
    async with RawPhone("desk") as desk:
        await proxy.put(user, desk.uri, bob.uri)
        webhook["voice"] = response(
            "<Dial><Sip statusCallbackEvent='completed' statusCallback='status'>"
            f"{proxy.uri(user)}</Sip></Dial>"
        )
        webhook["status"] = ""
        call = await alice.invite(server.uri)
        on_desk, ringing = await desk.next_call(), await bob.next_call()
        on_desk.ring()
        await ringing.ring()
        await call.hang_up()
        await on_desk.gets("CANCEL")
        on_desk.refuse(487)
        assert await ringing.ended() == 487
        assert (await webhook.next("status"))["CallStatus"] == "canceled"


async def test_one_after_the_other(
    server: Server, webhook: Webhook, phone: PhoneFactory, proxy: Proxy, sipp: Path
) -> None:
    """The first branch plays a prompt, then is busy; the proxy tries the next, which speaks and hangs up."""
    alice = await phone("alice")
    user = f"serial{server.number}"
    speaking = sipp_scenarios.answering_then_hanging_up(2000)
    webhook["voice"] = response(
        f"<Dial answerOnBridge='true' action='after'><Sip>{proxy.uri(user)}</Sip></Dial>"
    )
    webhook["after"] = response("<Hangup/>")
    async with (
        RawPhone("desk") as desk,
        RtpPeer() as audio,
        Sipp(sipp, speaking, options=["-rtp_echo"]) as second,
    ):
        await proxy.put(user, desk.uri, second.uri, serial=True)
        call = await alice.invite(server.uri, say=A)
        first = await desk.next_call()
        first.respond(first.invite, 183, body=sdp(audio.port))
        assert first.invite.audio
        audio.speak(first.invite.audio, C)
        assert await call.hears(C)
        await audio.be_silent()
        first.refuse(486)
        await call.answered()
        assert await call.hears(A), "what alice says comes back"
        await second.done()
        after = await webhook.next("after")
        assert (after["DialCallStatus"], after["DialSipResponseCode"]) == ("completed", "200")
        await call.ended()


async def test_prack_update_and_reinvite_through_the_record_route(
    server: Server, webhook: Webhook, phone: PhoneFactory, proxy: Proxy
) -> None:
    """A reliable 183, an UPDATE while it rings, and a re-INVITE of the callee; ours are answered to each challenge."""
    alice = await phone("alice")
    user = f"guarded{server.number}"
    webhook["voice"] = response(
        f"<Dial answerOnBridge='true'><Sip {CREDENTIALS}>{proxy.uri(user)}</Sip></Dial>"
    )
    async with RawPhone("desk") as desk, RtpPeer() as audio, RtpPeer() as other:
        await proxy.put(user, desk.uri)
        call = await alice.invite(server.uri, say=A)
        branch = await desk.next_call()
        branch.respond(branch.invite, 183, [("Require", "100rel"), ("RSeq", "1")], body=sdp(audio.port))
        prack = await branch.gets("PRACK")
        assert prack["RAck"] == f"1 {branch.invite['CSeq']}"
        assert len(prack.all("Via")) >= 2
        branch.respond(prack, 200)
        branch.request("UPDATE", body=sdp(other.port))
        updated = await branch.gets("UPDATE", 200)
        branch.respond(branch.invite, 200)
        await branch.gets("ACK")
        assert updated.audio
        other.speak(updated.audio, B)
        assert await call.hears(B)
        assert await other.hears(A)
        branch.request("INVITE", body=sdp(audio.port))
        moved = await branch.gets("INVITE", 200)
        branch.request("ACK", number=int((moved["CSeq"] or "").split()[0]))
        assert await audio.hears(A)
        await call.hang_up()
        bye = await branch.gets("BYE")
        assert len(bye.all("Via")) >= 2
        assert bye["CSeq"] == "5 BYE", "two INVITEs and a PRACK before it, and a BYE that was challenged"


@pytest.mark.parametrize("kind", ["edge", "strict"])
async def test_a_call_in_through_the_proxy(
    server: Server, webhook: Webhook, phone: PhoneFactory, proxy: Proxy, kind: str
) -> None:
    """TCP before it, UDP behind it, loose and strict; the call goes out over it again; the callee hangs up."""
    alice, bob = await phone("alice"), await phone("bob")
    number, user = f"{kind}{server.number}", f"{kind}out{server.number}"
    await proxy.put(number, server.uri)
    await proxy.put(user, bob.uri)
    webhook["voice"] = response(
        "<Gather numDigits='1' action='pressed' timeout='5'><Pause length='1'/></Gather>"
    )
    webhook["pressed"] = response(f"<Dial><Sip>{proxy.uri(user)}</Sip></Dial>")
    call = await alice.invite(proxy.uri(number, transport="tcp" if kind == "edge" else "udp"), say=A)
    await call.answered()
    await webhook.next("voice")
    await call.press("7")
    assert (await webhook.next("pressed"))["Digits"] == "7"
    ringing = await bob.next_call()
    await ringing.answer(say=B)
    assert await call.hears(B)
    await call.hold()
    assert await call.hears_nothing()
    await call.resume()
    assert await call.hears(B)
    assert await ringing.hears(A)
    if kind == "edge":
        await ringing.hang_up()
        await call.ended()
    else:
        await call.hang_up()
        await ringing.ended()


async def test_baresip_registers_at_the_proxy(
    server: Server, webhook: Webhook, phone: PhoneFactory, proxy: Proxy, tmp_path: Path
) -> None:
    """Another make behind it: it rings, talks, and hangs up."""
    alice = await phone("alice")
    user = f"desk{server.number}"
    webhook["voice"] = response(f"<Dial action='after'><Sip>{proxy.uri(user)}</Sip></Dial>")
    webhook["after"] = response("<Hangup/>")
    address = f"127.0.0.1:{proxy.port}"
    async with Baresip(
        user,
        tmp_path,
        identity=f"sip:{user}@{address}",
        registrar=f"sip:{address}",
        username=user,
        password="none",
    ) as desk:
        assert await desk.registered() == 200
        call = await alice.invite(server.uri, say=A)
        ringing = await desk.next_call()
        await ringing.answer(say=B)
        assert await call.hears(B)
        assert await ringing.hears(A)
        await ringing.hang_up()
        assert (await webhook.next("after"))["DialCallStatus"] == "completed"
