"""The voice of a conversation: what the machine wants said or played, one piece after the other.

The next pieces are synthesised while one sounds. `silence` ends everything at once.
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import Final

from callapi.calls.call import Call
from callapi.media import Prompt, UnplayableAudio
from callapi.media.speech import Utterance
from callapi.streams.relay_machine import PlaySound, Say
from callapi.verbs.audio.play import heard
from callapi.verbs.execution import Execution

AHEAD: Final = 2
"""Prompts that are ready before they are needed."""

Sound = tuple[int, Prompt | None, int]
"""Number of the piece, what to play (None: the piece is over), how often."""


class Voice:
    """Speaks on one call. `sounding` and `sounded` are called for each piece, `failed` for what cannot be played."""

    def __init__(
        self,
        execution: Execution,
        tasks: asyncio.TaskGroup,
        voice_of: Callable[[str | None], tuple[str | None, str | None]],
    ) -> None:
        self._execution = execution
        self._tasks = tasks
        self._voice_of = voice_of
        self._running: list[asyncio.Task[None]] = []
        self._pieces: asyncio.Queue[Say | PlaySound] = asyncio.Queue()
        self.sounding: Callable[[int, float], None] = lambda _number, _duration_s: None
        self.sounded: Callable[[int], None] = lambda _number: None
        self.failed: Callable[[str], None] = lambda _reason: None

    def put(self, piece: Say | PlaySound) -> None:
        """Say or play `piece` after what waits already."""
        if not self._running:
            sounds: asyncio.Queue[Sound] = asyncio.Queue(AHEAD)
            self._running = [
                self._tasks.create_task(self._make(self._pieces, sounds)),
                self._tasks.create_task(self._play(sounds)),
            ]
        self._pieces.put_nowait(piece)

    def silence(self) -> None:
        """Fall silent and drop what waits."""
        for each in self._running:
            each.cancel()
        self._running = []
        self._pieces = asyncio.Queue()

    async def _make(self, pieces: "asyncio.Queue[Say | PlaySound]", sounds: "asyncio.Queue[Sound]") -> None:
        while True:
            piece = await pieces.get()
            try:
                if isinstance(piece, Say):
                    await self._synthesise(piece, sounds)
                else:
                    url = self._execution.resolve(piece.source)
                    prompt = await self._execution.services.prompts.prompt(url)
                    await sounds.put((piece.number, prompt, piece.loop))
            except UnplayableAudio as error:
                self.failed(f"not played: {error.reason}")
            await sounds.put((piece.number, None, 1))

    async def _synthesise(self, say: Say, sounds: "asyncio.Queue[Sound]") -> None:
        voice, language = self._voice_of(say.language)
        utterance = Utterance(say.text, None, voice, language)
        async with aclosing(self._execution.services.speaker.speak(utterance, self.failed)) as prompts:
            async for prompt in prompts:
                await sounds.put((say.number, prompt, 1))

    async def _play(self, sounds: "asyncio.Queue[Sound]") -> None:
        call: Call = self._execution.call
        while True:
            number, prompt, loop = await sounds.get()
            if prompt is None:
                self.sounded(number)
                continue
            self.sounding(number, prompt.duration_ms / 1000 * max(loop, 1))
            await heard(call.leg.stream.play(prompt, loop=loop))
