"""Names to addresses as the operating system does it (`/etc/hosts`, search domains), in threads of our own.

A name whose servers are down blocks its thread for many seconds. The loop's default pool may have four threads,
so a few such names would block every other user of it; this pool is separate, and callers keep their own limit.
"""

import asyncio
import socket
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from socket import AddressFamily, SocketKind
from typing import Any, Final, Protocol

AddressInfo = tuple[AddressFamily | int, SocketKind | int, int, str, tuple[Any, ...]]
"""As `socket.getaddrinfo` returns it: family, kind, protocol, canonical name, socket address."""

_THREADS: Final = 32


class Resolver(Protocol):
    """Looks up the addresses of host names."""

    async def resolve(
        self, host: str, port: int, family: AddressFamily = socket.AF_UNSPEC
    ) -> Sequence[AddressInfo]:
        """The addresses of `host`, an IP literal included; OSError if there are none."""

    async def close(self) -> None:
        """End all look-ups."""


class ThreadResolver:
    """`getaddrinfo` in a pool of threads. `close` does not wait for look-ups that hang."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="webhook-dns")

    async def resolve(
        self, host: str, port: int, family: AddressFamily = socket.AF_UNSPEC
    ) -> Sequence[AddressInfo]:
        """As Resolver."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _look_up, host, port, family)

    async def close(self) -> None:
        """Take no more look-ups."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int, family: AddressFamily) -> Sequence[AddressInfo]:
    try:
        return socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG)
    except UnicodeError as error:
        # The idna codec's way of saying that a label is empty or longer than 63 octets.
        raise socket.gaierror(socket.EAI_NONAME, f"{host!r} is not a host name") from error
