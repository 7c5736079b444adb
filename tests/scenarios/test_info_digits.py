"""Digits as SIP INFO: in whatever spelling they come they count, and during a talk the other party gets them."""

import asyncio

import pytest

from tests.scenarios.conftest import Server
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.audio import Heard
from tests.scenarios.harness.raw_phone import RawCall, RawPhone, sdp
from tests.scenarios.harness.rtp_peer import RtpPeer
from tests.scenarios.harness.waiting import eventually
from tests.scenarios.test_keys import ROWS, WITHOUT_EVENTS, caller

RELAY = "application/dtmf-relay"


def _press(call: RawCall, content_type: str, body: str) -> None:
    call.request("INFO", [("Content-Type", content_type)], body=body)


@pytest.mark.parametrize("has_events", [True, False])
@pytest.mark.parametrize("who", ["caller", "callee"])
async def test_digits_of_one_party_reach_the_other(
    server: Server, webhook: Webhook, who: str, *, has_events: bool
) -> None:
    """As RTP events, or as tones to a phone that offered none. (siphon-sip 347, Restcomm-Connect 2457)"""
    async with RawPhone("bob") as bob, RtpPeer() as rtp:
        webhook["voice"] = response(f"<Dial><Sip>{bob.uri}</Sip></Dial>")
        async with caller(server, has_events=has_events) as alice:
            called = await bob.next_call()
            answer = sdp(rtp.port)
            if not has_events:
                answer = WITHOUT_EVENTS.sub("", answer).replace(" 0 101", " 0")
            called.respond(called.invite, 200, body=answer)
            await called.gets("ACK")
            sender, listener = (alice.call, rtp) if who == "caller" else (called, alice.rtp)
            await asyncio.sleep(0.2)
            for key in "4#":
                _press(sender, RELAY, f"Signal={key}\r\nDuration=160\r\n")
            if has_events:
                await eventually("both keys", lambda: listener.digits == "4#")
            else:
                await eventually(
                    "both keys", lambda: _sounds(listener.heard(), "4") and _sounds(listener.heard(), "#")
                )
            called.request("BYE")


def _sounds(heard: Heard, key: str) -> bool:
    return heard.seconds_of(*ROWS[key]) >= 0.06


@pytest.mark.parametrize(
    ("content_type", "body"),
    [
        (RELAY, "signal=5\nduration=160\n"),
        (RELAY, "SIGNAL = 5\r\n"),
        ("application/dtmf", "5"),
        ("audio/telephone-event", "Signal=5\r\nDuration=160"),
        ("audio/telephone-event", "\x05\x0a\x03\x20"),
        ("application/vnd.nortelnetworks.digits", "p=Digit-Collection\r\ny=Digits\r\nd=5"),
    ],
)
async def test_spellings_count(server: Server, webhook: Webhook, content_type: str, body: str) -> None:
    """(JsSIP 307)"""
    webhook["voice"] = response('<Gather action="got" numDigits="1" timeout="4"/>')
    webhook["got"] = response("<Hangup/>")
    async with caller(server) as alice:
        await asyncio.sleep(0.1)
        _press(alice.call, content_type, body)
        assert (await webhook.next("got"))["Digits"] == "5"
        assert (await alice.call.gets_final("INFO")).status == 200


async def test_what_cannot_be_read_is_refused_and_the_call_goes_on(server: Server, webhook: Webhook) -> None:
    """RFC 6086 §4.2.2: 415 says that it was lost."""
    webhook["voice"] = response('<Gather timeout="20"/>')
    async with caller(server) as alice:
        _press(alice.call, "application/x-unknown", "5")
        refusal = await alice.call.gets_final("INFO")
        assert (refusal.status, refusal["Accept"]) == (415, "application/dtmf-relay, application/dtmf")
        assert not alice.call.count("BYE")


async def test_a_phone_that_sends_events_and_info_presses_each_key_once(
    server: Server, webhook: Webhook
) -> None:
    webhook["voice"] = response('<Gather action="got" timeout="2"/>')
    webhook["got"] = response("<Hangup/>")
    async with caller(server) as alice:
        await asyncio.sleep(0.1)
        for key in "115#":
            await alice.press("rtp", key)
            await alice.press("info", key)
        assert (await webhook.next("got"))["Digits"] == "115"
