"""Browsers as phones: Chromium with JsSIP and with SIP.js, both unmodified, over WebSocket, DTLS-SRTP and ICE."""

import asyncio
from pathlib import Path

import pytest

from tests.scenarios.conftest import PhoneFactory
from tests.scenarios.harness.application import Application, response
from tests.scenarios.harness.browser_phone import Browser, missing
from tests.scenarios.harness.ports import free_port
from tests.scenarios.harness.street import MICROPHONE_HZ, Street, new_street

pytestmark = [pytest.mark.timeout(90), pytest.mark.skipif(missing() is not None, reason=missing() or "")]
LIBRARIES = ["jssip", "sipjs"]


@pytest.mark.parametrize("library", LIBRARIES)
async def test_a_browser_calls_a_phone(street: Street, phone: PhoneFactory, library: str) -> None:
    """Tone sent is tone heard, both ways; hold and resume; the phone hangs up."""
    bob = await phone("bob")
    street.webhook["voice"] = response(f'<Dial action="after"><Sip>{bob.uri}</Sip></Dial>')
    street.webhook["after"] = response("<Hangup/>")
    page = await street.open("alice", library)
    await page.run("call", f"sip:1000@127.0.0.1:{street.node.sip_port}")
    ringing = await bob.next_call()
    await ringing.answer(say=440)
    await page.event("answered")
    assert await page.hears(440)
    assert await ringing.hears(MICROPHONE_HZ)
    statistics = await page.run("statistics")
    assert statistics["dtls"] == "connected"
    await page.run("hold")
    await page.event("hold")
    assert await ringing.hears_nothing()
    await page.run("resume")
    await page.event("unhold")
    assert await ringing.hears(MICROPHONE_HZ)
    assert await page.hears(440)
    await ringing.hang_up()
    await page.event("ended")
    after = await street.webhook.next("after")
    assert (after["DialCallStatus"], after["DialSrtp"], after["From"]) == (
        "completed",
        "none",
        "client:alice",
    )
    assert (await street.node.call(after["CallSid"]))["srtp"] == "dtls"


@pytest.mark.parametrize("library", LIBRARIES)
async def test_a_browser_is_called(street: Street, phone: PhoneFactory, library: str) -> None:
    """`<Dial><Client>` rings it; screening is heard there first; it hangs up."""
    bob = await phone("bob")
    page = await street.open("alice", library)
    street.webhook["voice"] = response('<Dial action="after"><Client url="screen">alice</Client></Dial>')
    street.webhook["screen"] = response("<Pause length='1'/>")
    street.webhook["after"] = response("<Hangup/>")
    call = await bob.invite(street.node.uri("1000"), say=440)
    await page.event("incoming")
    await page.run("answer")
    await page.event("answered")
    assert await page.hears(440)
    assert await call.hears(MICROPHONE_HZ)
    await page.run("hangUp")
    after = await street.webhook.next("after")
    assert (after["DialCallStatus"], after["DialSrtp"]) == ("completed", "dtls")


@pytest.mark.parametrize("library", LIBRARIES)
async def test_digits_of_a_browser_are_gathered(street: Street, library: str) -> None:
    """RFC 4733 events, under opus' clock."""
    street.webhook["voice"] = response('<Gather action="digits" numDigits="4" timeout="15"/>')
    street.webhook["digits"] = response("<Hangup/>")
    page = await street.open("alice", library)
    await page.run("call", f"sip:1000@127.0.0.1:{street.node.sip_port}")
    await page.event("answered")
    await page.run("press", "0427")
    assert (await street.webhook.next("digits"))["Digits"] == "0427"
    await page.event("ended")


async def test_a_page_that_is_closed_ends_its_call(street: Street, phone: PhoneFactory) -> None:
    """The socket breaks: the other party is hung up, the binding is gone."""
    bob = await phone("bob")
    street.webhook["voice"] = response(f'<Dial action="after"><Sip>{bob.uri}</Sip></Dial>')
    street.webhook["after"] = ""
    page = await street.open("carol", "jssip")
    await page.run("call", f"sip:1000@127.0.0.1:{street.node.sip_port}")
    ringing = await bob.next_call()
    await ringing.answer(say=440)
    assert await page.hears(440)
    await page.close()
    del street.browser.pages[page.name]
    await ringing.ended(10)
    assert (await street.webhook.next("after"))["DialCallStatus"] == "completed"
    street.webhook["voice"] = response('<Dial action="again"><Client>carol</Client></Dial>')
    street.webhook["again"] = response("<Hangup/>")
    await bob.invite(street.node.uri("1000"))
    assert (await street.webhook.next("again"))["DialCallStatus"] == "failed"


async def test_two_tabs_ring_and_one_answers(street: Street, phone: PhoneFactory) -> None:
    """A second tab of the same client rings too, and falls silent when the first answers."""
    bob = await phone("bob")
    one, other = await street.open("dave", "jssip"), await street.open("dave", "sipjs")
    street.webhook["voice"] = response("<Dial><Client>dave</Client></Dial>")
    call = await bob.invite(street.node.uri("1000"), say=440)
    await asyncio.gather(one.event("incoming"), other.event("incoming"))
    await one.run("answer")
    await other.event("ended")
    assert await one.hears(440)
    await call.hang_up()
    await one.event("ended")


async def test_browser_to_browser(street: Street) -> None:
    """JsSIP calls SIP.js: each hears the other's microphone, and the call is recorded."""
    street.webhook["voice"] = response(
        '<Dial action="after" record="record-from-answer"><Client>frank</Client></Dial>'
    )
    street.webhook["after"] = response("<Hangup/>")
    alice, frank = await street.open("alice", "jssip"), await street.open("frank", "sipjs")
    await alice.run("call", f"sip:1000@127.0.0.1:{street.node.sip_port}")
    await frank.event("incoming")
    await frank.run("answer")
    await alice.event("answered")
    assert await alice.hears(MICROPHONE_HZ)
    assert await frank.hears(MICROPHONE_HZ)
    await alice.run("hangUp")
    after = await street.webhook.next("after")
    assert (after["DialSrtp"], after["DialCallStatus"]) == ("dtls", "completed")
    assert after["RecordingUrl"]


async def test_all_browsers_share_one_port(
    application: Application, browser: Browser, tmp_path: Path
) -> None:
    """`media.webrtc_port`: two browsers on one call, each hears the other; no other port of theirs is in their SDP."""
    port = free_port()
    settings = {"media": {"webrtc_port": port}}
    async with new_street(tmp_path, application, "shared-port", browser, settings) as street:
        street.webhook["voice"] = response('<Dial action="after"><Client>frank</Client></Dial>')
        street.webhook["after"] = response("<Hangup/>")
        alice, frank = await street.open("alice", "jssip"), await street.open("frank", "sipjs")
        await street.call(alice)
        await frank.event("incoming")
        await frank.run("answer")
        await alice.event("answered")
        assert await alice.hears(MICROPHONE_HZ)
        assert await frank.hears(MICROPHONE_HZ)
        await alice.run("hangUp")
        sid = (await street.webhook.next("after"))["CallSid"]
        _, events = await street.node.rest("GET", f"Calls/{sid}/Events.json")
        assert f"m=audio {port} UDP/TLS/RTP/SAVPF" in str(events)
