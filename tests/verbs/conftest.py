"""Stories in virtual time, with prompts that sound as long as they are."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from callapi.media import Prompt
from callapi.media.plane.fake import FakePlayback, FakeStream
from callapi.sip import InfoReceived
from tests.verbs.world import Phone, World, world
from tests.virtual_time import run

Story = Callable[[World], Awaitable[None]]
RunStory = Callable[[Story], None]


@pytest.fixture
def run_story(tmp_path: Path) -> RunStory:
    """Run a story in a world of its own, in virtual time, and see that nothing is left."""

    async def whole(story: Story) -> None:
        async with world(tmp_path) as here:
            await story(here)
            async with asyncio.timeout(120):
                await here.live.empty.wait()
            here.assert_nothing_left()

    return lambda story: run(whole(story))


@pytest.fixture
def sounding(monkeypatch: pytest.MonkeyPatch) -> None:
    """Playbacks end when they have sounded for their length."""
    original = FakeStream.play

    def play(self: FakeStream, audio: Prompt, *, loop: int = 1) -> FakePlayback:
        playback = original(self, audio, loop=loop)
        if loop:
            seconds = audio.duration_ms * loop / 1000
            asyncio.get_running_loop().call_later(seconds, playback.finish)
        return playback

    monkeypatch.setattr(FakeStream, "play", play)


def press_by_info(phone: Phone, digits: str) -> None:
    """Keys as SIP INFO."""
    for digit in digits:
        body = f"Signal={digit}\r\nDuration=160\r\n".encode()
        phone.session.put(InfoReceived("application/dtmf-relay", body))
