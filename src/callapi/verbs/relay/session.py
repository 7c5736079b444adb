"""One session of ConversationRelay: its machine, its WebSocket, its speech in and out, from `setup` to the end."""

import asyncio
import logging
from collections.abc import Sequence
from contextlib import aclosing
from typing import Final

from msgspec import Struct

from callapi.base.entropy import random_hex
from callapi.base.later import imported
from callapi.base.notifier import Notifier
from callapi.base.task_group import TaskGroup
from callapi.calls.events import ConversationStep
from callapi.calls.problem import Problem
from callapi.calls.streaming.live_streams import signed_headers
from callapi.calls.transcribing.speech_stretches import RATE, hear
from callapi.media import EngineFailed, Track
from callapi.media.speech import SpeechBegan, SpeechEnded, SpeechSegmenter, hints_of
from callapi.rcml import ConversationRelay, RelayEvent
from callapi.streams import StreamError, parse_url, resolve_url
from callapi.streams import relay_messages as messages
from callapi.streams.connection import Connection
from callapi.streams.relay_machine import (
    Complain,
    Finish,
    Interrupted,
    Interruptions,
    Output,
    PlaySound,
    Press,
    RelayMachine,
    RelayOptions,
    Say,
    Send,
    Silence,
)
from callapi.verbs.execution import Execution
from callapi.verbs.relay.voice import Voice

log = logging.getLogger(__name__)

AUTO_SILENCE_S: Final = 0.7
"""Silence that ends a prompt, where `speechTimeout` is `auto`."""
PARTIAL_S: Final = 0.6
"""Time between two recognitions of speech that goes on, with `partialPrompts`."""
DEFAULT_LANGUAGE: Final = "en-US"
NOT_SPOKEN: Final = 60_040
NOT_UNDERSTOOD: Final = 60_041
MAX_SEGMENTS: Final = 8
"""Stretches of speech that wait to be understood; more are dropped."""


class RelayEnd(Struct, frozen=True):
    """How a session ended; `status` is `ended` (by the application), `completed` or `failed`."""

    session_sid: str
    status: str
    duration_s: float
    handoff: str | None = None
    error: StreamError | None = None


