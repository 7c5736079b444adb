"""Child processes: started here, watched, stopped by their own pid, their output kept for the day they fail."""

import asyncio
import contextlib
import os
import signal
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from tests.scenarios.harness.forked_process import ForkedProcess, ForkingParent
from tests.scenarios.harness.waiting import WAIT_S


class ProcessFailed(AssertionError):
    """A process ended, or did not get ready; the text holds the end of its log."""


class ManagedProcess:
    """One child, working in `folder`; stdout and stderr go to `log`."""

    def __init__(
        self,
        name: str,
        arguments: Sequence[str],
        log: Path,
        environ: Mapping[str, str] | None = None,
        folder: Path | None = None,
        parent: ForkingParent | None = None,
    ) -> None:
        """`parent`: what forks it, where that is the same as to execute it."""
        self.name = name
        self.log = log
        self._arguments = tuple(arguments)
        ours = {name: value for name, value in os.environ.items() if not name.startswith("CALLAPI_")}
        self._environ = {**ours, **(environ or {})}
        self._folder = folder
        can_fork = parent is not None and parent.can_start(self._arguments, self._environ)
        self._parent = parent if can_fork else None
        self._process: asyncio.subprocess.Process | ForkedProcess | None = None

    async def __aenter__(self) -> Self:
        return await self.start()

    async def __aexit__(self, *_: object) -> None:
        if self.returncode is None:
            await self.stop()

    async def start(self) -> Self:
        """Start it."""
        with self.log.open("ab") as log:
            if self._parent is not None:
                self._process = await self._parent.start(
                    self._arguments, self._environ, self._folder, log.fileno()
                )
                return self
            self._process = await asyncio.create_subprocess_exec(
                *self._arguments,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=self._environ,
                cwd=self._folder,
            )
        return self

    @property
    def has_started(self) -> bool:
        """Whether there was ever a process."""
        return self._process is not None

    @property
    def pid(self) -> int:
        """Its process id."""
        assert self._process is not None
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """Its exit status; None while it runs."""
        return self._process.returncode if self._process else None

    async def wait(self, timeout: float) -> int:
        """Wait for its end."""
        assert self._process is not None
        async with asyncio.timeout(timeout):
            return await self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, if it is still there."""
        if self._process is not None and self._process.returncode is None:
            self._process.send_signal(number)

    async def stop(self, *, timeout: float = WAIT_S) -> int:
        """SIGTERM, then SIGKILL when it does not listen; the exit status."""
        assert self._process is not None
        self.signal(signal.SIGTERM)
        with contextlib.suppress(TimeoutError):
            return await self.wait(timeout)
        self.signal(signal.SIGKILL)
        return await self.wait(5)

    def tail(self, lines: int = 60) -> str:
        """The end of its log."""
        if not self.log.exists():
            return "(no log)"
        return "\n".join(self.log.read_text(encoding="utf-8", errors="replace").splitlines()[-lines:])

    def failure(self, sentence: str) -> ProcessFailed:
        """An error that says what happened and shows the log."""
        return ProcessFailed(f"{self.name}: {sentence} (exit status {self.returncode})\n{self.tail()}")
