"""Every way in which no party is joined, and what it is called (the table of Dial's outcomes)."""

import json
import time
from pathlib import Path

import pytest

from tests.scenarios.conftest import PhoneFactory, Server
from tests.scenarios.harness import sipp_scenarios
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.ports import free_port
from tests.scenarios.harness.raw_phone import RawPhone, sdp
from tests.scenarios.harness.rtp_peer import RtpPeer
from tests.scenarios.harness.sipp import Sipp


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (486, "busy"),
        (600, "busy"),
        (603, "busy"),
        (408, "no-answer"),
        (480, "no-answer"),
        (487, "no-answer"),
        (302, "failed"),
        (404, "failed"),
        (403, "failed"),
        (488, "failed"),
        (500, "failed"),
        (503, "failed"),
    ],
)
async def test_what_a_refusal_is_called(
    server: Server, phone: PhoneFactory, webhook: Webhook, sipp: Path, code: int, status: str
) -> None:
    """The callee's final response: DialCallStatus, its code and X- headers, the callback's and the record's status."""
    alice = await phone("alice")
    async with Sipp(sipp, sipp_scenarios.refusing(code, [("X-Reason", "because"), ("Subject", "no")])) as uas:
        webhook["voice"] = response(
            f'<Dial action="after"><Sip statusCallback="status">{uas.uri}</Sip></Dial>'
        )
        webhook["after"] = response("<Hangup/>")
        webhook["status"] = ""
        await alice.invite(server.uri)
        after = await webhook.next("after")
        await uas.done()
    assert after["DialCallStatus"] == status
    assert after["DialSipResponseCode"] == str(code)
    assert after["DialSipHeader_X-Reason"] == "because"
    assert "DialSipHeader_Subject" not in after
    assert after["DialSipCallId"] == uas.received("INVITE")[0]["Call-ID"]
    assert (after["DialBridged"], after["DialCallDuration"]) == ("false", "0")
    completed = await webhook.next("status")
    assert completed["CallStatus"] == status
    assert completed["SipResponseCode"] == str(code)
    assert completed["CallDuration"] == "0"
    record = await server.node.final(after["DialCallSid"])
    assert record["status"] == status
    assert len(webhook.all("status")) == 1


async def _notes(server: Server, call_sid: str) -> list[tuple[str, str]]:
    """Code and sentence of each notification."""
    status, page = await server.node.rest("GET", f"Calls/{call_sid}/Notifications.json")
    assert status == 200, page
    return [(str(each["error_code"]), str(each["message_text"])) for each in page["notifications"]]


async def test_no_answer_in_time(server: Server, phone: PhoneFactory, webhook: Webhook, sipp: Path) -> None:
    """`timeout="2"`: the callee gets CANCEL after two seconds; `no-answer`, though it never refused."""
    alice = await phone("alice")
    async with Sipp(sipp, sipp_scenarios.ringing_for_ever()) as uas:
        webhook["voice"] = response(f'<Dial action="after" timeout="2"><Sip>{uas.uri}</Sip></Dial>')
        webhook["after"] = response("<Hangup/>")
        started = time.monotonic()
        await alice.invite(server.uri)
        after = await webhook.next("after")
        assert 1.9 <= time.monotonic() - started <= 3.5
        await uas.done()
    assert after["DialCallStatus"] == "no-answer"
    assert int(after["DialRingDuration"]) == 2
    assert uas.received("CANCEL")


