"""The text of a finished recording, for `<Record transcribe>`: recognised stretch by stretch, reported once."""

import asyncio
from pathlib import Path
from typing import Final

import numpy as np
import soundfile
from msgspec import Struct
from msgspec.structs import replace

from callapi.base.api_version import API_VERSION
from callapi.base.clock import utc_now
from callapi.base.ids import RecordingSid, new_transcript_sid
from callapi.calls.call import Call
from callapi.calls.events import EventBus, TranscriptionChanged
from callapi.calls.parameters import present
from callapi.calls.problem import Problem
from callapi.calls.recording.recordings import RecordingFacts
from callapi.calls.records.callbacks import callback_row
from callapi.calls.transcribing.live_transcriptions import NO_RECOGNISER, SILENCE_S
from callapi.media import EngineFailed, Samples
from callapi.media.speech import Recogniser, SpeechDetector, SpeechEnded, SpeechSegmenter
from callapi.store import CallbackRecord, TranscriptRecord

MAX_S: Final = 120.0
"""How long the recognition of a whole recording may take; what was understood by then is not reported."""
COMPLETED: Final = "completed"
FAILED: Final = "failed"


class RecordedSpeech(Struct, frozen=True):
    """A finished recording and where its text goes; `url` is absolute, None: to the timeline alone."""

    facts: RecordingFacts
    path: Path
    url: str | None = None
    method: str = "POST"


async def transcribe(
    call: Call, bus: EventBus, recogniser: Recogniser | None, speech: RecordedSpeech
) -> None:
    """Recognise the recording; keep the text and report it, or that it failed."""
    record, now = call.record, utc_now()
    made = TranscriptRecord(
        sid=new_transcript_sid(),
        account_sid=record.account_sid,
        recording_sid=RecordingSid(speech.facts.sid),
        call_sid=record.sid,
        status="in-progress",
        api_version=API_VERSION,
        date_created=now,
        date_updated=now,
        duration=speech.facts.duration,
        node=record.node,
    )
    bus.publish(
        TranscriptionChanged(
            record,
            now,
            made.sid,
            None,
            "transcription-started",
            recording_sid=made.recording_sid,
            transcript=made,
        )
    )
    text, status = "", FAILED
    try:
        async with asyncio.timeout(MAX_S):
            text, status = await _text(recogniser, speech.path), COMPLETED
    except (EngineFailed, OSError, soundfile.SoundFileError, TimeoutError) as error:
        reason = str(error) or f"not done within {MAX_S:g} s"
        call.notify(Problem(NO_RECOGNISER, f"the recording {speech.facts.sid} was not transcribed: {reason}"))
    finally:  # when the node stops, too: no text stays in progress
        now = utc_now()
        _report(call, bus, speech, replace(made, text=text, status=status, date_updated=now, end_time=now))


def _report(call: Call, bus: EventBus, speech: RecordedSpeech, done: TranscriptRecord) -> None:
    bus.publish(
        TranscriptionChanged(
            call.record,
            done.date_updated,
            done.sid,
            None,
            f"transcription-{done.status}",
            _callback(call, speech, done),
            text=done.text if done.status == COMPLETED else None,
            recording_sid=speech.facts.sid,
            transcript=done,
        )
    )


def _callback(call: Call, speech: RecordedSpeech, done: TranscriptRecord) -> CallbackRecord | None:
    if speech.url is None:
        return None
    base, _, _ = speech.facts.url.rpartition("/Recordings/")
    parameters = (
        ("TranscriptionSid", done.sid),
        ("TranscriptionText", done.text),
        ("TranscriptionStatus", done.status),
        ("TranscriptionUrl", f"{base}/Transcriptions/{done.sid}"),
        ("RecordingSid", speech.facts.sid),
        ("RecordingUrl", speech.facts.url),
    )
    return callback_row(
        stream=done.sid,
        event=done.status,
        account=done.account_sid,
        url=speech.url,
        method=speech.method,
        parameters=call.voice_parameters() + present(parameters),
        at=done.date_updated,
    )


async def _text(recogniser: Recogniser | None, path: Path) -> str:
    if recogniser is None:
        raise EngineFailed("recogniser", "none is installed")
    samples, rate = await asyncio.to_thread(_read, path)
    segmenter = SpeechSegmenter(SpeechDetector(rate), SILENCE_S)
    stretches = [each for each in segmenter.feed(samples) if isinstance(each, SpeechEnded)]
    if segmenter.is_speaking:
        stretches.append(SpeechEnded(segmenter.so_far()))
    said = [(await recogniser.recognise(each.samples, rate, None, ())).text for each in stretches]
    return " ".join(filter(None, said))


def _read(path: Path) -> tuple[Samples, int]:
    samples, rate = soundfile.read(path, dtype="int16", always_2d=True)
    return np.ascontiguousarray(samples[:, 0]), int(rate)
