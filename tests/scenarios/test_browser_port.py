"""The one port of all browsers' media on a bad network: one that is cut, and one that is flooded."""

import random
from pathlib import Path

import pytest

from tests.scenarios.conftest import Measured, PhoneFactory
from tests.scenarios.harness.application import Application, response
from tests.scenarios.harness.attack import MAX_MEMORY_KB
from tests.scenarios.harness.browser_phone import Browser, missing
from tests.scenarios.harness.flood import Flood
from tests.scenarios.harness.media_relay import MediaRelay
from tests.scenarios.harness.ports import free_port
from tests.scenarios.harness.street import MICROPHONE_HZ, new_street

pytestmark = [pytest.mark.timeout(90), pytest.mark.skipif(missing() is not None, reason=missing() or "")]
OTHER_SIDE = "127.0.0.2"


async def test_a_network_that_is_cut_ends_the_leg(
    application: Application, browser: Browser, tmp_path: Path
) -> None:
    """The signalling stays, the media's way is cut: consent is not renewed (RFC 7675), and the leg ends with that."""
    port = free_port()
    settings = {"media": {"webrtc_port": port, "advertised_address": OTHER_SIDE}}
    async with (
        MediaRelay((OTHER_SIDE, port), ("127.0.0.1", port)) as network,
        new_street(tmp_path, application, "cut", browser, settings) as cut,
    ):
        cut.webhook["voice"] = response("<Play digits='1'/><Pause length='80'/>")
        page = await cut.open("alice", "sipjs")
        await cut.call(page)
        sid = (await cut.webhook.next("voice"))["CallSid"]
        await page.event("connected")
        assert network.passed
        network.cut()
        await page.event("ended", timeout=45)
        assert (await cut.node.final(sid))["status"] == "completed"
        assert "ICE" in await cut.security_failure(sid)


async def test_floods_of_stun_and_dtls_disturb_no_call(
    application: Application, browser: Browser, phone: PhoneFactory, measured: Measured, tmp_path: Path
) -> None:
    """Checks without a password, hellos with bad cookies, and noise at the browsers' port: the page hears its party."""
    port = free_port()
    chance = random.Random(14)
    settings = {"media": {"webrtc_port": port}}
    async with new_street(tmp_path, application, "flood", browser, settings) as flooded:
        bob = await phone("bob")
        flooded.webhook["voice"] = response(f"<Dial><Sip>{bob.uri}</Sip></Dial>")
        page = await flooded.open("alice", "jssip")
        await flooded.call(page)
        ringing = await bob.next_call()
        await ringing.answer(say=440)
        assert await page.hears(440)
        before, concealed = flooded.node.census(), (await page.run("statistics"))["concealed"]
        async with Flood(("127.0.0.1", port), source="127.0.0.66") as flood:
            sent = await flood.run(lambda: _unwanted(chance), per_second=3000, seconds=2.0)
        after, figures = flooded.node.census(), await page.run("statistics")
        grown, more = after.memory_kb - before.memory_kb, figures["concealed"] - concealed
        cpu = after.cpu_s - before.cpu_s
        measured(
            f"browser: {sent} of STUN and DTLS: {more} samples concealed, {grown} KB more, {cpu:.2f} s CPU"
        )
        assert await page.hears(440)
        assert await ringing.hears(MICROPHONE_HZ)
        assert grown < MAX_MEMORY_KB
        assert await flooded.node.health() == 200
        await page.run("hangUp")
        await ringing.ended()


def _unwanted(chance: random.Random) -> bytes:
    """A check of ICE that names no leg, a ClientHello with a cookie of its own making, or either cut short."""
    name = chance.randbytes(4).hex().encode() + b":" + chance.randbytes(4).hex().encode() + bytes(3)
    username = b"\x00\x06\x00\x11" + name
    check = b"\x00\x01" + len(username).to_bytes(2) + b"\x21\x12\xa4\x42" + chance.randbytes(12) + username
    hello = (
        b"\xfe\xfd" + chance.randbytes(32) + b"\x00\x20" + chance.randbytes(32) + b"\x00\x02\xc0\x2b\x01\x00"
    )
    message = b"\x01" + len(hello).to_bytes(3) + bytes(5) + len(hello).to_bytes(3) + hello
    record = b"\x16\xfe\xfd" + bytes(8) + len(message).to_bytes(2) + message
    whole = chance.choice([check, record])
    return whole[: chance.randrange(1, len(whole) + 1)] if chance.random() < 0.2 else whole
