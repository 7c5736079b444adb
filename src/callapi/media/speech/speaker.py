"""Text to speech: text becomes prompts, sentence by sentence; the next is synthesised while the present one plays."""

import asyncio
import logging
from collections import deque
from collections.abc import AsyncGenerator, Callable, Coroutine, Mapping
from types import TracebackType
from typing import Any, Final, Protocol, Self, TypeVar

import numpy as np
from msgspec import Struct

from callapi.base.later import imported
from callapi.media.errors import EngineFailed, UnplayableAudio
from callapi.media.plane.types import Prompt
from callapi.media.speech import ssml
from callapi.media.speech.cache import SpeechCache, key_of
from callapi.media.speech.process import RATE
from callapi.media.speech.utterance import Utterance, sentences
from callapi.media.speech.voices import Catalogue, Engine, Voice

log = logging.getLogger(__name__)

AHEAD: Final = 2
"""Sentences that are synthesised ahead of the one that plays."""
MAX_AT_ONCE: Final = 256
"""Sentences being synthesised for the whole node; a further one fails."""
_NOTHING_SAMPLES: Final = RATE // 10
"""Played for text without sound (an ellipsis, a dash), so that a loop over it takes time."""
FORMAT: Final = "1"
"""Part of each cache key: to be changed when the same text comes to sound differently."""


class SpeechEngine(Protocol):
    """Synthesises, in a process of its own."""

    takes_markup: bool

    async def synthesise(self, voice: Voice, text: str, *, is_markup: bool) -> bytes:
        """`text` as 16-bit mono PCM at 16 kHz. Raises EngineFailed."""
        ...


class _Piece(Struct, frozen=True):
    """One request to an engine."""

    voice: Voice
    text: str
    is_markup: bool = False

    @property
    def key(self) -> str:
        voice = self.voice
        return key_of(FORMAT, voice.engine, voice.source, str(self.is_markup), self.text)


class _Made(Struct, frozen=True):
    """A synthesised piece, and the voice that spoke it."""

    prompt: Prompt
    voice: Voice


_Outcome = _Made | EngineFailed
_T = TypeVar("_T")


