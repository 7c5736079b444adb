"""A conversation over ConversationRelay, without I/O: tokens become sentences, speech interrupts, prompts go out.

Tokens are collected until a sentence is whole, so that its first sound does not wait for the last token; `last` ends
the utterance. What the caller says while something interruptible is being said stops it: `interrupt` says how much was
heard, by the place of the playback in the text. The tokens of an interrupted utterance that still come are dropped.
"""

import re
from collections import deque
from enum import Enum
from typing import Final, assert_never

from msgspec import Struct

from callapi.streams import relay_messages as messages
from callapi.streams.relay_messages import BadMessage, End, Play, SendDigits, SwitchLanguage, Text

MAX_QUEUED: Final = 1000
"""Sentences and sounds that wait to be played."""
_SENTENCE: Final = re.compile(r"[.!?…:;]+[\"')\]»”’]*\s+|[。！？]+|\n+")  # noqa: RUF001
_MIN_SENTENCE: Final = 2


class Say(Struct, frozen=True):
    """Speak `text`; report `number` when it begins to sound and when it is over."""

    number: int
    text: str
    language: str | None
    """None: the session's."""


class PlaySound(Struct, frozen=True):
    """Play the audio behind `source`; reported as `Say`."""

    number: int
    source: str
    loop: int


class Silence(Struct, frozen=True):
    """Stop what sounds and drop what waits."""


class Interrupted(Struct, frozen=True):
    """Report to the application that the caller interrupted: what was heard, after how long."""

    heard: str
    duration_ms: int


class Send(Struct, frozen=True):
    """Send a message to the application."""

    message: bytes


class Press(Struct, frozen=True):
    """Send digits to the caller."""

    digits: str


class Finish(Struct, frozen=True):
    """The application ends the session."""

    handoff: str | None


class Complain(Struct, frozen=True):
    """Raise a notification: a message of the application could not be used."""

    error: BadMessage


Output = Say | PlaySound | Silence | Interrupted | Send | Press | Finish | Complain


class Interruptions(Struct, frozen=True):
    """What of the caller stops what is being said."""

    by_speech: bool = True
    by_digits: bool = True


class RelayOptions(Struct, frozen=True):
    """What the document asks for."""

    language: str
    """Of prompts, until the application switches."""
    greeting: str | None = None
    greeting_interruptions: Interruptions = Interruptions()
    interruptions: Interruptions = Interruptions()
    is_preemptible: bool = False
    reports_digits: bool = False
    reports_partials: bool = False
    reports_speakers: bool = False
    reports_tokens: bool = False


class _Piece(Struct):
    number: int
    text: str
    interruptions: Interruptions
    is_preemptible: bool
    began_at: float | None = None
    duration_s: float = 0.0


class State(Enum):
    """Of a session."""

    OPEN = "open"
    ENDED = "ended"


