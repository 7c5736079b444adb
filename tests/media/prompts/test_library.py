"""The library: fetched once, decoded once, asked again as HTTP's rules say, in memory and across restarts."""

import asyncio
from collections.abc import AsyncIterator, Callable
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile

from callapi.media import UnplayableAudio
from callapi.media.prompts.cache import PromptCache
from callapi.media.prompts.freshness import Headers
from callapi.media.prompts.library import Fetched, PromptLibrary, PromptLimits, Unchanged

URL = "http://app.example/hello.wav"
OTHER = "http://app.example/other.wav"
MINUTE: Headers = (("Cache-Control", "max-age=60"), ("ETag", '"1"'))


def wav(value: int = 1000, samples: int = 800) -> bytes:
    buffer = BytesIO()
    soundfile.write(buffer, np.full(samples, value, np.int16), 8000, format="WAV", subtype="PCM_16")
    return buffer.getvalue()


def files(folder: Path, pattern: str = "*") -> list[Path]:
    return list(folder.glob(pattern))


class WebServer:
    """Serves what a test puts there and notes what it is asked for."""

    def __init__(self) -> None:
        self.pages: dict[str, Fetched | Unchanged | UnplayableAudio] = {
            URL: Fetched(wav(), "audio/wav", MINUTE)
        }
        self.asked: list[tuple[str, Headers]] = []
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self, url: str, conditions: Headers) -> Fetched | Unchanged:
        self.asked.append((url, conditions))
        await self.open.wait()
        page = self.pages[url]
        if isinstance(page, UnplayableAudio):
            raise page
        return page


@pytest.fixture
def server() -> WebServer:
    return WebServer()


class Clock:
    now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


Open = Callable[..., PromptLibrary]


@pytest.fixture
async def open_library(server: WebServer, clock: Clock, tmp_path: Path) -> AsyncIterator[Open]:
    libraries: list[PromptLibrary] = []

    def open_one(folder: Path = tmp_path, **limits: int) -> PromptLibrary:
        library = PromptLibrary(server, folder, limits=PromptLimits(**limits), wall_clock=clock)
        libraries.append(library)
        return library

    yield open_one
    for library in libraries:
        async with library:
            pass


async def test_a_fresh_prompt_is_there_without_waiting(open_library: Open, server: WebServer) -> None:
    library = open_library()
    prompt = await library.prompt(URL)
    assert (prompt.rate, len(prompt.samples)) == (8000, 800)
    again = library.prompt(URL + "#part")
    with pytest.raises(StopIteration) as at_once:
        again.send(None)
    assert at_once.value.value is prompt
    assert server.asked == [(URL, ())]


async def test_a_stale_prompt_is_asked_for_with_conditions(
    open_library: Open, server: WebServer, clock: Clock
) -> None:
    library = open_library()
    prompt = await library.prompt(URL)
    clock.now += 61
    server.pages[URL] = Unchanged((("Cache-Control", "max-age=10"),))
    assert await library.prompt(URL) is prompt
    assert server.asked[1:] == [(URL, (("If-None-Match", '"1"'),))]
    clock.now += 9
    assert await library.prompt(URL) is prompt
    assert len(server.asked) == 2


async def test_a_new_recording_is_heard_and_an_equal_one_is_the_same(
    open_library: Open, server: WebServer, clock: Clock
) -> None:
    library = open_library()
    first = await library.prompt(URL)
    clock.now += 61
    assert await library.prompt(URL) is first
    clock.now += 61
    server.pages[URL] = Fetched(wav(2000), "audio/wav")
    second = await library.prompt(URL)
    assert second.samples[0] == 2000
    # Without a lifetime it is asked for each time.
    await library.prompt(URL)
    assert len(server.asked) == 4


async def test_no_store_is_not_kept(open_library: Open, server: WebServer, tmp_path: Path) -> None:
    server.pages[URL] = Fetched(wav(), "audio/wav", (("Cache-Control", "no-store"),))
    library = open_library()
    await library.prompt(URL)
    await library.prompt(URL)
    assert [conditions for _, conditions in server.asked] == [(), ()]
    assert files(tmp_path) == []
    assert repr(library) == "<PromptLibrary 0 prompts 0 KiB>"


async def test_many_at_once_share_one_fetch(open_library: Open, server: WebServer) -> None:
    library = open_library()
    server.open.clear()
    waiting = [asyncio.ensure_future(library.prompt(URL)) for _ in range(20)]
    await asyncio.sleep(0.01)
    server.open.set()
    prompts = await asyncio.gather(*waiting)
    assert all(each is prompts[0] for each in prompts)
    assert len(server.asked) == 1


