"""Sound as text: what is spoken and played is written down as it begins, and lasts as long as it would."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from callapi.media import AudioFormat, Prompt, Track
from callapi.media.plane.fake import FakePlane, FakePlayback, FakeStream
from callapi.media.speech import Recognised, Utterance

RATE: Final = 8000
SECONDS_PER_LETTER: Final = 0.06
PLAY_S: Final = 3.0
"""How long a file of a simulation sounds, whatever is in it: it is not fetched."""
FRAME_S: Final = 0.02
FED: Final = "(audio of the application)"
_LOUD: Final = 8000
_G711: Final = {"PCMU": (0x9F, 0x1F, 0xFF), "PCMA": (0xBA, 0x3A, 0xD5)}
"""Samples of about 8,000, -8,000 and 0 (ITU-T G.711)."""


class Heard(Struct, frozen=True):
    """What began to sound for a party at that virtual second."""

    at: float
    text: str


class SoundBook:
    """The texts behind prompts."""

    def __init__(self) -> None:
        self._texts: WeakKeyDictionary[Prompt, str] = WeakKeyDictionary()

    def prompt(self, text: str, seconds: float) -> Prompt:
        """A prompt that stands for `text`."""
        prompt = Prompt(np.zeros(max(1, int(seconds * RATE)), np.int16), RATE)
        self._texts[prompt] = text
        return prompt

    def text_of(self, prompt: Prompt) -> str:
        """What it stands for."""
        return self._texts.get(prompt, "(sound)")


class SimulatedStream(FakeStream):
    """A stream whose playbacks end by themselves, and which keeps what its party has heard."""

    book: SoundBook
    heard: list[Heard]
    is_speaking = False
    sent_ms: float = 0.0
    """Audio of the application that the party has heard."""
    _is_fed = False

    def play(self, audio: Prompt, *, loop: int = 1) -> FakePlayback:
        """As AudioStream.play."""
        playback = super().play(audio, loop=loop)
        loop_time = asyncio.get_running_loop()
        self.heard.append(Heard(loop_time.time(), self.book.text_of(audio)))
        if loop:
            loop_time.call_later(audio.duration_ms * loop / 1000, playback.finish)
        return playback

    def play_fed(self) -> None:
        """20 ms of what the application has queued leave; the beginning of each stretch is written down."""
        is_fed = False
        for feeding in self.feedings:
            before = feeding.buffered_ms
            if feeding.is_closed:
                continue
            feeding.play(round(FRAME_S * 1000))
            self.sent_ms += before - feeding.buffered_ms
            is_fed = is_fed or before > 0
        if is_fed and not self._is_fed:
            self.heard.append(Heard(asyncio.get_running_loop().time(), FED))
        self._is_fed = is_fed


class SimulatedPlane(FakePlane):
    """Opens simulated streams, and lets time pass for those who listen to them."""

    def __init__(self, book: SoundBook) -> None:
        super().__init__()
        self._book = book

    def open_stream(self, *, is_ipv6: bool = False) -> SimulatedStream:  # noqa: ARG002 - it has one address
        """As MediaPlane.open_stream."""
        stream = SimulatedStream(self, self.next_id, 20_000 + 2 * len(self.streams))
        stream.book, stream.heard = self._book, []
        self.streams.append(stream)
        return stream

    async def pass_time(self) -> None:
        """20 ms for each stream, over and over: what it listens to, and what the application has queued for it."""
        while True:
            await asyncio.sleep(FRAME_S)
            for stream in self.streams:
                if isinstance(stream, SimulatedStream):
                    if stream.listenings:
                        self._hear(stream)
                    if stream.feedings:
                        stream.play_fed()

    def _hear(self, stream: SimulatedStream) -> None:
        partner = stream.partner
        spoken = {
            Track.INBOUND: stream.is_speaking,
            Track.OUTBOUND: isinstance(partner, SimulatedStream) and partner.is_speaking,
        }
        for listening in stream.listenings:
            if not listening.is_closed:
                listening.put(_frame(listening.audio_format, is_speech=spoken[listening.track]))


def _frame(audio: AudioFormat, *, is_speech: bool) -> bytes:
    """20 ms of a loud voice, or of silence."""
    count = audio.rate // 50
    if audio.encoding == "L16":
        level = _LOUD if is_speech else 0
        return np.where(np.arange(count) % 20 < 10, level, -level).astype("<i2").tobytes()
    high, low, silence = _G711[audio.encoding]
    if not is_speech:
        return bytes((silence,)) * count
    return (bytes((high,)) * 10 + bytes((low,)) * 10) * (count // 20)


class SimulatedSpeaker:
    """Speaks each text as one prompt that lasts as long as its letters."""

    def __init__(self, book: SoundBook) -> None:
        self._book = book

    async def speak(self, utterance: Utterance, warn: Callable[[str], None]) -> AsyncGenerator[Prompt, None]:
        """As `Speaker`."""
        del warn
        text = " ".join(utterance.text.split())
        yield self._book.prompt(text, len(text) * SECONDS_PER_LETTER)


class SimulatedPrompts:
    """Every URL is a file of three seconds."""

    def __init__(self, book: SoundBook) -> None:
        self._book = book

    async def prompt(self, url: str) -> Prompt:
        """As `Prompts`."""
        return self._book.prompt(url, PLAY_S)


class SimulatedRecogniser:
    """Understands what the test has said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def prepare(self) -> None:
        """There is nothing to load."""

    async def recognise(
        self, samples: NDArray[np.int16], rate: int, language: str | None, hints: tuple[str, ...]
    ) -> Recognised:
        """As `Recogniser`."""
        del samples, rate, language, hints
        return Recognised(self.said.pop(0), 0.95) if self.said else Recognised("", 0.0)