class RelaySession:
    """A session on the call of `execution`. Run it once; cancelled, it closes the socket with 1000."""

    def __init__(self, relay: ConversationRelay, execution: Execution) -> None:
        self.sid = f"VX{random_hex()}"
        self.changed = Notifier()
        self._relay = relay
        self._execution = execution
        self._call = execution.call
        self._clock = asyncio.get_running_loop().time
        self._machine = RelayMachine(_options(relay))
        self._connection: Connection | None = None
        self._voice: Voice | None = None
        self._finish: Finish | None = None
        self._began_at = self._clock()
        self._unheard: dict[int, Say | PlaySound] = {}
        """What was to be said or played and has not begun to sound, by its number."""
        self._segments: asyncio.Queue[SpeechEnded] = asyncio.Queue(MAX_SEGMENTS)

    async def run(self) -> RelayEnd:
        """The whole session. The voice is there before the socket: an application may speak with its handshake."""
        status = "completed"
        async with TaskGroup() as tasks:
            self._voice = voice = self._open_voice(tasks)
            try:
                connection = await self._connect()
            except StreamError as error:
                self._notify(error.code, f"ConversationRelay: {error}")
                return self._end("failed", error)
            else:
                end = await self._converse(connection)
                status = end.status
                return end
            finally:
                voice.silence()
                if self._connection is not None:
                    self._connection.leave()
                    self._call.live_record.conversation_changed(self.sid, ConversationStep.STOPPED, status)

    def end(self, status: str = "completed") -> RelayEnd:
        """The end of a session that was cut short."""
        return self._end(status)

    def _end(self, status: str, error: StreamError | None = None) -> RelayEnd:
        handoff = self._finish.handoff if self._finish is not None else None
        return RelayEnd(self.sid, status, self._clock() - self._began_at, handoff, error)

    async def _connect(self) -> Connection:
        execution, relay = self._execution, self._relay
        url = parse_url(resolve_url(execution.url, relay.url) if relay.url else "")
        account = await execution.services.account_of(self._call.record.account_sid)
        headers = signed_headers(url, account.auth_token if account else "")
        return await execution.services.streams.client.connect(url, headers, self)

    async def _converse(self, connection: Connection) -> RelayEnd:
        if (recogniser := self._execution.services.recogniser) is not None:
            recogniser.prepare()
        else:
            self._notify(NOT_UNDERSTOOD, "no recogniser is installed: what the caller says is not understood")
        detach = self._call.digits.attach(self._pressed)
        try:
            async with TaskGroup() as tasks:
                workers = [tasks.create_task(self._listen()), tasks.create_task(self._understand())]
                while not connection.is_over and self._finish is None:
                    await self.changed.wait()
                for each in workers:
                    each.cancel()
            if self._voice is not None:
                self._voice.silence()
        finally:
            detach()
        if self._finish is not None:
            await connection.close()
            return self._end("ended")
        error: StreamError | None = connection.violation
        closed = connection.closed
        if error is None and closed is not None and not closed.is_clean:
            error = closed.as_error()
        await connection.close()
        if error is not None:
            self._notify(error.code, f"ConversationRelay: {error}")
        return self._end("failed" if error is not None else "completed", error)

    def _open_voice(self, tasks: asyncio.TaskGroup) -> Voice:
        voice = Voice(self._execution, tasks, self._voice_of)
        voice.sounding = self._sounding
        voice.sounded = self._sounded
        voice.failed = lambda reason: self._notify(
            NOT_SPOKEN, f"ConversationRelay: {reason}", is_warning=True
        )
        return voice

    def _sounding(self, number: int, duration_s: float) -> None:
        self._perform(self._machine.sounding(number, self._clock(), duration_s))
        utterance = self._machine.utterance
        match self._unheard.pop(number, None):
            case Say(text=text):
                self._call.live_record.conversation_changed(
                    self.sid, ConversationStep.SPOKEN, text.strip(), utterance
                )
            case PlaySound(source=source):
                self._call.live_record.conversation_changed(
                    self.sid, ConversationStep.PLAYED, source, utterance
                )
            case None:
                """A later part of a piece that sounds already."""

    def _sounded(self, number: int) -> None:
        self._unheard.pop(number, None)  # of a piece that could not be played
        self._perform(self._machine.sounded(number))

    def _voice_of(self, language: str | None) -> tuple[str | None, str | None]:
        """The voice and the language for speech in `language` (None: the session's)."""
        code = language or self._relay.tts_language or self._relay.language
        for each in self._relay.languages:
            if code and each.code.lower() == code.lower():
                return each.voice, code
        return self._relay.voice, code

    # --- the socket ---------------------------------------------------------------------------------------------------

    def opened(self, connection: Connection) -> None:
        """As SocketHandler."""
        self._connection = connection
        self._call.live_record.conversation_changed(self.sid, ConversationStep.STARTED)
        record = self._call.record
        facts = {
            "accountSid": record.account_sid,
            "parentCallSid": record.parent_call_sid or "",
            "callSid": record.sid,
            "from": record.from_,
            "to": record.to,
            "forwardedFrom": record.forwarded_from or "",
            "callType": "SIP",
            "callerName": record.caller_name or "",
            "direction": record.direction,
            "callStatus": record.status.upper(),
        }
        connection.send(messages.setup(self.sid, facts, dict(self._relay.parameters)))
        self._perform(self._machine.greet())

    def received(self, message: bytes) -> None:
        """As SocketHandler."""
        self._perform(self._machine.received(message))

    # --- recognition ------------------------------------------------------------------------------------------------

    def _pressed(self, digit: str) -> None:
        self._perform(self._machine.pressed(digit, self._clock()))

    async def _listen(self) -> None:
        timeout_ms = self._relay.speech_timeout_ms
        await imported("numpy")
        segmenter = SpeechSegmenter(
            self._execution.services.detector(), AUTO_SILENCE_S if timeout_ms is None else timeout_ms / 1000
        )
        partials: asyncio.Task[None] | None = None
        async with TaskGroup() as tasks:
            async with aclosing(hear(self._call.leg.stream, Track.INBOUND, segmenter)) as speech:
                async for event in speech:
                    if isinstance(event, SpeechBegan):
                        self._perform(self._machine.speech_began(self._clock()))
                        if self._relay.partial_prompts:
                            partials = tasks.create_task(self._guess(segmenter))
                        continue
                    if partials is not None:
                        partials.cancel()
                        partials = None
                    self._perform(self._machine.speech_ended())
                    if not self._segments.full():
                        self._segments.put_nowait(event)
            if partials is not None:
                partials.cancel()

    async def _guess(self, segmenter: SpeechSegmenter) -> None:
        """What was said so far, again and again; until cancelled."""
        former = ""
        while True:
            await asyncio.sleep(PARTIAL_S)
            text = await self._recognise(SpeechEnded(segmenter.so_far()))
            if text and text != former:
                former = text
                self._perform(self._machine.understood(text, is_last=False))

    async def _understand(self) -> None:
        while True:
            text = await self._recognise(await self._segments.get())
            if text:
                self._call.live_record.conversation_changed(self.sid, ConversationStep.PROMPT, text)
            self._perform(self._machine.understood(text, is_last=True))

    async def _recognise(self, segment: SpeechEnded) -> str:
        recogniser = self._execution.services.recogniser
        if recogniser is None:
            return ""
        language = self._machine.transcription_language
        try:
            said = await recogniser.recognise(segment.samples, RATE, language, self._hints(language))
        except EngineFailed as failure:
            self._notify(
                NOT_UNDERSTOOD, f"ConversationRelay: speech was not understood: {failure}", is_warning=True
            )
            return ""
        return said.text

    def _hints(self, language: str) -> tuple[str, ...]:
        for each in self._relay.languages:
            if each.hints and each.code.lower() == language.lower():
                return hints_of(each.hints)
        return hints_of(self._relay.hints)

    # --- what the machine wants ---------------------------------------------------------------------------------------

    def _perform(self, outputs: Sequence[Output]) -> None:
        for output in outputs:
            match output:
                case Send(message):
                    if self._connection is not None:
                        self._connection.send(message)
                case Say() | PlaySound() | Silence():
                    self._speak(output)
                case Interrupted(heard, duration_ms):
                    utterance = self._machine.utterance
                    self._call.live_record.conversation_changed(
                        self.sid, ConversationStep.INTERRUPTED, heard, utterance
                    )
                    if self._connection is not None:
                        self._connection.send(messages.interrupt(heard, duration_ms))
                case Press(digits):
                    self._call.leg.stream.send_digits(digits)
                case Complain(error):
                    self._notify(error.code, f"ConversationRelay: {error}", is_warning=True)
                case Finish():
                    self._finish = output
                    self.changed.ring()

    def _speak(self, output: Say | PlaySound | Silence) -> None:
        if self._voice is None:
            return
        if isinstance(output, Silence):
            self._unheard.clear()
            self._voice.silence()
        else:
            self._unheard[output.number] = output
            self._voice.put(output)

    def _notify(self, code: int, text: str, *, is_warning: bool = False) -> None:
        relay = self._relay
        self._call.notify(
            Problem(code, text, is_warning=is_warning, line=relay.line or None, column=relay.column or None)
        )


def _options(relay: ConversationRelay) -> RelayOptions:
    greeting, rule = relay.welcome_greeting_interruptible, relay.interruptible
    return RelayOptions(
        language=relay.transcription_language or relay.language or DEFAULT_LANGUAGE,
        greeting=relay.welcome_greeting,
        greeting_interruptions=Interruptions(greeting.by_speech, greeting.by_digits),
        interruptions=Interruptions(rule.by_speech, rule.by_digits),
        is_preemptible=relay.preemptible,
        reports_digits=relay.dtmf_detection,
        reports_partials=relay.partial_prompts,
        reports_speakers=RelayEvent.SPEAKER_EVENTS in relay.events,
        reports_tokens=RelayEvent.TOKENS_PLAYED in relay.events,
    )
