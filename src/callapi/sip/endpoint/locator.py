"""Where requests go and what we call ourselves there: next hops of a URI (RFC 3263), and our Contact towards a hop."""

import asyncio
from collections.abc import Callable, Coroutine

from callapi.sip.errors import ResolutionError
from callapi.sip.messages.uri import SipUri, Transport, Uri, escape_user, format_host_port
from callapi.sip.routing.hops import literal_hop
from callapi.sip.routing.resolver import Resolver
from callapi.sip.transport import Hop
from callapi.sip.transport.port import TransportPort

MAX_TASKS = 2048

HopsFound = Callable[[tuple[Hop, ...], str], None]
"""Called with the next hops in order of preference and, if there are none, why."""


class TaskSet:
    """The tasks of an endpoint: bounded in number, cancelled when it stops."""

    __slots__ = ("_is_open", "_tasks")

    def __init__(self) -> None:
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_open = True

    def spawn(self, work: Coroutine[None, None, None]) -> bool:
        """Run a task; False, and it was not started, when there are too many or the endpoint has stopped."""
        if len(self._tasks) >= MAX_TASKS or not self._is_open:
            work.close()
            return False
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return True

    async def close(self) -> None:
        """Cancel every task and start no more."""
        self._is_open = False
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


class Locator:
    """Finds next hops and our own Contact."""

    __slots__ = ("_contacts", "_resolver", "_tasks", "_transport")

    def __init__(self, resolver: Resolver, transport: TransportPort, tasks: TaskSet) -> None:
        self._resolver = resolver
        self._transport = transport
        self._tasks = tasks
        self._contacts: dict[tuple[Transport, bool], str] = {}  # what stands behind the user

    def resolve(self, uri: Uri, then: HopsFound) -> None:
        """Find next hops: at once for an IP address, else in a task."""
        try:
            hop = literal_hop(uri)
        except ResolutionError as error:
            then((), str(error))
            return
        if hop is not None:
            then((hop,), "")
        elif not self._tasks.spawn(self._resolve(uri, then)):
            then((), "too many names are being resolved")

    async def locate(self, uri: Uri) -> list[Hop]:
        """The next hops of a URI, at least one. Raises ResolutionError."""
        if not isinstance(uri, SipUri):
            raise ResolutionError(f"{uri}: not a SIP URI")
        return await self._resolver.resolve(uri)

    def contact_for(self, hop: Hop, user: str | None, *, is_secure: bool) -> str:
        """Our Contact towards a hop, as a header value: the listener that it can reach (RFC 3261 §8.1.1.8)."""
        where = (hop.transport, ":" in hop.host)
        found = self._contacts.get(where)
        if found is None:
            found = self._contacts[where] = self._reachable_at(hop)
        scheme = "sips" if is_secure else "sip"
        return f"<{scheme}:{escape_user(user)}@{found}>" if user is not None else f"<{scheme}:{found}>"

    async def _resolve(self, uri: Uri, then: HopsFound) -> None:
        try:
            hops = await self.locate(uri)
        except ResolutionError as error:
            then((), str(error))
        else:
            then(tuple(hops), "")

    def _reachable_at(self, hop: Hop) -> str:
        transport = hop.transport
        spoken = {address.transport for address in self._transport.listening}
        if spoken and transport not in spoken and not transport.is_websocket:
            transport = Transport.UDP if Transport.UDP in spoken else sorted(spoken)[0]
        sent_by = format_host_port(*self._transport.local_address(transport, hop.host))
        return sent_by if transport is Transport.UDP else f"{sent_by};transport={transport.uri_parameter}"
