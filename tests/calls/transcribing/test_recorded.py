"""The text of a finished recording ends completed or failed, whatever happens to its recognition."""

import asyncio
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import soundfile

from callapi.calls.call import Call
from callapi.calls.events import EventBus, TranscriptionChanged
from callapi.calls.problem import Problem
from callapi.calls.recording.recordings import RecordingFacts
from callapi.calls.transcribing.recorded import RecordedSpeech, transcribe
from callapi.media import EngineFailed
from callapi.media.speech import Recognised, Recogniser
from tests.store import samples


class OneCall:
    """What a transcription asks of the call."""

    def __init__(self) -> None:
        self.record = samples.call()
        self.problems: list[Problem] = []

    def notify(self, problem: Problem) -> None:
        self.problems.append(problem)

    def voice_parameters(self) -> tuple[tuple[str, str], ...]:
        return (("CallSid", self.record.sid),)


class Recognising:
    """Says `said`, raises it, or never comes back."""

    def __init__(self, said: str | Exception | None) -> None:
        self.said = said
        self.began = asyncio.Event()

    async def recognise(self, *_: object) -> Recognised:
        self.began.set()
        if self.said is None:
            await asyncio.Event().wait()
        if isinstance(self.said, Exception):
            raise self.said
        return Recognised(str(self.said), 1.0)


@pytest.fixture
def speech(tmp_path: Path) -> RecordedSpeech:
    path = tmp_path / "recording.wav"
    tone = np.sin(np.arange(16_000) * 2 * np.pi * 440 / 8000) * 8000
    soundfile.write(path, np.concatenate([tone, np.zeros(16_000)]).astype(np.int16), 8000)
    facts = RecordingFacts("http://node/2010-04-01/Accounts/AC1/Recordings/RE1", "RE1", 4)
    return RecordedSpeech(facts, path, "http://app.example/text")


def _begin(
    call: OneCall, recogniser: Recognising, speech: RecordedSpeech
) -> tuple[asyncio.Task[None], list[TranscriptionChanged]]:
    bus, events = EventBus(), list[TranscriptionChanged]()
    bus.attach(TranscriptionChanged, events.append)
    work = transcribe(cast("Call", call), bus, cast("Recogniser", recogniser), speech)
    return asyncio.ensure_future(work), events


def _kept(events: list[TranscriptionChanged]) -> list[tuple[str, str]]:
    return [(each.transcript.status, each.transcript.text) for each in events if each.transcript]


async def test_what_was_said_is_kept_and_reported(speech: RecordedSpeech) -> None:
    call = OneCall()
    work, events = _begin(call, Recognising("hello"), speech)
    await work
    assert _kept(events) == [("in-progress", ""), ("completed", "hello")]
    [row] = [each.callback for each in events if each.callback]
    assert ("TranscriptionText", "hello") in row.parameters
    assert not call.problems


async def test_an_engine_that_fails(speech: RecordedSpeech) -> None:
    call = OneCall()
    work, events = _begin(call, Recognising(EngineFailed("recogniser", "it broke")), speech)
    await work
    assert _kept(events) == [("in-progress", ""), ("failed", "")]
    assert len(call.problems) == 1


async def test_a_node_that_stops_leaves_no_text_in_progress(speech: RecordedSpeech) -> None:
    recogniser = Recognising(None)
    work, events = _begin(OneCall(), recogniser, speech)
    await asyncio.wait_for(recogniser.began.wait(), 5)
    work.cancel()
    with pytest.raises(asyncio.CancelledError):
        await work
    assert _kept(events) == [("in-progress", ""), ("failed", "")]
