"""Listening to what a party says: a recording that is read while it grows, until it is clear that all is said.

The file is a temporary one, gone as soon as nobody listens any more.
"""

import asyncio
import shutil
import tempfile
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

import numpy as np
from numpy.typing import NDArray

from callapi.calls.call import Call
from callapi.media import Recording, RecordOptions, StreamClosed
from callapi.media.speech import SpeechDetector

POLL_S: Final = 0.05
MAX_SPEECH_S: Final = 60.0
MAX_WAIT_S: Final = 3600
"""The longest recording: prompts and waiting included."""
STALLED_S: Final = 0.5
"""A recording that has not grown for so long is silence: a party that sends no packets says nothing."""
_KEPT_S: Final = 2.0
"""What is kept of the time before anybody speaks."""
_WAV_HEADER: Final = 44
_MAX_OCTETS: Final = 1 << 20


class Ear:
    """Listens to the party of `call` from its entry on; open it with `async with`."""

    def __init__(self, call: Call) -> None:
        self._call = call
        self._left = asyncio.Event()
        self._directory: Path | None = None
        self._file: BinaryIO | None = None
        self._detector: SpeechDetector | None = None
        self._recording: Recording | None = None
        self._failure: str | None = None
        self._octets = bytearray()
        self._dropped = 0
        self._grown_at = 0.0
        self.rate = 8000

    async def __aenter__(self) -> Self:
        self._grown_at = asyncio.get_running_loop().time()
        try:
            self._directory = Path(tempfile.mkdtemp(prefix="callapi-ear-"))
        except OSError as error:
            self._failure = f"no room for a recording: {error.strerror}"
            return self
        options = RecordOptions(received_only=True, max_length_s=MAX_WAIT_S)
        try:
            self._recording = self._call.leg.stream.record(self._directory / "said.wav", options)
        except StreamClosed:
            self._directory.rmdir()
            raise
        self._call.run_detached(partial(self._attend, self._recording, self._directory))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._recording is not None:
            self._recording.stop()
        if self._file is not None:
            self._file.close()
        self._left.set()

    async def begins(self) -> bool:
        """Wait until somebody speaks: True. False: it cannot be heard whether anybody does."""
        while not self._has_begun:
            if self._failure is not None:
                return False
            await asyncio.sleep(POLL_S)
            self._listen()
        return True

    async def ends(self, silence_s: float) -> None:
        """Wait until nothing was said for `silence_s`, after somebody had begun."""
        while self._quiet_s < silence_s and self._spoken_s < MAX_SPEECH_S and not self._failure:
            await asyncio.sleep(POLL_S)
            self._listen()

    def said(self) -> NDArray[np.int16]:
        """What was said so far, from the beginning of speech, at `rate` Hz."""
        whole = bytes(self._octets[: len(self._octets) & ~1])
        begin = self._begin - self._dropped
        return np.frombuffer(whole, np.int16)[max(begin, 0) :]

    def forget(self) -> None:
        """What was heard was no speech: listen anew."""
        self._octets.clear()
        self._dropped = 0
        self._detector = SpeechDetector(self.rate)

    @property
    def failure(self) -> str | None:
        """Why nothing can be heard any more."""
        return self._failure

    @property
    def _has_begun(self) -> bool:
        return self._detector is not None and self._detector.began_s is not None

    @property
    def _begin(self) -> int:
        """The first sample of speech, counted from the beginning."""
        began_s = self._detector.began_s if self._detector is not None else None
        return int((began_s or 0.0) * self.rate)

    @property
    def _spoken_s(self) -> float:
        return (self._dropped + len(self._octets) // 2 - self._begin) / self.rate

    @property
    def _quiet_s(self) -> float:
        stalled = asyncio.get_running_loop().time() - self._grown_at
        return (self._detector.silence_s if self._detector else 0.0) + (
            stalled if stalled > STALLED_S else 0.0
        )

    async def _attend(self, recording: Recording, directory: Path) -> None:
        """Beside the story: notice a recording that fails; take the file away when it is whole and read."""
        ended = await recording.ended()
        self._failure = ended.error or f"the recording ended: {ended.cause}"
        await self._left.wait()
        shutil.rmtree(directory, ignore_errors=True)

    def _listen(self) -> None:
        """Take what came since."""
        fresh = self._read()
        if not fresh or self._detector is None:
            return
        self._grown_at = asyncio.get_running_loop().time()
        odd = len(self._octets) & 1
        since = len(self._octets) - odd
        self._octets += fresh
        even = len(self._octets) & ~1
        self._detector.feed(np.frombuffer(bytes(self._octets[since:even]), np.int16))
        if not self._has_begun and (surplus := even // 2 - int(_KEPT_S * self.rate)) > 0:
            del self._octets[: surplus * 2]
            self._dropped += surplus

    def _read(self) -> bytes:
        if self._file is None and not self._open():
            return b""
        return self._file.read(_MAX_OCTETS) if self._file is not None else b""

    def _open(self) -> bool:
        """Open the file and read its header, once both are there."""
        if self._directory is None:
            return False
        try:
            file = (self._directory / "said.wav.part").open("rb", buffering=0)
        except OSError:
            return False
        header = file.read(_WAV_HEADER)
        rate = int.from_bytes(header[24:28], "little")
        if len(header) < _WAV_HEADER or not rate:
            file.close()
            return False
        self._file, self.rate = file, rate
        self._detector = SpeechDetector(rate)
        return True
