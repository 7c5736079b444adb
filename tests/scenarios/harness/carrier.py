"""A back-to-back user agent between the node and its peers: the B2BUA of Sippy, a program of its own."""

import socket
import sys
from pathlib import Path
from typing import Self

from tests.scenarios.harness.ports import free_port, is_taken
from tests.scenarios.harness.process import ManagedProcess
from tests.scenarios.harness.waiting import eventually

FOLDER = Path(sys.executable).parents[1] / "sippy"
"""Where `make carrier` puts it."""
IS_INSTALLED = (FOLDER / "sippy" / "b2bua_simple.py").exists()


class Carrier:
    """`async with Carrier(folder, "127.0.0.1:5080") as carrier`: each call that comes in goes on to that address."""

    def __init__(self, folder: Path, towards: str) -> None:
        self.port = free_port()
        arguments = [sys.executable, "-m", "sippy.b2bua_simple", "-f"]
        arguments += ["-l", "127.0.0.1", "-p", str(self.port), "-n", towards]
        self.process = ManagedProcess(
            "carrier", arguments, folder / f"carrier-{self.port}.log", {"PYTHONPATH": str(FOLDER)}
        )

    async def __aenter__(self) -> Self:
        await self.process.start()
        await eventually("the carrier to listen", self._listens, 15)
        return self

    def _listens(self) -> bool:
        if self.process.returncode is not None:
            raise self.process.failure("ended")
        return is_taken(socket.SOCK_DGRAM, self.port)

    async def __aexit__(self, *_: object) -> None:
        await self.process.stop(timeout=1.0)

    def uri(self, user: str) -> str:
        """The SIP URI of a user there."""
        return f"sip:{user}@127.0.0.1:{self.port}"
