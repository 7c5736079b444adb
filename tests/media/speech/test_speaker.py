"""The voice of the node over engines that a test plays."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from callapi.media import EngineFailed, Prompt, UnplayableAudio
from callapi.media.speech import Catalogue, Engine, EngineSpeaker, Gender, SpeechCache, Utterance, Voice
from callapi.media.speech.speaker import AHEAD

JOE = Voice("joe", Engine.PIPER, "en-us", "/joe.onnx", Gender.MAN)


@dataclass
class FakeEngine:
    """Each text sounds for as many samples as it has characters."""

    takes_markup: bool = False
    is_broken: bool = False
    said: list[str] = field(default_factory=list)
    gate: asyncio.Event | None = None

    async def synthesise(self, voice: Voice, text: str, *, is_markup: bool) -> bytes:
        self.said.append(text)
        if self.gate is not None:
            await self.gate.wait()
        if self.is_broken:
            raise EngineFailed("fake", "it died")
        return bytes(2 * len(text)) if any(map(str.isalnum, text)) else b""


@dataclass
class Stage:
    """A speaker and its engines."""

    speaker: EngineSpeaker
    piper: FakeEngine
    espeak: FakeEngine
    warnings: list[str] = field(default_factory=list)

    async def lengths(self, utterance: Utterance) -> list[int]:
        """How long each prompt is."""
        return [len(each.samples) async for each in self.speaker.speak(utterance, self.warnings.append)]


@asynccontextmanager
async def stage(directory: Path, patience_s: float = 60) -> AsyncIterator[Stage]:
    piper, espeak = FakeEngine(), FakeEngine(takes_markup=True)
    catalogue = Catalogue([JOE], frozenset({"en-us", "fr"}), "en-US")
    engines = {Engine.PIPER: piper, Engine.ESPEAK_NG: espeak}
    async with EngineSpeaker(engines, catalogue, SpeechCache(directory, 1 << 20), patience_s) as speaker:
        yield Stage(speaker, piper, espeak)


async def test_sentence_by_sentence_in_order(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        assert await here.lengths(Utterance("One. Three four. Five.")) == [4, 11, 5]
        assert here.piper.said == ["One.", "Three four.", "Five."]


async def test_the_next_are_made_while_one_sounds_and_no_more(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        sentences = here.speaker.speak(Utterance("A1. A2. A3. A4. A5. A6."), here.warnings.append)
        await anext(sentences)
        for _ in range(20):
            await asyncio.sleep(0.005)
        assert here.piper.said == ["A1.", "A2.", "A3."][: 1 + AHEAD]
        await sentences.aclose()


async def test_what_was_said_is_there_at_once_without_waiting(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        await here.lengths(Utterance("Hello there."))
        sentences = here.speaker.speak(Utterance("Hello there."), here.warnings.append)
        step = sentences.__anext__()
        with pytest.raises(StopIteration) as done:
            step.send(None)  # the first step ends it: nothing was waited for
        assert isinstance(done.value.value, Prompt)
        assert here.piper.said == ["Hello there."]
        await sentences.aclose()


async def test_the_same_prompt_is_given_to_everybody_who_waits_for_it(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        here.piper.gate = asyncio.Event()
        asyncio.get_running_loop().call_later(0.02, here.piper.gate.set)
        await asyncio.gather(*(here.lengths(Utterance("All at once.")) for _ in range(50)))
        assert here.piper.said == ["All at once."]


async def test_a_cancelled_listener_leaves_the_work_to_the_cache(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        here.piper.gate = asyncio.Event()
        one = asyncio.create_task(here.lengths(Utterance("Wait.")))
        other = asyncio.create_task(here.lengths(Utterance("Wait.")))
        await asyncio.sleep(0.02)
        one.cancel()
        here.piper.gate.set()
        assert await other == [5]
        assert here.piper.said == ["Wait."]


async def test_a_restart_does_not_say_it_again(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        await here.lengths(Utterance("Once. Twice."))
        await asyncio.sleep(0.05)
    async with stage(tmp_path) as again:
        assert await again.lengths(Utterance("Once. Twice.")) == [5, 6]
        assert again.piper.said == []


async def test_markup_goes_to_the_engine_that_takes_it(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        await here.lengths(Utterance("Oui non", 'Oui <break time="1s"/> non', language="fr"))
        assert here.espeak.said == ['<speak>Oui <break time="1s"/> non</speak>']


async def test_markup_is_removed_for_an_engine_that_does_not_read_it(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        assert await here.lengths(Utterance("Yes no", 'Yes <break time="1s"/> no')) == [3, 16_000, 2]
        assert await here.lengths(Utterance("a b", "a <x:y/> b")) == [3], (
            "what cannot be read is spoken plain"
        )


async def test_an_unknown_voice_is_warned_of(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        assert await here.lengths(Utterance("Hi.", voice="Polly.Amy")) == [3]
        assert here.warnings == ["the voice 'Polly.Amy' is unknown; joe (en-us) speaks"]


async def test_an_engine_that_fails_has_a_stand_in_which_is_not_kept_in_its_name(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        here.piper.is_broken = True
        assert await here.lengths(Utterance("Hello.")) == [6]
        assert here.espeak.said == ["Hello."]
        assert here.warnings == ["joe failed or was too slow; espeak-ng en-us spoke"]
        here.piper.is_broken = False
        await here.lengths(Utterance("Hello."))
        assert here.piper.said == ["Hello.", "Hello."]


async def test_when_all_fail_it_cannot_be_played(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        here.piper.is_broken = here.espeak.is_broken = True
        with pytest.raises(UnplayableAudio, match="it died"):
            await here.lengths(Utterance("Hello. You."))
        here.piper.is_broken = False
        assert await here.lengths(Utterance("Hello. You.")) == [6, 4], "a failure is not remembered"


async def test_no_voice_is_installed(tmp_path: Path) -> None:
    empty = Catalogue([], frozenset(), "en-US")
    async with EngineSpeaker({}, empty, SpeechCache(tmp_path, 0)) as speaker:
        speaker.prepare()
        with pytest.raises(UnplayableAudio, match="no speech engine"):
            await anext(speaker.speak(Utterance("Hello."), print))


async def test_what_cannot_be_pronounced_takes_time(tmp_path: Path) -> None:
    async with stage(tmp_path) as here:
        assert await here.lengths(Utterance("...")) == [1600]
        assert await here.lengths(Utterance("")) == []


async def test_stopping_in_the_middle_wakes_the_waiters(tmp_path: Path) -> None:
    waiting: list[asyncio.Task[list[int]]] = []
    async with stage(tmp_path) as here:
        here.piper.gate = asyncio.Event()
        waiting.append(asyncio.create_task(here.lengths(Utterance("Never."))))
        await asyncio.sleep(0.02)
    with pytest.raises(UnplayableAudio, match="stopping"):
        await waiting[0]


async def test_a_voice_that_is_slow_is_stood_in_for_and_heard_the_next_time(tmp_path: Path) -> None:
    """A model that is still being loaded is not waited for, and its result is cached."""
    async with stage(tmp_path, patience_s=0.05) as here:
        here.piper.gate = asyncio.Event()
        assert await here.lengths(Utterance("Hello.")) == [6]
        assert (here.piper.said, here.espeak.said) == (["Hello."], ["Hello."])
        assert here.warnings == ["joe failed or was too slow; espeak-ng en-us spoke"]
        here.piper.gate.set()
        async with asyncio.timeout(5):
            while here.speaker._running:  # noqa: ASYNC110 - what is left is being kept
                await asyncio.sleep(0.01)
        here.warnings.clear()
        assert await here.lengths(Utterance("Hello.")) == [6]
        assert here.warnings == []
        assert len(here.piper.said) == 1, "it is in the cache"