async def test_many_at_once_share_one_failure(open_library: Open, server: WebServer) -> None:
    library = open_library()
    server.pages[URL] = UnplayableAudio(URL, "404 Not Found")
    server.open.clear()
    waiting = [asyncio.ensure_future(library.prompt(URL)) for _ in range(5)]
    await asyncio.sleep(0.01)
    server.open.set()
    outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert [str(each) for each in outcomes] == [f"{URL}: 404 Not Found"] * 5
    assert len(server.asked) == 1
    # A failure is not kept.
    server.pages[URL] = Fetched(wav(), "audio/wav")
    assert (await library.prompt(URL)).rate == 8000


async def test_a_waiting_caller_takes_over_a_cancelled_fetch(open_library: Open, server: WebServer) -> None:
    library = open_library()
    server.open.clear()
    first, second, third = (asyncio.ensure_future(library.prompt(URL)) for _ in range(3))
    await asyncio.sleep(0.01)
    first.cancel()
    third.cancel()
    await asyncio.sleep(0.01)
    server.open.set()
    assert (await second).rate == 8000
    assert first.cancelled()
    assert third.cancelled()
    assert len(server.asked) == 2


async def test_undecodable_audio_is_an_error(open_library: Open, server: WebServer) -> None:
    library = open_library()
    server.pages[URL] = Fetched(b"<html>", "text/html")
    with pytest.raises(UnplayableAudio, match="text/html"):
        await library.prompt(URL)
    server.pages[URL] = Unchanged()
    with pytest.raises(UnplayableAudio, match="304"):
        await library.prompt(URL)


async def test_memory_is_bounded_and_the_least_used_goes_first(open_library: Open, server: WebServer) -> None:
    third = "http://app.example/third.wav"
    server.pages |= {OTHER: Fetched(wav(2), "", MINUTE), third: Fetched(wav(3), "", MINUTE)}
    library = open_library(memory_bytes=2 * 1600)
    first = await library.prompt(URL)
    await library.prompt(OTHER)
    assert await library.prompt(URL) is first
    await library.prompt(third)
    assert repr(library) == "<PromptLibrary 2 prompts 3 KiB>"
    assert await library.prompt(URL) is first
    # The other comes back from the disk.
    await library.prompt(OTHER)
    assert len(server.asked) == 3


async def test_a_prompt_larger_than_the_memory_is_played_all_the_same(open_library: Open) -> None:
    library = open_library(memory_bytes=100)
    assert len((await library.prompt(URL)).samples) == 800
    assert repr(library) == "<PromptLibrary 0 prompts 0 KiB>"


async def test_a_restart_fetches_nothing_again(open_library: Open, server: WebServer, clock: Clock) -> None:
    first = await open_library().prompt(URL)
    second = await open_library().prompt(URL)
    assert np.array_equal(first.samples, second.samples)
    assert len(server.asked) == 1
    clock.now += 61
    server.pages[URL] = Unchanged()
    third = await open_library().prompt(URL)
    assert np.array_equal(first.samples, third.samples)
    assert server.asked[1] == (URL, (("If-None-Match", '"1"'),))


async def test_equal_recordings_take_their_space_once(
    open_library: Open, server: WebServer, tmp_path: Path
) -> None:
    server.pages[OTHER] = server.pages[URL]
    library = open_library()
    await library.prompt(URL)
    await library.prompt(OTHER)
    assert sorted(path.suffix for path in files(tmp_path)) == [".json", ".json", ".pcm"]


async def test_the_disk_is_bounded(open_library: Open, server: WebServer, tmp_path: Path) -> None:
    library = open_library(disk_bytes=8000)
    for number in range(10):
        url = f"http://app.example/{number}.wav"
        server.pages[url] = Fetched(wav(number), "", MINUTE)
        await library.prompt(url)
    assert sum(path.stat().st_size for path in files(tmp_path)) <= 8000


@pytest.mark.parametrize("damage", [b"", b"{}", b"[1]", b'{"url": 1', b"\xff"])
async def test_a_damaged_cache_is_no_cache(
    open_library: Open, server: WebServer, tmp_path: Path, damage: bytes
) -> None:
    await open_library().prompt(URL)
    for path in files(tmp_path, "*.json"):
        path.write_bytes(damage)
    assert len((await open_library().prompt(URL)).samples) == 800
    for path in files(tmp_path, "*.pcm"):
        path.write_bytes(b"cut off")
    assert len((await open_library().prompt(URL)).samples) == 800
    assert len(server.asked) == 3


async def test_a_folder_that_cannot_be_written_only_costs_speed(
    open_library: Open, server: WebServer, tmp_path: Path
) -> None:
    occupied = tmp_path / "file"
    occupied.write_bytes(b"")
    assert (await open_library(occupied).prompt(URL)).rate == 8000
    assert PromptCache(occupied, 1000).load(URL) is None
    assert len(server.asked) == 1
