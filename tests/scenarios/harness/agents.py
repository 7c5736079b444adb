"""Agents that others wrote: pipecat, Twilio's agent-connect, OpenAI's transport. Programs beside the product.

`make agents` puts them into an environment of their own (`.venv/agents`), and what runs on Node.js into
`tests/scenarios/agents/node_modules`.
"""

import shutil
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path

import pytest

from tests.scenarios.harness.process import ManagedProcess
from tests.scenarios.harness.waiting import eventually

PROGRAMS = Path(__file__).parents[1] / "agents"
PYTHON = Path(sys.prefix) / "agents/bin/python"
NODE = shutil.which("node")


@cache
def _has(module: str) -> bool:
    """Whether the agents' environment has `module`."""
    probe = f"import importlib.util as u, sys; sys.exit(u.find_spec('{module}') is None)"
    return PYTHON.exists() and subprocess.run([PYTHON, "-c", probe], check=False).returncode == 0


def needs(module: str) -> pytest.MarkDecorator:
    """Skip where the agents' environment lacks the Python module."""
    return pytest.mark.skipif(
        not _has(module), reason=f"{module} is not in .venv/agents (`make agents` does it)"
    )


def needs_node(package: str) -> pytest.MarkDecorator:
    """Skip where Node.js or the package is missing."""
    is_there = NODE is not None and (PROGRAMS / "node_modules" / package).is_dir()
    return pytest.mark.skipif(
        not is_there, reason=f"{package} is not installed (`make agents` does it, with npm)"
    )


class Agent:
    """An application that runs as a process of its own, and prints what happens to it."""

    def __init__(self, process: ManagedProcess) -> None:
        self._process = process

    def lines(self, start: str) -> list[str]:
        """What it has printed that begins so, without the beginning."""
        found = self._process.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return [line.removeprefix(start).strip() for line in found if line.startswith(start)]

    async def says(self, start: str, timeout: float = 20, count: int = 1) -> str:
        """The `count`-th such line, once there is one."""
        try:
            await eventually(
                f"{start!r} of the agent, {count} times",
                lambda: len(self.lines(start)) >= count,
                timeout=timeout,
            )
        except AssertionError as error:
            raise self._process.failure(str(error)) from error
        return self.lines(start)[count - 1]


@asynccontextmanager
async def agent(
    program: str, folder: Path, environ: dict[str, str], *arguments: str, ready: str = "Uvicorn running"
) -> AsyncIterator[Agent]:
    """Run it until it says that it listens on the port that is its first argument."""
    command: Sequence[str] = [str(PYTHON), "-u"] if program.endswith(".py") else [NODE or "node"]
    command = [*command, str(PROGRAMS / program), *arguments]
    async with ManagedProcess(program, command, folder / f"{program}.log", environ) as process:
        running = Agent(process)
        await eventually(
            f"{program} listens",
            lambda: ready in process.tail() or process.returncode is not None,
            timeout=60,
        )
        assert process.returncode is None, process.failure("ended while it started")
        yield running
