"""Sound as text: what is spoken and played is written down as it begins, and lasts as long as it would."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from typing import Final
from weakref import WeakKeyDictionary

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from callapi.media import Prompt
from callapi.media.plane.fake import FakePlane, FakePlayback, FakeStream
from callapi.media.speech import Recognised, Utterance

RATE: Final = 8000
SECONDS_PER_LETTER: Final = 0.06
PLAY_S: Final = 3.0
"""How long a file of a simulation sounds, whatever is in it: it is not fetched."""
FRAME_S: Final = 0.02
_LOUD: Final = 8000


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

    def play(self, audio: Prompt, *, loop: int = 1) -> FakePlayback:
        """As AudioStream.play."""
        playback = super().play(audio, loop=loop)
        loop_time = asyncio.get_running_loop()
        self.heard.append(Heard(loop_time.time(), self.book.text_of(audio)))
        if loop:
            loop_time.call_later(audio.duration_ms * loop / 1000, playback.finish)
        return playback


class SimulatedPlane(FakePlane):
    """Opens simulated streams, and lets time pass for those who listen to them."""

    def __init__(self, book: SoundBook) -> None:
        super().__init__()
        self._book = book

    def open_stream(self) -> SimulatedStream:
        """As MediaPlane.open_stream."""
        stream = SimulatedStream(self, self.next_id, 20_000 + 2 * len(self.streams))
        stream.book, stream.heard = self._book, []
        self.streams.append(stream)
        return stream

    async def pass_time(self) -> None:
        """A frame of 20 ms for each listening, over and over: silence, or a voice while the party speaks."""
        while True:
            await asyncio.sleep(FRAME_S)
            for stream in self.streams:
                if isinstance(stream, SimulatedStream) and stream.listenings:
                    self._feed(stream)

    def _feed(self, stream: SimulatedStream) -> None:
        for listening in stream.listenings:
            if not listening.is_closed:
                count = listening.audio_format.rate // 50
                level = _LOUD if stream.is_speaking else 0
                wave = np.where(np.arange(count) % 20 < 10, level, -level).astype(np.int16)
                listening.put(wave.tobytes())


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
