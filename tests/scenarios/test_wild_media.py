"""RTP as phones and NATs of the wild send it."""

import asyncio
import re
import struct
import time

import pytest

from tests.media.prompts.test_containers import SECONDS, VARIABLE, WAV
from tests.scenarios.conftest import Server
from tests.scenarios.harness.application import Answer, Webhook, response
from tests.scenarios.harness.raw_phone import RawPhone, sdp
from tests.scenarios.harness.rtp_peer import RtpPeer
from tests.scenarios.test_keys import Caller, caller

HEARD_WITHIN_S = 1.6


async def _press(alice: Caller, code: int, *, timestamp: int, step: int, marked: bool = True) -> None:
    """One key of 100 ms whose packets begin at `timestamp`, each `step` later than the one before."""
    packets = [(10, 160 * number) for number in range(1, 5)] + [(0x8A, 800)] * 3
    for number, (flags, duration) in enumerate(packets):
        event = struct.pack("!BBH", code, flags, duration)
        begins = marked and number == 0
        alice.rtp._send(alice.audio, 101, event, timestamp=timestamp + number * step, marker=begins)
        await asyncio.sleep(0.01)


async def test_one_key_twice_on_one_timestamp(server: Server, webhook: Webhook) -> None:
    """RFC 4733 §2.5.1.2: the marker says that a key begins. (livekit/sip 796)"""
    webhook["voice"] = response('<Gather action="got" numDigits="3" timeout="3"/>')
    webhook["got"] = response("<Hangup/>")
    async with caller(server) as alice:
        await asyncio.sleep(0.1)
        await alice.rtp.be_silent()
        for code in (5, 5, 6):
            await _press(alice, code, timestamp=alice.rtp._timestamp, step=0)
        assert (await webhook.next("got"))["Digits"] == "556"


async def test_a_timestamp_that_rises_within_a_key(server: Server, webhook: Webhook) -> None:
    """RFC 4733 §2.1 wants one timestamp for the whole key; a key is still one key."""
    webhook["voice"] = response('<Gather action="got" numDigits="3" timeout="3"/>')
    webhook["got"] = response("<Hangup/>")
    async with caller(server) as alice:
        await asyncio.sleep(0.1)
        await alice.rtp.be_silent()
        for number, code in enumerate((5, 5, 6)):
            await _press(alice, code, timestamp=alice.rtp._timestamp + number * 4000, step=160)
        assert (await webhook.next("got"))["Digits"] == "556"


async def test_keys_on_one_timestamp_reach_the_other_party(server: Server, webhook: Webhook) -> None:
    async with RawPhone("bob") as bob, RtpPeer() as rtp:
        webhook["voice"] = response(f"<Dial><Sip>{bob.uri}</Sip></Dial>")
        offer = (
            sdp(rtp.port)
            .replace("RTP/AVP 0 101", "RTP/AVP 0")
            .replace("a=rtpmap:101 telephone-event/8000\r\n", "")
        )
        async with caller(server) as alice:
            called = await bob.next_call()
            called.respond(called.invite, 200, body=offer)
            await called.gets("ACK")
            await asyncio.sleep(0.2)
            await alice.rtp.be_silent()
            for _ in range(2):
                await _press(alice, 5, timestamp=alice.rtp._timestamp, step=0)
            await asyncio.sleep(0.6)
            heard = rtp.heard()
            assert heard.seconds_of(770, 1336) >= 0.15, heard.score()
            called.request("BYE")


@pytest.mark.timing
async def test_a_phone_behind_a_nat_that_gives_it_another_port(server: Server, webhook: Webhook) -> None:
    """The stream that goes on with the same SSRC and the next sequence numbers is heard after a second."""
    async with RawPhone("bob") as bob, RtpPeer() as rtp:
        webhook["voice"] = response(f"<Dial><Sip>{bob.uri}</Sip></Dial>")
        async with caller(server) as alice:
            called = await bob.next_call()
            called.answer(port=rtp.port)
            await called.gets("ACK")
            port = re.search(r"m=audio (\d+)", called.invite.body)
            assert port is not None
            rtp.speak(("127.0.0.1", int(port[1])), 440)
            assert await alice.rtp.hears(440)
            await asyncio.sleep(3.2)  # long enough for the source to be settled
            async with RtpPeer() as moved:
                await rtp.be_silent()
                moved._ssrc, moved._sequence, moved._timestamp = rtp._ssrc, rtp._sequence, rtp._timestamp
                moved.speak(("127.0.0.1", int(port[1])), 1000)
                began = time.monotonic()
                assert await alice.rtp.hears(1000, seconds=0.2, timeout=6.0)
                assert time.monotonic() - began < HEARD_WITHIN_S + 0.4
                assert moved.packets > 0, "and it is sent to there"
            called.request("BYE")


async def test_a_prompt_is_played_whole_and_a_cut_one_says_so(server: Server, webhook: Webhook) -> None:
    """An MP3 of variable rate without a Xing header, joined; and a WAV that broke off. (libsndfile 1001)"""
    webhook["voice"] = response("<Play>joined.mp3</Play>", "<Play>cut.wav</Play>", "<Redirect>end</Redirect>")
    webhook["joined.mp3"] = Answer(VARIABLE + VARIABLE, content_type="audio/mpeg")
    webhook["cut.wav"] = Answer(WAV[:-8000], content_type="audio/wav")
    webhook["end"] = response("<Hangup/>")
    async with caller(server) as alice:
        sid = (await webhook.next("voice"))["CallSid"]
        await webhook.next("end", timeout=12)
        assert alice.rtp.heard().seconds_of(440) == pytest.approx(SECONDS + 1.5, abs=0.4)
        await alice.call.gets("BYE")
    _, page = await server.node.rest("GET", f"Calls/{sid}/Notifications.json")
    [reported] = page["notifications"]
    assert (reported["error_code"], reported["log"]) == ("13520", "1")
    assert "cut.wav: 8000 of 32000 octets are missing at its end" in reported["message_text"]