class RelayMachine:
    """One session. `now` is in seconds of any steady clock."""

    def __init__(self, options: RelayOptions) -> None:
        self._options = options
        self.state = State.OPEN
        self.transcription_language = options.language
        self._speech_language: str | None = None
        self._pieces: deque[_Piece] = deque()
        self._played = ""
        """What of the present utterance was heard to its end."""
        self._utterance_began_at: float | None = None
        self.utterance = 0
        """The number of the utterance that sounds, or sounded last."""
        self._buffer = ""
        self._buffer_text: Text | None = None
        self._is_dropping = False
        """The rest of an interrupted utterance is not said."""
        self._number = 0

    @property
    def is_speaking(self) -> bool:
        """Whether anything sounds or waits to."""
        return bool(self._pieces)

    # --- the application ----------------------------------------------------------------------------------------------

    def greet(self) -> list[Output]:
        """The welcome greeting, if there is one."""
        greeting = self._options.greeting
        if not greeting:
            return []
        return [self._say(greeting, None, self._options.greeting_interruptions, is_preemptible=False)]

    def received(self, message: bytes) -> list[Output]:
        """A message of the application."""
        if self.state is State.ENDED:
            return []
        try:
            read = messages.read(message)
        except BadMessage as error:
            return self._refuse(error)
        match read:
            case Text():
                return self._text(read)
            case Play():
                return self._play(read)
            case SendDigits(digits):
                return [Press(digits)]
            case SwitchLanguage(speech, transcription):
                self._speech_language = speech or self._speech_language
                self.transcription_language = transcription or self.transcription_language
                return []
            case End(handoff):
                self.state = State.ENDED
                return [Silence(), Finish(handoff)]
            case _:
                assert_never(read)

    def _refuse(self, error: BadMessage) -> list[Output]:
        return [Send(messages.error(str(error))), Complain(error)]

    def _text(self, text: Text) -> list[Output]:
        if self._is_dropping:
            self._is_dropping = not text.is_last
            return []
        outputs = self._preempt()
        if len(self._pieces) >= MAX_QUEUED:
            return self._refuse(BadMessage(f"more than {MAX_QUEUED} sentences wait to be said"))
        if self._buffer_text is not None and self._buffer_text.language != text.language:
            outputs += self._flush()
        self._buffer += text.token
        self._buffer_text = text
        while (end := _SENTENCE.search(self._buffer, _MIN_SENTENCE)) is not None and (
            end.end() < len(self._buffer) or not text.is_last
        ):
            sentence, self._buffer = self._buffer[: end.end()], self._buffer[end.end() :]
            outputs += self._sentence(sentence, text)
        if text.is_last:
            outputs += self._flush()
        return outputs

    def _preempt(self) -> list[Output]:
        """What is preemptible gives way to what comes now."""
        if self._buffer or not self._pieces or not all(each.is_preemptible for each in self._pieces):
            return []
        self._forget()
        return [Silence()]

    def _flush(self) -> list[Output]:
        text, self._buffer_text = self._buffer_text, None
        rest, self._buffer = self._buffer, ""
        return self._sentence(rest, text) if text is not None else []

    def _sentence(self, sentence: str, text: Text) -> list[Output]:
        if not sentence.strip():
            return []
        interruptions = self._interruptions(text.is_interruptible)
        is_preemptible = self._options.is_preemptible if text.is_preemptible is None else text.is_preemptible
        return [self._say(sentence, text.language, interruptions, is_preemptible=is_preemptible)]

    def _play(self, play: Play) -> list[Output]:
        outputs = self._flush() + self._preempt()
        if len(self._pieces) >= MAX_QUEUED:
            return self._refuse(BadMessage(f"more than {MAX_QUEUED} sounds wait to be played"))
        self._number += 1
        interruptions = self._interruptions(play.is_interruptible)
        is_preemptible = self._options.is_preemptible if play.is_preemptible is None else play.is_preemptible
        self._pieces.append(_Piece(self._number, "", interruptions, is_preemptible))
        return [*outputs, PlaySound(self._number, play.source, play.loop)]

    def _interruptions(self, said: bool | None) -> Interruptions:  # noqa: FBT001 - the message's own flag
        if said is None:
            return self._options.interruptions
        return Interruptions() if said else Interruptions(by_speech=False, by_digits=False)

    def _say(
        self, text: str, language: str | None, interruptions: Interruptions, *, is_preemptible: bool
    ) -> Say:
        self._number += 1
        self._pieces.append(_Piece(self._number, text, interruptions, is_preemptible))
        return Say(self._number, text, language or self._speech_language)

    # --- what sounds --------------------------------------------------------------------------------------------------

    def sounding(self, number: int, now: float, duration_s: float) -> list[Output]:
        """The piece `number` begins to sound, or goes on with a part of `duration_s`."""
        if not self._pieces or self._pieces[0].number != number:
            return []
        piece = self._pieces[0]
        outputs: list[Output] = []
        if self._utterance_began_at is None:
            self._utterance_began_at = now
            self.utterance += 1
            outputs = self._speaker("agentSpeaking", is_on=True)
        if piece.began_at is None:
            piece.began_at = now
        piece.duration_s = now - piece.began_at + duration_s
        return outputs

    def sounded(self, number: int) -> list[Output]:
        """The piece `number` was heard to its end, or could not be played."""
        if not self._pieces or self._pieces[0].number != number:
            return []
        piece = self._pieces.popleft()
        self._played += piece.text
        outputs: list[Output] = []
        if self._options.reports_tokens and piece.text:
            outputs.append(Send(messages.info("tokensPlayed", piece.text)))
        if not self._pieces and not self._buffer:
            outputs += self._speaker("agentSpeaking", is_on=False)
            self._forget()
        return outputs

    # --- the caller ---------------------------------------------------------------------------------------------------

    def speech_began(self, now: float) -> list[Output]:
        """The caller speaks."""
        outputs = self._speaker("clientSpeaking", is_on=True)
        return outputs + self._interrupt(now, is_speech=True)

    def speech_ended(self) -> list[Output]:
        """The caller does not speak any more."""
        return self._speaker("clientSpeaking", is_on=False)

    def understood(self, text: str, *, is_last: bool) -> list[Output]:
        """What the caller said, so far or in whole."""
        if self.state is State.ENDED or not text or (not is_last and not self._options.reports_partials):
            return []
        if is_last:
            self._is_dropping = False
        return [Send(messages.prompt(text, self.transcription_language, is_last=is_last))]

    def pressed(self, digit: str, now: float) -> list[Output]:
        """The caller pressed a key."""
        outputs = self._interrupt(now, is_speech=False)
        if self._options.reports_digits and self.state is State.OPEN:
            outputs.append(Send(messages.dtmf(digit)))
        return outputs

    def _interrupt(self, now: float, *, is_speech: bool) -> list[Output]:
        if self.state is State.ENDED or not self._pieces:
            return []
        piece = self._pieces[0]
        rule = piece.interruptions
        if not (rule.by_speech if is_speech else rule.by_digits):
            return []
        heard = (self._played + _heard_part(piece, now)).strip()
        began = self._utterance_began_at
        duration_ms = max(0, round((now - began) * 1000)) if began is not None else 0
        self._is_dropping = self._buffer_text is not None and not self._buffer_text.is_last
        outputs: list[Output] = [Silence(), Interrupted(heard, duration_ms)]
        outputs += self._speaker("agentSpeaking", is_on=False)
        self._forget()
        return outputs

    def _forget(self) -> None:
        """Nothing sounds and nothing waits."""
        self._pieces.clear()
        self._played, self._buffer, self._buffer_text = "", "", None
        self._utterance_began_at = None

    def _speaker(self, name: str, *, is_on: bool) -> list[Output]:
        if not self._options.reports_speakers or self.state is State.ENDED:
            return []
        return [Send(messages.info(name, "on" if is_on else "off"))]


def _heard_part(piece: _Piece, now: float) -> str:
    """The words of `piece` that were heard by now, by the share of its time that has passed."""
    if piece.began_at is None or piece.duration_s <= 0:
        return ""
    share = min(1.0, (now - piece.began_at) / piece.duration_s)
    if share >= 1.0:
        return piece.text
    reached = piece.text[: int(len(piece.text) * share)]
    return reached.rpartition(" ")[0] if " " in reached else ""
