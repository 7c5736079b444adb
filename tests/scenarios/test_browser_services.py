"""A browser's leg in everything that legs can be in: streams, conferences, recordings, transfers, video."""

import pytest

from tests.scenarios.conftest import PhoneFactory
from tests.scenarios.harness.application import response
from tests.scenarios.harness.audio import tone
from tests.scenarios.harness.browser_phone import BrowserPage, missing
from tests.scenarios.harness.stream_application import StreamApplication
from tests.scenarios.harness.street import MICROPHONE_HZ, Street

pytestmark = [pytest.mark.timeout(90), pytest.mark.skipif(missing() is not None, reason=missing() or "")]


async def on_call(street: Street, library: str = "jssip", verb: str = "call") -> BrowserPage:
    """Alice's tab, whose call was answered."""
    page = await street.open("alice", library)
    await street.call(page, verb)
    await page.event("answered")
    return page


async def test_a_stream_hears_a_browser_and_speaks_to_it(street: Street) -> None:
    """Opus under DTLS on the one side, G.711 over a WebSocket on the other."""
    async with StreamApplication() as application:
        street.webhook["voice"] = response(f'<Connect><Stream url="{application.url}"/></Connect>')
        page = await on_call(street)
        socket = await application.next_socket()
        assert await socket.hears(MICROPHONE_HZ)
        await socket.play(tone(440, 4.0))
        assert await page.hears(440)
        await page.run("press", "7")
        assert (await socket.next("dtmf"))["dtmf"]["digit"] == "7"
        await page.run("hangUp")
        await socket.ended()


async def test_a_browser_is_in_a_conference(street: Street, phone: PhoneFactory) -> None:
    """With a phone: each hears the other, and the browser not itself."""
    bob = await phone("bob")
    street.webhook["voice"] = response('<Dial><Conference beep="false">room</Conference></Dial>')
    page = await on_call(street)
    call = await bob.invite(street.node.uri("1000"), say=440)
    assert await call.hears(MICROPHONE_HZ)
    assert await page.hears(440)
    await call.hang_up()
    await page.run("hangUp")


async def test_what_a_browser_says_is_recorded(street: Street) -> None:
    """`<Record>`, then `<Play>` of it: the page hears its own microphone."""
    street.webhook["voice"] = response(
        '<Record action="recorded" maxLength="2" timeout="0" playBeep="false"/>'
    )
    street.webhook["recorded"] = lambda request: response(f"<Play loop='5'>{request['RecordingUrl']}</Play>")
    page = await on_call(street)
    assert (await street.webhook.next("recorded"))["RecordingDuration"] == "2"
    assert await page.hears(MICROPHONE_HZ)
    await page.run("hangUp")


@pytest.mark.parametrize("library", ["jssip", "sipjs"])
async def test_a_browser_transfers(street: Street, phone: PhoneFactory, library: str) -> None:
    """REFER from the page: the phone that it talked with goes on with the third, who is a phone without encryption."""
    bob, carol = await phone("bob"), await phone("carol")
    street.webhook["voice"] = response(f'<Dial action="after"><Sip>{bob.uri}</Sip></Dial>')
    street.webhook["after"] = ""
    page = await street.open("alice", library)
    await street.call(page)
    ringing = await bob.next_call()
    await ringing.answer(say=440)
    assert await page.hears(440)
    await page.run("transfer", carol.uri)
    third = await carol.next_call()
    await third.answer(say=1000)
    assert await ringing.hears(1000)
    assert await third.hears(440)
    await page.event("ended")
    await ringing.hang_up()
    await third.ended()


async def test_a_call_is_transferred_to_a_browser(street: Street, phone: PhoneFactory) -> None:
    """The called phone sends its caller on to a page, which rings and is heard."""
    alice, bob = await phone("alice"), await phone("bob")
    page = await street.open("frank", "jssip")
    street.webhook["voice"] = response(f"<Dial><Sip>{bob.uri}</Sip></Dial>")
    call = await alice.invite(street.node.uri("1000"), say=440)
    ringing = await bob.next_call()
    await ringing.answer(say=660)
    assert await call.hears(660)
    await ringing.transfer(f"sip:frank@127.0.0.1:{street.node.sip_port}")
    await page.event("incoming")
    await page.run("answer")
    assert await call.hears(MICROPHONE_HZ)
    assert await page.hears(440)
    await call.hang_up()


async def test_video_without_its_element_is_refused(street: Street, phone: PhoneFactory) -> None:
    """The call is one of audio: the line of video has port 0, and the page goes on without it."""
    bob = await phone("bob")
    street.webhook["voice"] = response(f"<Dial><Sip>{bob.uri}</Sip></Dial>")
    page = await street.open("alice", "jssip")
    await street.call(page, "film")
    ringing = await bob.next_call()
    await ringing.answer(say=440)
    assert await page.hears(440)
    assert await ringing.hears(MICROPHONE_HZ)
    await ringing.hang_up()
    await page.event("ended")
