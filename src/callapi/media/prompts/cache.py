"""Decoded prompts on disk: after a restart of the node only changed audio is fetched and decoded.

Samples are stored by their content, so that a thousand URLs of one recording take its space once; each URL has a
small file that names its content and its freshness. Everything blocks; files appear whole or not
at all, and one that cannot be read counts as missing.
"""

import hashlib
import json
from pathlib import Path
from typing import Final

import numpy as np
from msgspec import Struct
from msgspec.structs import asdict

from callapi.media.plane.types import Prompt
from callapi.media.prompts.freshness import Freshness

_SAMPLES: Final = ".pcm"
_ENTRY: Final = ".json"


class CachedPrompt(Struct, frozen=True):
    """The cached audio of one URL. `content` names the samples."""

    content: str
    prompt: Prompt
    freshness: Freshness


class PromptCache:
    """A folder of at most about `max_bytes`; what was not used for longest goes first."""

    def __init__(self, folder: Path, max_bytes: int) -> None:
        self._folder = folder
        self._max_bytes = max_bytes

    def load(self, url: str) -> CachedPrompt | None:
        """What is kept of `url`, fresh or not."""
        try:
            entry = json.loads(self._entry(url).read_text(encoding="utf-8"))
            content, rate = str(entry["content"]), int(entry["rate"])
            path = self._samples(content)
            samples = np.fromfile(path, dtype="<i2").astype(np.int16, copy=False)
            freshness = Freshness(**entry["freshness"])
            path.touch()
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if entry["url"] != url or len(samples) != entry["length"]:
            return None
        samples.setflags(write=False)
        return CachedPrompt(content, Prompt(samples, rate, str(entry.get("flaw", ""))), freshness)

    def store(self, url: str, cached: CachedPrompt) -> None:
        """Keep it; a full disk or a read-only folder is ignored."""
        entry = {
            "url": url,
            "content": cached.content,
            "rate": cached.prompt.rate,
            "length": len(cached.prompt.samples),
            "flaw": cached.prompt.flaw,
            "freshness": asdict(cached.freshness),
        }
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            path = self._samples(cached.content)
            if not path.exists():
                _write(path, cached.prompt.samples.astype("<i2", copy=False).tobytes())
            _write(self._entry(url), json.dumps(entry).encode())
            self._shrink()
        except OSError:
            return

    def forget(self, url: str) -> None:
        """Keep nothing of `url` any more."""
        self._entry(url).unlink(missing_ok=True)

    def _shrink(self) -> None:
        files = sorted(self._folder.glob("*.*"), key=lambda path: path.stat().st_mtime)
        excess = sum(path.stat().st_size for path in files) - self._max_bytes
        for path in files:
            if excess <= 0:
                return
            excess -= path.stat().st_size
            path.unlink(missing_ok=True)

    def _entry(self, url: str) -> Path:
        return self._folder / (hashlib.sha256(url.encode()).hexdigest() + _ENTRY)

    def _samples(self, content: str) -> Path:
        # The name comes from a file of ours, but what is in a folder may have come from anywhere.
        return self._folder / (hashlib.sha256(content.encode()).hexdigest() + _SAMPLES)


def content_name(body: bytes) -> str:
    """What the samples decoded from `body` are filed under."""
    return hashlib.sha256(body).hexdigest()


def _write(path: Path, data: bytes) -> None:
    part = path.with_name(path.name + ".part")
    part.write_bytes(data)
    part.replace(path)