class EngineSpeaker:
    """Speaks with the voices of `catalogue`. Open it with `async with`; the engines are opened by who made them.

    A piece that its voice has not synthesised within `patience_s` is spoken by the fallback voice, if there is one; the
    late result is cached for the next time.
    """

    def __init__(
        self,
        engines: Mapping[Engine, SpeechEngine],
        catalogue: Catalogue,
        cache: SpeechCache,
        patience_s: float = 4.0,
    ) -> None:
        self._engines = engines
        self._catalogue = catalogue
        self._cache = cache
        self._patience_s = patience_s
        self._tasks = asyncio.TaskGroup()
        self._making: dict[str, asyncio.Future[_Outcome]] = {}
        self._running: set[asyncio.Task[Any]] = set()

    async def __aenter__(self) -> Self:
        await self._cache.open()
        await self._tasks.__aenter__()
        return self

    def prepare(self) -> None:
        """Start the default voice's engine in the background, so that the first caller does not wait for it."""
        if (choice := self._catalogue.choose(None, None)) is not None:
            self._run(self._warm(choice.voice))

    async def _warm(self, voice: Voice) -> None:
        try:
            await self._engines[voice.engine].synthesise(voice, "ready", is_markup=False)
        except EngineFailed as failure:
            log.warning("%s", failure)

    def _run(self, work: Coroutine[Any, Any, _T]) -> asyncio.Task[_T]:
        task = self._tasks.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._running:
            task.cancel()
        await self._tasks.__aexit__(kind, error, trace)

    async def speak(self, utterance: Utterance, warn: Callable[[str], None]) -> AsyncGenerator[Prompt, None]:
        """`utterance` as prompts, each as soon as it is ready; `warn` gets one sentence per unmet wish.

        What was said before is there at once. Close the generator when it is left early; what is under way then is
        finished, and kept for the next time.

        Raises:
            UnplayableAudio: no voice is installed, or the engine and its fallback failed.
        """
        await imported("numpy")
        choice = self._catalogue.choose(utterance.voice, utterance.language)
        if choice is None:
            raise UnplayableAudio("speech", "no speech engine is installed (pip install 'callapi[speech]')")
        if choice.warning is not None:
            warn(choice.warning)
        ahead: deque[Prompt | asyncio.Future[_Outcome]] = deque()
        for piece in self._pieces(utterance, choice.voice):
            ahead.append(_silence(piece) if isinstance(piece, float) else self._begin(piece))
            if len(ahead) > AHEAD:
                yield await _prompt_of(ahead.popleft(), choice.voice, warn)
        while ahead:
            yield await _prompt_of(ahead.popleft(), choice.voice, warn)

    def _pieces(self, utterance: Utterance, voice: Voice) -> list[_Piece | float]:
        engine = self._engines[voice.engine]
        if utterance.markup is None:
            return [_Piece(voice, text) for text in sentences(utterance.text)]
        if engine.takes_markup:
            return [_Piece(voice, f"<speak>{utterance.markup}</speak>", is_markup=True)]
        found = ssml.pieces(utterance.markup)
        if found is None:
            found = [*sentences(utterance.text)]
        return [each if isinstance(each, float) else _Piece(voice, each) for each in found]

    def _begin(self, piece: _Piece) -> "Prompt | asyncio.Future[_Outcome]":
        """The prompt of `piece` if it is cached; else a future, shared by all callers of the same piece."""
        key = piece.key
        if (prompt := self._cache.recall(key)) is not None:
            return prompt
        if (making := self._making.get(key)) is not None:
            return making
        outcome: asyncio.Future[_Outcome] = asyncio.get_running_loop().create_future()
        if len(self._making) >= MAX_AT_ONCE:
            outcome.set_result(
                EngineFailed(piece.voice.engine, "too many sentences are being synthesised at once")
            )
            return outcome
        self._making[key] = outcome
        self._run(self._make(piece, key, outcome))
        return outcome

    async def _make(self, piece: _Piece, key: str, outcome: "asyncio.Future[_Outcome]") -> None:
        made: _Outcome = EngineFailed(piece.voice.engine, "the node is stopping")
        is_new = False
        try:
            if (kept := await self._cache.read(key)) is not None:
                made = _Made(kept, piece.voice)
            else:
                made = await self._synthesise(piece, key)
                is_new = made.voice == piece.voice  # a fallback's result is not cached under this voice
        except EngineFailed as failure:
            made = failure
        finally:
            del self._making[key]
            outcome.set_result(made)
        if is_new and isinstance(made, _Made):
            await self._cache.keep(key, made.prompt)

    async def _synthesise(self, piece: _Piece, key: str) -> _Made:
        """By the chosen voice; if that fails or takes too long, by its fallback."""
        other = self._catalogue.fallback(piece.voice)
        if other is None:
            return await self._ask(piece, piece.voice)
        own = self._run(self._try(piece))
        await asyncio.wait({own}, timeout=self._patience_s)
        if not own.done():
            self._run(self._keep_late(key, own))
            reason = f"{piece.voice.name}: not ready within {self._patience_s:g} s"
        elif isinstance(made := own.result(), _Made):
            return made
        else:
            reason = str(made)
        log.warning("%s; %s speaks instead", reason, other.name)
        return await self._ask(piece, other)

    async def _try(self, piece: _Piece) -> _Outcome:
        try:
            return await self._ask(piece, piece.voice)
        except EngineFailed as failure:
            return failure

    async def _keep_late(self, key: str, own: "asyncio.Task[_Outcome]") -> None:
        """Cache a result that came too late for the present call."""
        if isinstance(made := await own, _Made):
            await self._cache.keep(key, made.prompt)

    async def _ask(self, piece: _Piece, voice: Voice) -> _Made:
        pcm = await self._engines[voice.engine].synthesise(voice, piece.text, is_markup=piece.is_markup)
        await imported("numpy")
        samples = np.frombuffer(pcm, np.int16) if pcm else np.zeros(_NOTHING_SAMPLES, np.int16)
        return _Made(Prompt(samples, RATE), voice)


async def _prompt_of(
    ahead: "Prompt | asyncio.Future[_Outcome]", voice: Voice, warn: Callable[[str], None]
) -> Prompt:
    if isinstance(ahead, Prompt):
        return ahead
    outcome = await asyncio.shield(ahead)
    if isinstance(outcome, EngineFailed):
        raise UnplayableAudio("speech", str(outcome))
    if outcome.voice != voice:
        warn(f"{voice.name} failed or was too slow; {outcome.voice.name} spoke")
    return outcome.prompt


def _silence(seconds: float) -> Prompt:
    return Prompt(np.zeros(int(seconds * RATE), np.int16), RATE)
