"""A place beyond two cables: a network namespace with one link for calls and one for the database, which can be cut.

Needs root (or CAP_NET_ADMIN) and iproute2, in a network of the test's own.
"""

import asyncio
import os
import shutil
import subprocess
from typing import Final, Self

from tests.conftest import IS_ISOLATED

PROGRAM: Final = shutil.which("ip") or shutil.which("ip", path="/usr/sbin:/sbin")
IS_POSSIBLE: Final = IS_ISOLATED and PROGRAM is not None and os.geteuid() == 0
NEAR: Final = "10.77.1.1"
"""This side of the cable for calls."""
FAR: Final = "10.77.1.2"
"""The other side."""
DATABASE: Final = "10.77.2.1"
"""Where the database is to be found from the other side."""


class Partition:
    """`async with Partition() as place`; what starts with `place.prefix` runs on the other side."""

    async def __aenter__(self) -> Self:
        script = "echo apart; exec sleep 3600"
        self._holder = await asyncio.create_subprocess_exec(
            "unshare", "--net", "sh", "-c", script, stdout=subprocess.PIPE
        )
        assert self._holder.stdout is not None
        assert await self._holder.stdout.readline() == b"apart\n"
        for cable, near, far in (
            ("calls", f"{NEAR}/24", f"{FAR}/24"),
            ("database", f"{DATABASE}/24", "10.77.2.2/24"),
        ):
            _ip("link", "add", cable, "type", "veth", "peer", "name", cable, "netns", str(self._holder.pid))
            _ip("addr", "add", near, "dev", cable)
            _ip("link", "set", cable, "up")
            self._there("addr", "add", far, "dev", cable)
            self._there("link", "set", cable, "up")
        self._there("link", "set", "lo", "up")
        return self

    async def __aexit__(self, *_: object) -> None:
        self._holder.kill()
        await self._holder.wait()
        for cable in ("calls", "database"):
            _remove(cable)

    @property
    def prefix(self) -> tuple[str, ...]:
        """What a command line begins with that is to run there."""
        return "nsenter", f"--net=/proc/{self._holder.pid}/ns/net", "--"

    def _there(self, *arguments: str) -> None:
        subprocess.run([*self.prefix, str(PROGRAM), *arguments], check=True, capture_output=True)

    def add_address(self, address: str) -> None:
        """One more address on this side, to be reached from there."""
        _ip("addr", "add", f"{address}/32", "dev", "lo")

    def cut(self) -> None:
        """Pull the cable to the database: packets are lost in silence."""
        _ip("link", "set", "database", "down")

    def mend(self) -> None:
        """Plug it in again."""
        _ip("link", "set", "database", "up")


def _remove(cable: str) -> None:
    """It may have gone with the namespace of its other end."""
    subprocess.run([str(PROGRAM), "link", "del", cable], check=False, capture_output=True)


def _ip(*arguments: str) -> None:
    subprocess.run([str(PROGRAM), *arguments], check=True, capture_output=True)