async def test_a_phone_that_says_nothing(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """Not even 100: nothing is cancelled before a provisional came (RFC 3261 §9.1), and the time-out still holds."""
    alice = await phone("alice")
    async with RawPhone("mute") as mute:
        webhook["voice"] = response(f'<Dial action="after" timeout="1"><Sip>{mute.uri}</Sip></Dial>')
        webhook["after"] = response("<Hangup/>")
        await alice.invite(server.uri)
        call = await mute.next_call()
        after = await webhook.next("after")
        assert after["DialCallStatus"] == "no-answer"
        assert call.count("CANCEL") == 0
        assert call.count("INVITE") >= 2, "an INVITE without an answer is repeated"


async def test_a_port_that_refuses(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """A closed port: `failed` at once, by the network's own word, not after 32 seconds."""
    alice = await phone("alice")
    webhook["voice"] = response(f'<Dial action="after"><Sip>sip:bob@127.0.0.1:{free_port()}</Sip></Dial>')
    webhook["after"] = response("<Hangup/>")
    await alice.invite(server.uri)
    after = await webhook.next("after", timeout=10)
    assert after["DialCallStatus"] == "failed"
    assert after["DialBridged"] == "false"
    [(code, text)] = await _notes(server, after["CallSid"])
    assert code == "32011"
    assert "Connection refused" in text


async def test_a_port_that_refuses_over_tcp(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """The same over TCP: the connection is refused, the leg `failed`."""
    alice = await phone("alice")
    target = f"sip:bob@127.0.0.1:{free_port()};transport=tcp"
    webhook["voice"] = response(f'<Dial action="after"><Sip>{target}</Sip></Dial>')
    webhook["after"] = response("<Hangup/>")
    await alice.invite(server.uri)
    after = await webhook.next("after", timeout=10)
    assert after["DialCallStatus"] == "failed"
    [(code, text)] = await _notes(server, after["CallSid"])
    assert code == "32011"
    assert target in text
    assert "Connection refused" in text


async def test_a_host_that_does_not_exist(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """A name without an address (RFC 6761: `.invalid` never has one): `failed`."""
    alice = await phone("alice")
    webhook["voice"] = response('<Dial action="after"><Sip>sip:bob@nobody.invalid</Sip></Dial>')
    webhook["after"] = response("<Hangup/>")
    await alice.invite(server.uri)
    after = await webhook.next("after")
    assert after["DialCallStatus"] == "failed"
    [(code, text)] = await _notes(server, after["CallSid"])
    assert code == "32011"
    assert "nobody.invalid" in text


@pytest.mark.parametrize("body", [None, sdp(0), "no SDP at all"], ids=["none", "port 0", "nonsense"])
async def test_an_answer_without_audio(
    server: Server, phone: PhoneFactory, webhook: Webhook, body: str | None
) -> None:
    """A 200 that answers our offer with nothing we can use: ACK, BYE, `failed`; no party is left in silence."""
    alice = await phone("alice")
    async with RawPhone("dumb") as dumb:
        webhook["voice"] = response(
            f'<Dial action="after"><Sip statusCallback="status">{dumb.uri}</Sip></Dial>'
        )
        webhook["after"], webhook["status"] = response("<Hangup/>"), ""
        await alice.invite(server.uri)
        ringing = await dumb.next_call()
        ringing.respond(ringing.invite, 200, body=body)
        await ringing.gets("ACK")
        assert "cause=488" in ((await ringing.gets("BYE"))["Reason"] or "")
        after = await webhook.next("after")
        assert (after["DialCallStatus"], after["DialBridged"]) == ("failed", "false")
        assert (await webhook.next("status"))["CallStatus"] == "failed"
        assert [code for code, _ in await _notes(server, after["CallSid"])] == ["60017"]


async def test_an_answer_that_came_with_the_183(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """Found in the wild: the SDP in the 183 alone, and a 200 without: they are joined."""
    alice = await phone("alice")
    async with RawPhone("early") as early, RtpPeer() as rtp:
        webhook["voice"] = response(f"<Dial><Sip>{early.uri}</Sip></Dial>")
        call = await alice.invite(server.uri, say=440)
        ringing = await early.next_call()
        ringing.respond(ringing.invite, 183, body=sdp(rtp.port))
        ringing.respond(ringing.invite, 200)
        await ringing.gets("ACK")
        assert await rtp.hears(440)
        await call.hang_up()
        await ringing.gets("BYE")


@pytest.mark.parametrize("noun", ["", "<Sip/>", "<Client>nobody</Client>", "<Number>+15550199</Number>"])
async def test_nothing_to_send_to(server: Server, phone: PhoneFactory, webhook: Webhook, noun: str) -> None:
    """No noun, an empty one, a client that is not registered, a number without a trunk: `failed`, the call goes on."""
    alice = await phone("alice")
    webhook["voice"] = response(f'<Dial action="after">{noun}</Dial>')
    webhook["after"] = response("<Redirect>next</Redirect>")
    webhook["next"] = response("<Hangup/>")
    call = await alice.invite(server.uri)
    after = await webhook.next("after")
    assert (after["DialCallStatus"], after["DialCallDuration"], after["DialBridged"]) == (
        "failed",
        "0",
        "false",
    )
    for absent in ("DialCallSid", "DialSipCallId", "DialSipResponseCode", "DialRingDuration"):
        assert absent not in after
    assert [each["status"] for each in json.loads(after["DialBranches"])] == (["failed"] if noun else [])
    await webhook.next("next")
    assert await call.ended() == 200


async def test_a_number_without_a_route(server: Server, phone: PhoneFactory) -> None:
    """The Request-URI's user picks the number; unknown: 404, and no application is asked."""
    alice = await phone("alice")
    call = await alice.invite(server.node.uri("7777777"))
    assert await call.ended() == 404


@pytest.mark.parametrize(
    ("reason", "code"), [("", 603), (' reason="rejected"', 603), (' reason="busy"', 486)]
)
async def test_reject(server: Server, phone: PhoneFactory, webhook: Webhook, reason: str, code: int) -> None:
    """Reject refuses an unanswered call: 603, or 486 for `busy`; the record is final."""
    alice = await phone("alice")
    webhook["voice"] = response(f"<Reject{reason}/>")
    call = await alice.invite(server.uri)
    assert await call.ended() == code
    assert not call.answered_at
    record = await server.node.final((await webhook.next("voice"))["CallSid"])
    assert record["status"] == "busy"
