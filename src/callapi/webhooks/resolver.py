"""Names to addresses as the operating system does it (`/etc/hosts`, search domains), in threads of our own.

A name whose servers are down blocks its thread for many seconds. The loop's default pool may have four threads,
so a few such names would block every other user of it; this pool is separate, and callers keep their own limit.
"""

import asyncio
import socket
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from aiohttp.abc import AbstractResolver, ResolveResult

_THREADS: Final = 32


class ThreadResolver(AbstractResolver):
    """`getaddrinfo` in a pool of threads. `close` does not wait for lookups that hang."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="webhook-dns")

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of `host`; OSError if there is none."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, _look_up, host, port, family)

    async def close(self) -> None:
        """Take no more lookups."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _look_up(host: str, port: int, family: socket.AddressFamily) -> list[ResolveResult]:
    try:
        found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM, 0, socket.AI_ADDRCONFIG)
    except UnicodeError as error:
        # The idna codec's way of saying that a label is empty or longer than 63 octets.
        raise socket.gaierror(socket.EAI_NONAME, f"{host!r} is not a host name") from error
    return [
        ResolveResult(
            hostname=host,
            host=str(sockaddr[0]),
            port=port,
            family=each_family,
            proto=protocol,
            flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
        )
        for each_family, _, protocol, _, sockaddr in found
    ]
