"""What a party says, kept in memory from its first word on, until it is clear that all is said."""

import asyncio
from collections.abc import Callable
from types import TracebackType
from typing import Final, Never, Self

import numpy as np

from callapi.base.notifier import Notifier
from callapi.calls.call import Call
from callapi.media import AudioFormat, Samples, StreamClosed
from callapi.media.speech import Detector, SpeechDetector

RATE: Final = 16_000
MAX_SPEECH_S: Final = 60.0
_KEPT_S: Final = 2.0
"""What is kept of the time before the party speaks."""


class SpeechCapture:
    """Hears the party of `call` from entry to exit, while `listen` runs; use it with `with`."""

    def __init__(self, call: Call, detector: Callable[[], Detector] = SpeechDetector) -> None:
        self._call = call
        self._new_detector = detector
        self._heard = Notifier()
        self._detector = self._new_detector()
        self._octets = bytearray()
        self._dropped = 0
        self.failure: str | None = None
        """Why nothing can be heard any more."""

    def __enter__(self) -> Self:
        self._listening = self._call.leg.stream.listen(AudioFormat("L16", RATE))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._listening.close()

    async def listen(self) -> Never:
        """Take in what is said, until cancelled. Runs beside those who wait for `begins` and `ends`."""
        try:
            while True:
                for frame in await self._listening.next():
                    self._add(frame.payload)
                self._heard.ring()
        except StreamClosed as error:
            self.failure = str(error)
            self._heard.ring()
        while True:
            await asyncio.get_running_loop().create_future()

    async def begins(self) -> bool:
        """Wait until the party speaks: True. False: nothing can be heard."""
        while self._detector.began_s is None:
            if self.failure is not None:
                return False
            await self._heard.wait()
        return True

    async def ends(self, silence_s: float) -> None:
        """Wait until nothing was said for `silence_s` after speech had begun, or for as long as is kept."""
        while self._detector.silence_s < silence_s and self._spoken_s < MAX_SPEECH_S and self.failure is None:
            await self._heard.wait()

    def said(self) -> Samples:
        """What was said so far, from the beginning of speech, at RATE."""
        begin = self._begin - self._dropped
        return np.frombuffer(bytes(self._octets), "<i2")[max(begin, 0) :]

    def forget(self) -> None:
        """What was heard was no speech: listen anew."""
        self._octets.clear()
        self._dropped = 0
        self._detector = self._new_detector()

    @property
    def _begin(self) -> int:
        """The first sample of speech, counted from the beginning."""
        return int((self._detector.began_s or 0.0) * RATE)

    @property
    def _spoken_s(self) -> float:
        return (self._dropped + len(self._octets) // 2 - self._begin) / RATE

    def _add(self, octets: bytes) -> None:
        self._octets += octets
        self._detector.feed(np.frombuffer(octets, "<i2"))
        if self._detector.began_s is None:
            surplus = len(self._octets) // 2 - int(_KEPT_S * RATE)
            if surplus > 0:
                del self._octets[: surplus * 2]
                self._dropped += surplus
