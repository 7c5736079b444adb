"""An engine's process: started when it is first needed, asked in turn, killed when it is too slow, started again.

A caller of `ask` may be cancelled at any time; a request under way is finished, so that requests and answers stay
in step.
"""

import asyncio
import json
import logging
import os
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from msgspec import Struct

from callapi.media.errors import EngineFailed

log = logging.getLogger(__name__)

PROGRAM: Final = Path(__file__).with_name("engine_program.py")
RATE: Final = 16_000
"""Hertz of all audio that goes to engines and comes from them."""
MAX_WAITING: Final = 64
START_S: Final = 60.0
"""A model is loaded within this, on the slowest machine."""
REST_S: Final = 10.0
"""Pause after a failed start before the next attempt."""
STOP_S: Final = 2.0
MAX_OCTETS: Final = 64 << 20
_MAX_LINE: Final = 1 << 20
_ENVIRONMENT: Final = {"HF_HUB_OFFLINE": "1", "HF_HUB_DISABLE_TELEMETRY": "1", "ORT_LOGGING_LEVEL": "3"}
_PROCESS_FAILURES: Final = (OSError, EOFError, ValueError, asyncio.LimitOverrunError)


class Answer(Struct, frozen=True):
    """An engine's answer: fields, and 16-bit mono PCM at RATE."""

    fields: Mapping[str, Any]
    pcm: bytes


@dataclass(slots=True)
class _Request:
    fields: Mapping[str, Any] | None
    """None: start the process, ask nothing."""
    pcm: bytes
    deadline: float
    answer: "asyncio.Future[Answer | EngineFailed]"


class EngineProcess:
    """One engine. Open it with `async with`; `timeout_s` bounds each request, waiting for its turn included."""

    def __init__(self, engine: str, arguments: Mapping[str, Any], timeout_s: float) -> None:
        self.engine = engine
        self._arguments = arguments
        self._timeout_s = timeout_s
        self._jobs: asyncio.Queue[_Request] = asyncio.Queue(MAX_WAITING)
        self._tasks = asyncio.TaskGroup()
        self._pump: asyncio.Task[None] | None = None
        self._process: Process | None = None
        self._rests_until = 0.0

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._pump = self._tasks.create_task(self._serve())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._pump is not None:
            self._pump.cancel()
        try:
            await self._tasks.__aexit__(kind, error, trace)
        finally:
            await self._stop()
            while not self._jobs.empty():
                _settle(self._jobs.get_nowait(), EngineFailed(self.engine, "the node is stopping"))

    @property
    def pid(self) -> int | None:
        """The process that runs at present."""
        return self._process.pid if self._process else None

    def start_soon(self) -> None:
        """Start in the background; no effect if it runs, or if requests are waiting."""
        if self._process is None and self._jobs.empty() and self._pump is not None and not self._pump.done():
            loop = asyncio.get_running_loop()
            self._jobs.put_nowait(_Request(None, b"", loop.time() + self._timeout_s, loop.create_future()))

    async def ask(self, fields: Mapping[str, Any], pcm: bytes = b"") -> Answer:
        """The engine's answer to one request. Safe to cancel.

        Raises:
            EngineFailed: it is missing, too slow, too busy, or died twice over this request.
        """
        if self._pump is None or self._pump.done():
            raise EngineFailed(self.engine, "it is stopped")
        loop = asyncio.get_running_loop()
        job = _Request(fields, pcm, loop.time() + self._timeout_s, loop.create_future())
        try:
            self._jobs.put_nowait(job)
        except asyncio.QueueFull:
            raise EngineFailed(self.engine, f"{MAX_WAITING} requests are waiting for it") from None
        match await job.answer:
            case Answer() as answer:
                return answer
            case EngineFailed() as failure:
                raise failure

    async def _serve(self) -> None:
        while True:
            job = await self._jobs.get()
            if job.answer.done():  # the caller of `ask` was cancelled
                continue
            try:
                _settle(job, await self._attempt(job))
            except EngineFailed as failure:
                _settle(job, failure)
            except asyncio.CancelledError:
                _settle(job, EngineFailed(self.engine, "the node is stopping"))
                raise

    async def _attempt(self, job: _Request) -> Answer:
        """Ask; a process that died is replaced, once."""
        for is_last in (False, True):
            process = await self._started(job)
            if job.fields is None:
                return Answer({}, b"")
            try:
                async with asyncio.timeout_at(job.deadline):
                    answer = await _exchange(process, job)
            except TimeoutError:
                await self._stop()
                raise EngineFailed(self.engine, f"no answer within {self._timeout_s:g} s") from None
            except _PROCESS_FAILURES as error:
                await self._stop()
                log.warning("%s died: %r", self.engine, error)
                if is_last:
                    break
            else:
                if (reason := answer.fields.get("error")) is not None:
                    raise EngineFailed(self.engine, str(reason))
                return answer
        raise EngineFailed(self.engine, "it died")

    async def _started(self, job: _Request) -> Process:
        """The process, started if need be; the time that this takes is not the request's."""
        if self._process is not None:
            return self._process
        loop = asyncio.get_running_loop()
        if (begun := loop.time()) < self._rests_until:
            raise EngineFailed(self.engine, "it could not be started")
        try:
            async with asyncio.timeout(START_S):
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    "-I",
                    str(PROGRAM),
                    self.engine,
                    json.dumps(self._arguments),
                    stdin=PIPE,
                    stdout=PIPE,
                    limit=_MAX_LINE,
                    env={**os.environ, **_ENVIRONMENT},
                )
                await _read(self._process)
        except (*_PROCESS_FAILURES, TimeoutError) as error:
            await self._stop()
            self._rests_until = loop.time() + REST_S
            log.warning("%s cannot be started: %r", self.engine, error)
            raise EngineFailed(self.engine, "it could not be started") from error
        job.deadline += loop.time() - begun
        log.info("%s runs as process %d", self.engine, self._process.pid)
        return self._process

    async def _stop(self) -> None:
        process, self._process = self._process, None
        if process is None:
            return
        with suppress(ProcessLookupError):
            process.kill()
        if process.stdin is not None:
            process.stdin.close()
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_S):
                await process.wait()


async def _exchange(process: Process, job: _Request) -> Answer:
    if process.stdin is None:
        raise EOFError
    head = json.dumps({**(job.fields or {}), "bytes": len(job.pcm)}).encode()
    process.stdin.write(head + b"\n" + job.pcm)
    await process.stdin.drain()
    return await _read(process)


async def _read(process: Process) -> Answer:
    if process.stdout is None:
        raise EOFError
    fields = json.loads(await process.stdout.readuntil(b"\n"))
    count = fields["bytes"]
    if not 0 <= count <= MAX_OCTETS:
        raise ValueError(f"an answer of {count} octets")
    return Answer(fields, await process.stdout.readexactly(count))


def _settle(job: _Request, answer: Answer | EngineFailed) -> None:
    if not job.answer.done():
        job.answer.set_result(answer)
