"""The transcriptions of this node's calls: each hears its tracks, has every stretch recognised, and reports the text.

Reports go through the durable outbox, in order, numbered from 1 (`SequenceId`).
"""

import asyncio
import json
from collections.abc import Callable
from contextlib import aclosing
from typing import Final

from msgspec.structs import replace

from callapi.base.clock import utc_now
from callapi.base.entropy import random_hex
from callapi.base.ids import CallSid
from callapi.base.later import imported
from callapi.base.task_group import TaskGroup
from callapi.calls.call import Call
from callapi.calls.events import CallEnded, EventBus, TranscriptionChanged
from callapi.calls.parameters import present
from callapi.calls.problem import Problem
from callapi.calls.records.callbacks import callback_row
from callapi.calls.streaming.callbacks import iso8601
from callapi.calls.transcribing.profanity import masked
from callapi.calls.transcribing.request import (
    TranscriptionRecord,
    TranscriptionRefused,
    TranscriptionRequest,
    TranscriptionStatus,
)
from callapi.calls.transcribing.speech_stretches import RATE, hear
from callapi.media import EngineFailed, Track
from callapi.media.speech import (
    Detector,
    Recognised,
    Recogniser,
    SpeechDetector,
    SpeechEnded,
    SpeechSegmenter,
    hints_of,
)

MAX_TRANSCRIPTIONS: Final = 4
SILENCE_S: Final = 0.7
PARTIAL_S: Final = 1.0
MAX_SEGMENTS: Final = 16
"""Stretches of a track that wait to be recognised; more are dropped, with a warning."""
LAST_WORDS_S: Final = 5.0
"""How long the end of a transcription waits for what was said last."""
NO_RECOGNISER: Final = 60_041
DEFAULT_LANGUAGE: Final = "en-US"
_TRACKS: Final = {"inbound_track": Track.INBOUND, "outbound_track": Track.OUTBOUND}
_JSON: Final = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False)


class LiveTranscriptions:
    """Every transcription of this node. `recogniser` None: each fails with a notification."""

    def __init__(
        self,
        bus: EventBus,
        recogniser: Recogniser | None,
        engine: str,
        detector: Callable[[], Detector] = SpeechDetector,
    ) -> None:
        self.bus = bus
        self.recogniser = recogniser
        self.engine = engine
        self.detector = detector
        self._of_call: dict[CallSid, list[CallTranscription]] = {}
        bus.attach(CallEnded, self._call_ended)

    def check(self, call: CallSid, request: TranscriptionRequest) -> None:
        """Whether the call may have the transcription. Raises TranscriptionRefused."""
        live = [each for each in self._of_call.get(call, ()) if not each.is_over]
        if len(live) >= MAX_TRANSCRIPTIONS:
            raise TranscriptionRefused(f"the call has {MAX_TRANSCRIPTIONS} transcriptions already")
        if request.name and any(each.request.name == request.name for each in live):
            raise TranscriptionRefused(f"the call has a transcription of the name {request.name!r} already")
        if self.recogniser is None:
            raise TranscriptionRefused("no recogniser is installed (pip install 'callapi[speech]')")

    def start(self, call: Call, request: TranscriptionRequest) -> "CallTranscription":
        """Start one; one that the call may not have fails at once, and says so to the application."""
        transcription = CallTranscription(self, call, request)
        try:
            self.check(call.sid, request)
        except TranscriptionRefused as refusal:
            transcription.fail(str(refusal))
            return transcription
        self._of_call.setdefault(call.sid, []).append(transcription)
        call.run_detached(transcription.run)
        return transcription

    def find(self, call: CallSid, key: str) -> "CallTranscription | None":
        """The transcription of that sid or name."""
        for each in reversed(self._of_call.get(call, ())):
            if key in {each.sid, each.request.name}:
                return each
        return None

    def stop(self, call: CallSid, name: str | None) -> bool:
        """End the transcription of that name, or all; whether there was one."""
        live = [each for each in self._of_call.get(call, ()) if not each.is_over]
        chosen = [each for each in live if name in {None, each.request.name, each.sid}]
        for each in chosen:
            each.stop()
        return bool(chosen)

    def _call_ended(self, event: CallEnded) -> None:
        for each in self._of_call.pop(event.call_sid, ()):
            each.stop()


class _TrackSpeech:
    """One track: where speech is cut, and the stretches that wait to be recognised; None ends them."""

    def __init__(self, track: str, detector: Detector) -> None:
        self.track = track
        self.segmenter = SpeechSegmenter(detector, SILENCE_S)
        self.segments: asyncio.Queue[SpeechEnded | None] = asyncio.Queue(MAX_SEGMENTS + 2)

    def put(self, segment: SpeechEnded) -> bool:
        """Queue a stretch; False if too many wait."""
        if self.segments.qsize() >= MAX_SEGMENTS:
            return False
        self.segments.put_nowait(segment)
        return True

    def finish(self) -> None:
        """The track ends: what is being said counts as said."""
        if self.segmenter.is_speaking:
            self.put(SpeechEnded(self.segmenter.so_far()))
        self.segments.put_nowait(None)


