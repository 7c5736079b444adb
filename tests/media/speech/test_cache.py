"""What was said before: in memory at once, on disk across starts, never beyond its bounds."""

from pathlib import Path

import numpy as np
import pytest

from callapi.media import Prompt
from callapi.media.speech.cache import SpeechCache, key_of


def prompt(seconds: float, value: int = 1) -> Prompt:
    return Prompt(np.full(int(16_000 * seconds), value, np.int16), 16_000)


def kept(directory: Path) -> list[str]:
    """The names of what is on disk."""
    return sorted(path.stem for path in directory.iterdir())


async def test_what_is_kept_is_recalled_at_once_and_read_after_a_restart(tmp_path: Path) -> None:
    cache = SpeechCache(tmp_path / "speech", 1 << 20)
    await cache.open()
    assert cache.recall("a") is None
    assert await cache.read("a") is None
    said = prompt(0.5, 7)
    await cache.keep("a", said)
    assert cache.recall("a") is said
    again = SpeechCache(tmp_path / "speech", 1 << 20)
    await again.open()
    assert again.recall("a") is None
    read = await again.read("a")
    assert read is not None
    assert (read.rate, read.samples.tolist()) == (said.rate, said.samples.tolist())
    assert again.recall("a") is read


async def test_the_disk_is_bounded_and_the_least_used_goes(tmp_path: Path) -> None:
    cache = SpeechCache(tmp_path, 100_000)
    await cache.open()
    for name in "abc":
        await cache.keep(name, prompt(1))  # 32 kB each
    assert cache.recall("a") is not None
    await cache.keep("d", prompt(1))
    assert kept(tmp_path) == ["a", "c", "d"]
    await cache.keep("huge", prompt(10))
    assert kept(tmp_path) == ["a", "c", "d"]


async def test_a_smaller_bound_takes_effect_at_the_next_start(tmp_path: Path) -> None:
    cache = SpeechCache(tmp_path, 100_000)
    for name in "abc":
        await cache.keep(name, prompt(1))
    (tmp_path / "left.part").write_bytes(b"half")
    await SpeechCache(tmp_path, 40_000).open()
    assert len(kept(tmp_path)) == 1


async def test_memory_is_bounded(tmp_path: Path) -> None:
    cache = SpeechCache(tmp_path, 0, memory_octets=70_000)
    for name in "abc":
        await cache.keep(name, prompt(1))
    assert [cache.recall(name) is not None for name in "abc"] == [False, True, True]
    assert kept(tmp_path) == [], "0: nothing on disk"


async def test_a_broken_file_is_forgotten(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"no sound")
    cache = SpeechCache(tmp_path, 1 << 20)
    await cache.open()
    assert await cache.read("a") is None
    assert await cache.read("a") is None


async def test_a_disk_that_takes_nothing_is_no_failure(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a directory")
    cache = SpeechCache(tmp_path / "file", 1 << 20)
    await cache.open()
    await cache.keep("a", prompt(1))
    assert cache.recall("a") is not None


@pytest.mark.parametrize(
    ("one", "other"), [(("a", "b"), ("ab", "")), (("a",), ("b",)), (("a", "b"), ("b", "a"))]
)
def test_keys_differ_where_content_does(one: tuple[str, ...], other: tuple[str, ...]) -> None:
    assert key_of(*one) != key_of(*other)
    assert key_of(*one) == key_of(*one)
