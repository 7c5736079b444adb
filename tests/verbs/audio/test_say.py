"""`<Say>`: what is asked of the speaker, loops, and what becomes of it without a speaker."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field

import numpy as np
import pytest
from msgspec.structs import replace

from callapi.media import Prompt, UnplayableAudio
from callapi.media.speech import Utterance
from callapi.verbs.interpreter import Interpreter
from tests.verbs.conftest import RunStory
from tests.verbs.world import World

pytestmark = pytest.mark.usefixtures("sounding")


@dataclass
class Speaker:
    """Speaks each sentence for a second; `broken_after` sentences it can no more."""

    broken_after: int = 1000
    asked: list[Utterance] = field(default_factory=list)
    closed: int = 0

    async def speak(self, utterance: Utterance, warn: Callable[[str], None]) -> AsyncGenerator[Prompt, None]:
        self.asked.append(utterance)
        try:
            for number, _ in enumerate(filter(None, utterance.text.split("."))):
                if number == self.broken_after:
                    raise UnplayableAudio("speech", "piper: it died")
                yield Prompt(np.zeros(8000, np.int16), 8000)
        finally:
            self.closed += 1


def with_speaker(here: World, speaker: Speaker) -> Speaker:
    here.services = replace(here.services, speaker=speaker)
    here.script = Interpreter(here.services)
    return speaker


def test_every_attribute_reaches_the_speaker(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        speaker = with_speaker(here, Speaker())
        here.caller(
            '<Response><Say voice="woman" language="en-GB">Your <sub alias="code">c</sub>.</Say></Response>'
        )
        await here.live.empty.wait()
        assert speaker.asked == [
            Utterance("Your code.", 'Your <sub alias="code">c</sub>.', "woman", "en-GB"),
        ]

    run_story(story)


def test_plain_text_has_no_markup_and_no_wishes(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        speaker = with_speaker(here, Speaker())
        here.caller("<Response><Say>Hello &amp; welcome.</Say></Response>")
        await here.live.empty.wait()
        assert speaker.asked == [Utterance("Hello & welcome.")]

    run_story(story)


@pytest.mark.parametrize(("loop", "seconds"), [("1", 2), ("3", 6)])
def test_sentences_follow_one_another_and_loops_repeat_them(
    run_story: RunStory, loop: str, seconds: int
) -> None:
    async def story(here: World) -> None:
        with_speaker(here, Speaker())
        call, _ = here.caller(f'<Response><Say loop="{loop}">One. Two.</Say></Response>')
        await here.live.empty.wait()
        assert len(here.stream_of(call).playbacks) == seconds
        assert asyncio.get_running_loop().time() == pytest.approx(seconds, abs=0.2)

    run_story(story)


def test_loop_0_speaks_until_the_caller_leaves(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        speaker = with_speaker(here, Speaker())
        call, phone = here.caller('<Response><Say loop="0">One.</Say></Response>')
        await asyncio.sleep(600.5)
        phone.hang_up()
        await here.live.empty.wait()
        assert len(here.stream_of(call).playbacks) == 601
        assert speaker.closed == len(speaker.asked), "the speaker hears when it is no longer listened to"

    run_story(story)


def test_a_loop_over_nothing_ends(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        with_speaker(here, Speaker())
        here.caller('<Response><Say loop="0">.</Say></Response>')
        await here.live.empty.wait()

    run_story(story)


def test_a_caller_who_leaves_in_a_sentence_hears_no_other(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        speaker = with_speaker(here, Speaker())
        call, phone = here.caller("<Response><Say>One. Two. Three.</Say></Response>")
        await asyncio.sleep(1.5)
        phone.hang_up()
        await here.live.empty.wait()
        assert len(here.stream_of(call).playbacks) == 2
        assert speaker.closed == 1

    run_story(story)


def test_what_cannot_be_spoken_is_skipped_with_a_notification(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        with_speaker(here, Speaker(broken_after=1))
        here.application.documents["/after"] = "<Response/>"
        call, _ = here.caller(
            '<Response><Say loop="5">One. Two. Three.</Say><Redirect>/after</Redirect></Response>'
        )
        await here.live.empty.wait()
        assert len(here.stream_of(call).playbacks) == 1
        [notification] = here.book.notifications
        assert (notification.error_code, notification.log) == (60_040, 0)
        assert "it died" in notification.message_text
        assert notification.document_line == 1
        assert here.application.asked("/after"), "the document goes on"

    run_story(story)


def test_an_unknown_voice_is_reported_once(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        here.caller('<Response><Say voice="unknown" loop="3">One. Two.</Say></Response>')
        await here.live.empty.wait()
        [notification] = here.book.notifications
        assert (notification.error_code, notification.log) == (13_512, 1)

    run_story(story)