class CallTranscription:
    """One transcription of a call."""

    def __init__(self, owner: LiveTranscriptions, call: Call, request: TranscriptionRequest) -> None:
        self.sid = f"GT{random_hex()}"
        self.request = request
        self.is_over = False
        self._owner = owner
        self._call = call
        self._sequence = 0
        self._stopped = asyncio.Event()
        self._updated_at = utc_now()

    @property
    def record(self) -> TranscriptionRecord:
        """As REST shows it."""
        call = self._call.record
        is_over = self.is_over or self._stopped.is_set()
        status = TranscriptionStatus.STOPPED if is_over else TranscriptionStatus.IN_PROGRESS
        return TranscriptionRecord(
            self.sid, call.account_sid, call.sid, self.request.name, status, self._updated_at
        )

    def stop(self) -> None:
        """End it; what was said so far is still reported. Idempotent."""
        self._stopped.set()
        self._updated_at = utc_now()

    async def run(self) -> None:
        """The whole life of the transcription; belongs to the task of its call."""
        request, recogniser = self.request, self._owner.recogniser
        if recogniser is None:
            return
        recogniser.prepare()
        await imported("numpy")
        inbound, outbound = request.labels
        self._publish(
            "transcription-started",
            ("LanguageCode", self._language),
            ("Track", "both_tracks" if len(request.tracks) > 1 else request.tracks[0]),
            ("TranscriptionEngine", self._owner.engine),
            ("ProviderConfiguration", _JSON.encode({"partialResults": request.partial_results})),
            ("InboundTrackLabel", inbound),
            ("OutboundTrackLabel", outbound),
        )
        try:
            async with TaskGroup() as tasks:
                tracks = [_TrackSpeech(track, self._owner.detector()) for track in request.tracks]
                hearing = [tasks.create_task(self._hear(each, recogniser)) for each in tracks]
                writing = [tasks.create_task(self._recognise_all(each, recogniser)) for each in tracks]
                await self._stopped.wait()
                for task in hearing:
                    task.cancel()
                for each in tracks:
                    each.finish()
                await asyncio.wait(writing, timeout=LAST_WORDS_S)
                for task in writing:
                    task.cancel()
        finally:
            self.is_over = True
            self._publish("transcription-stopped")

    @property
    def _language(self) -> str:
        return self.request.language or DEFAULT_LANGUAGE

    def fail(self, reason: str) -> None:
        """It never began."""
        self.is_over = True
        self._notify(reason, is_warning=False)
        self._publish(
            "transcription-error",
            ("TranscriptionErrorCode", str(NO_RECOGNISER)),
            ("TranscriptionError", reason),
        )

    async def _hear(self, speech_of: "_TrackSpeech", recogniser: Recogniser) -> None:
        """Cut one track into stretches of speech, until cancelled."""
        partials: asyncio.Task[None] | None = None
        track = _TRACKS[speech_of.track]
        async with TaskGroup() as tasks:
            async with aclosing(hear(self._call.leg.stream, track, speech_of.segmenter)) as speech:
                async for event in speech:
                    if partials is not None:
                        partials.cancel()
                    if isinstance(event, SpeechEnded):
                        if not speech_of.put(event):
                            self._notify(
                                "speech comes faster than it can be recognised; a stretch was left out"
                            )
                    elif self.request.partial_results:
                        partials = tasks.create_task(self._guess(speech_of, recogniser))
            if partials is not None:
                partials.cancel()

    async def _recognise_all(self, speech_of: "_TrackSpeech", recogniser: Recogniser) -> None:
        """Recognise what was cut, up to the end of the track."""
        while (segment := await speech_of.segments.get()) is not None:
            await self._recognise(speech_of.track, segment, recogniser, is_final=True)

    async def _guess(self, speech_of: "_TrackSpeech", recogniser: Recogniser) -> None:
        """What was said so far, again and again; until cancelled."""
        while True:
            await asyncio.sleep(PARTIAL_S)
            segment = SpeechEnded(speech_of.segmenter.so_far())
            await self._recognise(speech_of.track, segment, recogniser, is_final=False)

    async def _recognise(
        self, track: str, segment: SpeechEnded, recogniser: Recogniser, *, is_final: bool
    ) -> None:
        try:
            said = await recogniser.recognise(
                segment.samples, RATE, self._language, hints_of(self.request.hints)
            )
        except EngineFailed as failure:
            if is_final:
                self._notify(f"speech was not recognised: {failure}")
            return
        if not said.text:
            return
        if self.request.hides_profanity:
            said = replace(said, text=masked(said.text))
        data: dict[str, str | float] = {"transcript": said.text}
        if is_final:
            data["confidence"] = round(said.confidence, 4)
        self._publish(
            "transcription-content",
            ("LanguageCode", self._language),
            ("Track", track),
            ("TranscriptionData", _JSON.encode(data)),
            ("Final", "true" if is_final else "false"),
            said=(track, said) if is_final else None,
        )

    def _publish(
        self, event: str, *facts: tuple[str, str | None], said: tuple[str, Recognised] | None = None
    ) -> None:
        self._sequence += 1
        now, call, request = utc_now(), self._call.record, self.request
        row = None
        if request.url is not None:
            parameters = (
                ("AccountSid", call.account_sid),
                ("CallSid", call.sid),
                ("TranscriptionSid", self.sid),
                ("Timestamp", iso8601(now)),
                ("SequenceId", str(self._sequence)),
                ("TranscriptionEvent", event),
                *facts,
            )
            row = callback_row(
                stream=self.sid,
                event=str(self._sequence),
                account=call.account_sid,
                url=request.url,
                method=request.method,
                parameters=present(parameters),
                at=now,
            )
        changed = TranscriptionChanged(call, now, self.sid, request.name, event, row)
        if said is not None:
            track, heard = said
            confidence = round(heard.confidence, 4)
            changed = replace(changed, text=heard.text, track=track, confidence=confidence)
        self._owner.bus.publish(changed)

    def _notify(self, text: str, *, is_warning: bool = True) -> None:
        request = self.request
        self._call.notify(
            Problem(
                NO_RECOGNISER,
                f"transcription {request.name or self.sid}: {text}",
                is_warning=is_warning,
                line=request.line or None,
                column=request.column or None,
            )
        )
