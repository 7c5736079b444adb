"""Audio by URL, ready to play: fetched once, decoded once, kept in memory and on disk as long as it may be.

`PromptLibrary.prompt` is on the path of a call: what is in memory and fresh is returned without waiting for
anything. Otherwise the first caller fetches (and decodes in a worker thread) while all others of that URL wait for
it; if the first is cancelled, the next takes over.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from callapi.media.errors import UnplayableAudio
from callapi.media.plane.types import Prompt
from callapi.media.prompts.audio_files import decode
from callapi.media.prompts.cache import CachedPrompt, PromptCache, content_name
from callapi.media.prompts.freshness import Freshness, Headers

T = TypeVar("T")


class Fetched(Struct, frozen=True):
    """A 2xx answer; `body` is at most `audio_files.MAX_BYTES` long."""

    body: bytes
    content_type: str = ""
    headers: Headers = ()


class Unchanged(Struct, frozen=True):
    """A 304 answer to a conditional request."""

    headers: Headers = ()


class FetchAudio(Protocol):
    """GET by HTTP, with a time limit of its own."""

    async def __call__(self, url: str, conditions: Headers) -> Fetched | Unchanged:
        """Fetch `url` with the header fields `conditions`.

        Raises:
            UnplayableAudio: no answer, or none that holds audio; `reason` says so.
        """
        ...


class PromptLimits(Struct, frozen=True):
    """How much is kept, in bytes of samples. Limits of one file are in `audio_files`."""

    memory_bytes: int = 128 * 1024 * 1024
    disk_bytes: int = 1024 * 1024 * 1024
    threads: int = 2


_LIMITS: Final = PromptLimits()


class PromptLibrary:
    """All prompts of a node. Open it with `async with`."""

    def __init__(
        self,
        fetch: FetchAudio,
        folder: Path,
        *,
        limits: PromptLimits = _LIMITS,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        self._fetch = fetch
        self._disk = PromptCache(folder, limits.disk_bytes)
        self._limits = limits
        self._wall_clock = wall_clock
        self._memory: OrderedDict[str, CachedPrompt] = OrderedDict()
        self._memory_bytes = 0
        self._under_way: dict[str, asyncio.Future[Prompt]] = {}
        self._workers = ThreadPoolExecutor(limits.threads, thread_name_prefix="prompts")

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._workers.shutdown(wait=False, cancel_futures=True)

    async def prompt(self, url: str) -> Prompt:
        """The audio behind `url` (absolute). The same object as long as the audio is the same and in memory.

        Safe to cancel.

        Raises:
            UnplayableAudio: it cannot be fetched or decoded.
        """
        url = url.partition("#")[0]
        while True:
            known = self._memory.get(url)
            if known is not None and known.freshness.is_fresh(self._wall_clock()):
                self._memory.move_to_end(url)
                return known.prompt
            under_way = self._under_way.get(url)
            if under_way is None:
                return await self._lead(url)
            await asyncio.wait((under_way,))
            if not under_way.cancelled():
                return under_way.result()

    async def _lead(self, url: str) -> Prompt:
        """Obtain it for all who ask meanwhile."""
        outcome: asyncio.Future[Prompt] = asyncio.get_running_loop().create_future()
        self._under_way[url] = outcome
        try:
            prompt = await self._obtain(url)
        except UnplayableAudio as error:
            outcome.set_exception(error)
            # Marks the exception as retrieved: our caller gets it.
            outcome.exception()
            raise
        except BaseException:
            outcome.cancel()
            raise
        else:
            outcome.set_result(prompt)
            return prompt
        finally:
            del self._under_way[url]

    async def _obtain(self, url: str) -> Prompt:
        known = self._memory.get(url) or await self._in_thread(self._disk.load, url)
        if known is None:
            return await self._fetch_first(url)
        if known.freshness.is_fresh(self._wall_clock()):
            self._remember(url, known)
            return known.prompt
        answer = await self._fetch(url, known.freshness.conditions())
        if isinstance(answer, Fetched):
            return await self._decode(url, answer, known)
        freshness = known.freshness.renewed(answer.headers, self._wall_clock())
        await self._keep(url, replace(known, freshness=freshness))
        return known.prompt

    async def _fetch_first(self, url: str) -> Prompt:
        answer = await self._fetch(url, ())
        if isinstance(answer, Unchanged):
            raise UnplayableAudio(url, "the server answered 304 to a request without conditions")
        return await self._decode(url, answer, None)

    async def _decode(self, url: str, answer: Fetched, known: CachedPrompt | None) -> Prompt:
        freshness = Freshness.of(answer.headers, self._wall_clock())
        content = await self._in_thread(content_name, answer.body)
        if known is not None and known.content == content:
            prompt = known.prompt
        else:
            prompt = await self._in_thread(decode, url, answer.body, answer.content_type)
        await self._keep(url, CachedPrompt(content, prompt, freshness))
        return prompt

    async def _keep(self, url: str, cached: CachedPrompt) -> None:
        if cached.freshness.is_storable:
            self._remember(url, cached)
            await self._in_thread(self._disk.store, url, cached)
        else:
            self._forget(url)
            await self._in_thread(self._disk.forget, url)

    def _remember(self, url: str, cached: CachedPrompt) -> None:
        self._forget(url)
        self._memory[url] = cached
        self._memory_bytes += cached.prompt.samples.nbytes
        while self._memory_bytes > self._limits.memory_bytes:
            self._forget(next(iter(self._memory)))

    def _forget(self, url: str) -> None:
        known = self._memory.pop(url, None)
        if known is not None:
            self._memory_bytes -= known.prompt.samples.nbytes

    async def _in_thread(self, work: Callable[..., T], *arguments: object) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._workers, work, *arguments)

    def __repr__(self) -> str:
        return f"<PromptLibrary {len(self._memory)} prompts {self._memory_bytes >> 10} KiB>"
