"""Cache of synthesised speech: on disk by content, bounded in size, with the recently used part in memory.

`recall` looks in memory only; `read` looks on disk, in a thread.
"""

import asyncio
import hashlib
import logging
import os
import tempfile
import wave
from collections import OrderedDict
from pathlib import Path
from typing import Final

import numpy as np

from callapi.media.plane.types import Prompt

log = logging.getLogger(__name__)

MEMORY_OCTETS: Final = 32 << 20
"""Half an hour of speech at 16 kHz is a little more than that."""
_SUFFIX: Final = ".wav"


def key_of(*content: str) -> str:
    """The cache key of `content` (engine, voice, text ...)."""
    return hashlib.sha256("\0".join(content).encode()).hexdigest()


class SpeechCache:
    """`octets` bounds the files in `directory` (0: memory alone); the least recently used go first."""

    def __init__(self, directory: Path, octets: int, memory_octets: int = MEMORY_OCTETS) -> None:
        self._directory = directory
        self._max_octets = octets
        self._max_memory_octets = memory_octets
        self._files: OrderedDict[str, int] = OrderedDict()
        self._on_disk = 0
        self._prompts: OrderedDict[str, Prompt] = OrderedDict()
        self._in_memory = 0

    async def open(self) -> None:
        """Index what an earlier run left."""
        if self._max_octets:
            found = await asyncio.to_thread(self._scan)
            self._files.update(found)
            self._on_disk = sum(size for _, size in found)
            await self._shrink()

    def recall(self, key: str) -> Prompt | None:
        """What is in memory."""
        prompt = self._prompts.get(key)
        if prompt is not None:
            self._prompts.move_to_end(key)
            if key in self._files:
                self._files.move_to_end(key)
        return prompt

    async def read(self, key: str) -> Prompt | None:
        """What is on disk; kept in memory from now on. A file that cannot be read is forgotten."""
        if key not in self._files:
            return None
        try:
            prompt = await asyncio.to_thread(_read, self._path(key))
        except (OSError, wave.Error, EOFError) as error:
            log.warning("speech cache: %s: %r", key, error)
            self._on_disk -= self._files.pop(key, 0)
            return None
        if key in self._files:
            self._files.move_to_end(key)
        self._remember(key, prompt)
        return prompt

    async def keep(self, key: str, prompt: Prompt) -> None:
        """Keep `prompt`; a disk that cannot be written to does not fail the speech."""
        self._remember(key, prompt)
        if not self._max_octets or prompt.samples.nbytes > self._max_octets:
            return
        try:
            size = await asyncio.to_thread(self._write, key, prompt)
        except OSError as error:
            log.warning("speech cache: %s: %s", self._directory, error)
            return
        self._on_disk += size - self._files.pop(key, 0)
        self._files[key] = size
        await self._shrink()

    def _remember(self, key: str, prompt: Prompt) -> None:
        former = self._prompts.pop(key, None)
        self._in_memory += prompt.samples.nbytes - (former.samples.nbytes if former else 0)
        self._prompts[key] = prompt
        while self._in_memory > self._max_memory_octets and len(self._prompts) > 1:
            _, oldest = self._prompts.popitem(last=False)
            self._in_memory -= oldest.samples.nbytes

    async def _shrink(self) -> None:
        evicted = []
        while self._on_disk > self._max_octets and self._files:
            key, size = self._files.popitem(last=False)
            self._on_disk -= size
            evicted.append(self._path(key))
        if evicted:
            await asyncio.to_thread(_unlink, evicted)

    def _path(self, key: str) -> Path:
        return self._directory / f"{key}{_SUFFIX}"

    def _scan(self) -> list[tuple[str, int]]:
        """Keys and sizes, the least recently written first. Unfinished files are removed."""
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            _unlink(list(self._directory.glob("*.part")))
            files = [(path.stat(), path) for path in self._directory.glob(f"*{_SUFFIX}")]
        except OSError as error:
            log.warning("speech cache: %s: %s", self._directory, error)
            return []
        files.sort(key=lambda each: each[0].st_mtime)
        return [(path.stem, about.st_size) for about, path in files]

    def _write(self, key: str, prompt: Prompt) -> int:
        self._directory.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._directory, suffix=".part")
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as raw, wave.open(raw, "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(prompt.rate)
                file.writeframes(prompt.samples.tobytes())
            size = part.stat().st_size
            part.replace(self._path(key))
        except OSError:
            part.unlink(missing_ok=True)
            raise
        return size


def _read(path: Path) -> Prompt:
    with wave.open(str(path), "rb") as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16)
        prompt = Prompt(samples, file.getframerate())
    os.utime(path)
    return prompt


def _unlink(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
