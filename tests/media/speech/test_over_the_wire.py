"""Say, codec, RTP, codec, recording, text: ten sentences in each codec over real sockets."""

import asyncio
import itertools
from difflib import SequenceMatcher
from pathlib import Path

import numpy as np
import pytest
import soundfile

from callapi.base.settings import SpeechSettings
from callapi.media import CodecFormat, Prompt, RecordingEnded, RecordOptions, StreamParameters
from callapi.media.plane.engine import NativePlane
from callapi.media.speech import Utterance, open_recogniser, open_speaker
from tests.media.speech.test_engines import TEN_SENTENCES, needs_piper, needs_whisper, plain

CODECS = (
    CodecFormat("PCMU", 0, 8000, 1, 0),
    CodecFormat("PCMA", 8, 8000, 1, 8),
    CodecFormat("G722", 9, 8000, 1, 9),
    CodecFormat("opus", 107, 48_000, 2, 107),
)
PATIENT = SpeechSettings(timeout_s=60, patience_s=60, recogniser_timeout_s=90)


async def heard(plane: NativePlane, codec: CodecFormat, prompt: Prompt, path: Path) -> RecordingEnded:
    """What comes out of one stream when `prompt` goes into another."""
    speaker, listener = plane.open_stream(), plane.open_stream()
    speaker.configure(StreamParameters(listener.local, codec))
    listener.configure(StreamParameters(speaker.local, codec))
    recording = listener.record(path, RecordOptions(received_only=True))
    assert await speaker.play(prompt).ended()
    recording.stop()
    return await recording.ended()


@needs_piper
@needs_whisper
@pytest.mark.timeout(240)
async def test_ten_sentences_through_each_codec_are_understood(
    tmp_path: Path,
) -> None:
    async with open_speaker(PATIENT, tmp_path) as speaker, open_recogniser(PATIENT) as recogniser:
        assert recogniser is not None
        halves = []
        for text in (" ".join(TEN_SENTENCES[:5]), " ".join(TEN_SENTENCES[5:])):
            parts = [each async for each in speaker.speak(Utterance(text), print)]
            halves.append((text, Prompt(np.concatenate([each.samples for each in parts]), parts[0].rate)))
        async with NativePlane(rtp_ports="42200-42299", threads=1) as plane:
            calls = itertools.product(CODECS, halves)  # all at once: their time passes once
            recorded = await asyncio.gather(
                *(
                    heard(plane, codec, prompt, tmp_path / f"{codec.name}-{number}.wav")
                    for number, (codec, (_, prompt)) in enumerate(calls)
                )
            )
        for (codec, (text, prompt)), ended in zip(itertools.product(CODECS, halves), recorded, strict=True):
            assert ended.path is not None
            samples, rate = soundfile.read(ended.path, dtype="int16")
            # Begun before the prompt and stopped after it by this process, which may be late; the sound has its length.
            assert ended.duration_ms >= prompt.duration_ms, codec.name
            loud = np.flatnonzero(np.abs(samples.astype(np.int32)) > 300)
            assert (loud[-1] - loud[0]) / rate < prompt.duration_ms / 1000 + 1, codec.name
            understood = await recogniser.recognise(samples, rate, "en", ())
            likeness = SequenceMatcher(None, plain(understood.text).split(), plain(text).split()).ratio()
            assert likeness >= 0.85, (codec.name, likeness, understood.text)
