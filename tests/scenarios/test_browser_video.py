"""`<Video>` with a browser: its camera is seen by a phone in the clear and by another browser, and theirs by it."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.scenarios.harness.application import response
from tests.scenarios.harness.browser_phone import BrowserPage, missing
from tests.scenarios.harness.command_phone import Mirror, has_video_baresip
from tests.scenarios.harness.film import FilmMirror
from tests.scenarios.harness.raw_phone import RawPhone, sdp
from tests.scenarios.harness.street import MICROPHONE_HZ, Street
from tests.scenarios.harness.waiting import eventually
from tests.scenarios.test_video import port_of, video_of

pytestmark = [pytest.mark.timeout(90), pytest.mark.skipif(missing() is not None, reason=missing() or "")]
OFFERED = {
    "VP8": ("VP8/90000", "VP8/90000"),
    "H264": ("H264/90000", "packetization-mode=1;profile-level-id=42e01f"),
}
"""What the phone answers with, and what stands in the line of the offer that it means."""
PICTURE_LOSS = (206, 1)


async def seen(page: BrowserPage, what: str, condition: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
    """The figures of a page's video once they are so; AssertionError after 15 s."""
    figures: dict[str, Any] = {}
    for _ in range(150):
        figures = await page.run("picture")
        if condition(figures):
            return figures
        await asyncio.sleep(0.1)
    raise AssertionError(f"{page.name} waited in vain for {what}: {figures}")


def is_film(figures: dict[str, Any]) -> bool:
    """Whether pictures are decoded, and what the page shows is one of a camera and not a plain surface."""
    return bool(figures["decoded"] > 10 and figures["width"] > 0 and figures["colours"] > 5)


@pytest.mark.parametrize("codec", OFFERED)
async def test_a_browser_and_a_phone_see_each_other(street: Street, codec: str) -> None:
    """The phone takes one format of the page's, under a number of its own, and its requests bring key frames.

    H.264 is not the page's first choice, and the page is answered while the phone rings: it is re-invited.
    """
    async with RawPhone("bob") as bob, FilmMirror() as mirror:
        street.webhook["voice"] = response(f'<Dial><Sip name="{bob.uri}"><Video enable="true"/></Sip></Dial>')
        page = await street.open("alice", "jssip")
        await street.call(page, "film")
        ringing = await bob.next_call()
        offered = video_of(ringing.invite)
        assert offered[0].split()[2] == "RTP/AVP"
        assert not any("transport-cc" in line or "red/" in line for line in offered), (
            "needs what is not relayed"
        )
        name, mark = OFFERED[codec]
        mirror.number = next(int(line.partition(":")[2].split()[0]) for line in offered if mark in line)
        answer = f"m=video {mirror.port} RTP/AVP 120\r\na=rtpmap:120 {name}\r\n"
        answer += "a=fmtp:120 profile-level-id=42e01f;packetization-mode=1\r\n" if codec == "H264" else ""
        ringing.respond(ringing.invite, 200, body=sdp(port=9) + answer)
        await ringing.gets("ACK")
        await page.event("answered")
        figures = await seen(page, "the phone's film", is_film)
        assert figures["received"] == figures["filmed"] == f"video/{codec}"
        assert mirror.numbers == {120}

        before = figures["keyFrames"]
        mirror.ask_for_a_picture(port_of(ringing.invite))
        await seen(
            page, "a request for a picture, obeyed", lambda now: now["askedFor"] and now["keyFrames"] > before
        )

        mirror.skips = 40
        await eventually("the page's request for a picture", lambda: PICTURE_LOSS in mirror.control, 10)
        decoded = (await page.run("picture"))["decoded"]
        await seen(page, "film after the loss", lambda now: now["decoded"] > decoded + 10)
        await page.run("hangUp")
        await ringing.gets("BYE")


@pytest.mark.skipif(not has_video_baresip(), reason="Debian's baresip is not installed")
async def test_a_phone_of_another_make_decodes_a_browsers_film(street: Street, tmp_path: Path) -> None:
    """Baresip over plain RTP sends back what it has decoded and encoded anew, and the sound."""
    async with Mirror(tmp_path / "baresip") as bob:
        await bob.says("baresip is ready")
        street.webhook["voice"] = response(f'<Dial><Sip>{bob.uri}<Video enable="true"/></Sip></Dial>')
        page = await street.open("alice", "jssip")
        await street.call(page, "film")
        await page.event("answered")
        figures = await seen(page, "its own film", is_film)
        assert (figures["width"], figures["received"]) == (640, "video/VP8")
        assert await page.hears(MICROPHONE_HZ)
        await page.run("hangUp")


@pytest.mark.parametrize(
    ("caller", "callee", "codec"),
    [("jssip", "sipjs", "VP8"), ("sipjs", "jssip", "VP8"), ("jssip", "jssip", "H264")],
)
async def test_browsers_see_each_other(street: Street, caller: str, callee: str, codec: str) -> None:
    """`<Client>` with `<Video>`: each page decodes the other's film, and hears the other still."""
    street.webhook["voice"] = response('<Dial><Client>frank<Video enable="true"/></Client></Dial>')
    alice, frank = await street.open("alice", caller), await street.open("frank", callee)
    if codec == "H264":
        only = ["m=video (\\d+) (\\S+) .*", "m=video $1 $2 108 109"]
        await alice.run("change", only)
    await street.call(alice, "film")
    await frank.event("incoming")
    await frank.run("answerWithVideo")
    for page in (alice, frank):
        figures = await seen(page, "the other's film", is_film)
        assert figures["received"] == f"video/{codec}"
        assert await page.hears(MICROPHONE_HZ)
    await alice.run("hangUp")
    await frank.event("ended")


async def test_a_browser_that_answers_with_audio_gets_a_call_of_audio(street: Street) -> None:
    """The caller's video is taken back, and its sound goes on."""
    street.webhook["voice"] = response('<Dial><Client>frank<Video enable="true"/></Client></Dial>')
    alice, frank = await street.open("alice", "jssip"), await street.open("frank", "jssip")
    await street.call(alice, "film")
    await frank.event("incoming")
    await frank.run("answer")
    assert await alice.hears(MICROPHONE_HZ)
    assert await frank.hears(MICROPHONE_HZ)
    await alice.run("hangUp")
    await frank.event("ended")


async def test_without_the_element_a_client_is_offered_audio_alone(street: Street) -> None:
    """As for `<Sip>`."""
    street.webhook["voice"] = response("<Dial><Client>frank</Client></Dial>")
    alice, frank = await street.open("alice", "jssip"), await street.open("frank", "jssip")
    await street.call(alice, "film")
    await frank.event("incoming")
    await frank.run("answerWithVideo")
    assert await frank.hears(MICROPHONE_HZ)
    figures = await frank.run("picture")
    assert "received" not in figures
    await frank.run("hangUp")
    await alice.event("ended")
