"""New connections: names looked up once in a while, addresses of both families tried as RFC 8305 asks, TLS."""

import asyncio
import socket
import ssl
from collections.abc import Callable, Sequence
from ipaddress import ip_address
from typing import Final

from aiohappyeyeballs import start_connection

from callapi.webhooks.client.connection import Connection
from callapi.webhooks.client.guard import open_public_socket
from callapi.webhooks.client.resolver import AddressInfo, Resolver
from callapi.webhooks.encoding import Origin

_NAMES_KEPT_S: Final = 10.0
_MAX_NAMES: Final = 1024
_NEXT_ADDRESS_AFTER_S: Final = 0.25


class Connector:
    """`tls` None: the system's certificate authorities. With `is_guarded` only public addresses are connected to."""

    def __init__(self, resolver: Resolver, tls: ssl.SSLContext | None, *, is_guarded: bool) -> None:
        self._resolver = resolver
        self._tls = tls
        self._socket_factory = open_public_socket if is_guarded else None
        self._names: dict[tuple[str, int], tuple[float, asyncio.Task[Sequence[AddressInfo]]]] = {}

    async def connect(self, origin: Origin, on_lost: Callable[[Connection], None]) -> Connection:
        """A new connection to `origin`, TLS included; OSError or ValueError if there is none."""
        found = await self._addresses(origin.host, origin.port)
        loop = asyncio.get_running_loop()
        opened = await start_connection(
            found,
            happy_eyeballs_delay=_NEXT_ADDRESS_AFTER_S,
            interleave=1,
            loop=loop,
            socket_factory=self._socket_factory,
        )
        is_secure = origin.scheme == "https"
        try:
            opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _, connection = await loop.create_connection(
                lambda: Connection(on_lost),
                sock=opened,
                ssl=self._context() if is_secure else None,
                server_hostname=origin.host.rstrip(".") if is_secure else None,
            )
        except BaseException:
            opened.close()
            raise
        return connection

    def close(self) -> None:
        """End the look-ups that are on their way."""
        for _, task in self._names.values():
            task.cancel()
        self._names.clear()

    def _context(self) -> ssl.SSLContext:
        if self._tls is None:
            self._tls = ssl.create_default_context()
            self._tls.set_alpn_protocols(["http/1.1"])
        return self._tls

    async def _addresses(self, host: str, port: int) -> Sequence[AddressInfo]:
        """Several that ask for one name at the same time share its look-up; what was found is kept for a while."""
        if (literal := _literal(host, port)) is not None:
            return (literal,)
        loop, key = asyncio.get_running_loop(), (host, port)
        until, task = self._names.get(key, (0.0, None))
        if task is None or loop.time() >= until:
            if len(self._names) >= _MAX_NAMES:
                self._names = {each: kept for each, kept in self._names.items() if not kept[1].done()}
            task = loop.create_task(self._look_up(host, port), name=f"look-up of {host}")
            task.add_done_callback(lambda done: done.cancelled() or done.exception())  # read, if only here
            self._names[key] = (loop.time() + _NAMES_KEPT_S, task)
        try:
            return await asyncio.shield(task)
        except OSError:
            if self._names.get(key, (0.0, None))[1] is task:
                del self._names[key]  # a failure is not kept
            raise

    async def _look_up(self, host: str, port: int) -> Sequence[AddressInfo]:
        found = await self._resolver.resolve(host, port)
        if not found:
            raise socket.gaierror(socket.EAI_NONAME, "it has no address")
        return found


def _literal(host: str, port: int) -> AddressInfo | None:
    try:
        address = ip_address(host)
    except ValueError:
        return None
    if address.version == 4:
        return socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port)
    return socket.AF_INET6, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (host, port, 0, 0)
