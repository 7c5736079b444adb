"""Children that are forked by a program which has imported the product already: `forking_parent.py`."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final, Self

_PROGRAM: Final = Path(__file__).with_name("forking_parent.py")
_MAX_ANSWER: Final = 1_000
_BEFORE_IMPORTS: Final = ("LD_", "PYTHON", "MALLOC_", "GLIBC_", "OPENBLAS_", "OMP_")
"""Variables that the loader, the interpreter and libraries read when they start: these need a program of their own."""
_ENVIRON: Final = dict(os.environ)
"""What this process was started with, before any test has changed it: the program that forks has the same."""


class ForkedProcess:
    """One child, as `asyncio.subprocess.Process` shows its own."""

    def __init__(self, pid: int, pidfd: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._pidfd = pidfd
        self._ended = asyncio.Event()

    async def wait(self) -> int:
        """Wait for its end; its exit status, or the negative number of the signal that ended it."""
        await self._ended.wait()
        assert self.returncode is not None
        return self.returncode

    def send_signal(self, number: signal.Signals) -> None:
        """Send it a signal."""
        if self.returncode is None:
            signal.pidfd_send_signal(self._pidfd, number)

    def end(self, status: int) -> None:
        """It has ended with this status."""
        self.returncode = status
        os.close(self._pidfd)
        self._ended.set()


class ForkingParent:
    """`async with ForkingParent() as parent`; its program starts with the first child."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._socket: socket.socket | None = None
        self._asked: deque[asyncio.Future[ForkedProcess]] = deque()
        self._children: dict[int, ForkedProcess] = {}
        self._starting = asyncio.Lock()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._socket is not None and self._process is not None:
            asyncio.get_running_loop().remove_reader(self._socket)
            self._socket.close()
            await self._process.wait()

    @staticmethod
    def can_start(arguments: Sequence[str], environ: Mapping[str, str]) -> bool:
        """Whether a fork is what `exec` of these would be."""
        own = {name: value for name, value in environ.items() if name.startswith(_BEFORE_IMPORTS)}
        given = {name: value for name, value in _ENVIRON.items() if name.startswith(_BEFORE_IMPORTS)}
        return Path(arguments[0]).name == "callapi" and own == given

    async def start(
        self, arguments: Sequence[str], environ: Mapping[str, str], folder: Path | None, log: int
    ) -> ForkedProcess:
        """Fork a child that becomes the command `arguments`; what it prints goes to the descriptor `log`."""
        async with self._starting:
            if self._socket is None:
                self._socket = await self._started()
        loop = asyncio.get_running_loop()
        asked: asyncio.Future[ForkedProcess] = loop.create_future()
        self._asked.append(asked)
        request = {
            "arguments": list(arguments),
            "environ": dict(environ),
            "folder": str(folder) if folder else None,
        }
        socket.send_fds(self._socket, [json.dumps(request).encode()], [log])
        return await asked

    async def _started(self) -> socket.socket:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-P",
                str(_PROGRAM),
                str(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL,
                env=_ENVIRON,
                pass_fds=[theirs.fileno()],
            )
        asyncio.get_running_loop().add_reader(ours, self._read, ours)
        return ours

    def _read(self, ours: socket.socket) -> None:
        message, descriptors, _, _ = socket.recv_fds(ours, _MAX_ANSWER, 1)
        if not message:
            asyncio.get_running_loop().remove_reader(ours)
            for asked in self._asked:
                asked.set_exception(ConnectionError("the program that forks nodes has ended"))
            return
        answer: dict[str, int] = json.loads(message)
        if "status" in answer:
            self._children.pop(answer["pid"]).end(answer["status"])
            return
        child = self._children[answer["pid"]] = ForkedProcess(answer["pid"], descriptors[0])
        asked = self._asked.popleft()
        if asked.cancelled():
            child.send_signal(signal.SIGKILL)
        else:
            asked.set_result(child)
