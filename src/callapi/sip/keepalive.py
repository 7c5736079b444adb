"""Keeps the way to phones behind a NAT open: an OPTIONS to each now and then, so that the NAT does not forget it."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable
from typing import Final, Protocol

from callapi.sip.endpoint.options import OutboundRequest
from callapi.sip.errors import ParseError
from callapi.sip.flows import is_behind_nat
from callapi.sip.headers import NameAddr
from callapi.sip.message import Response
from callapi.sip.registration import Binding
from callapi.sip.transport import Hop
from callapi.sip.uri import SipUri, Transport

log = logging.getLogger(__name__)

EVERY_S: Final = 25.0
"""Common NATs forget a UDP flow after 30 seconds of silence."""
MOST: Final = 4096
AT_A_TIME: Final = 64


class Asker(Protocol):
    """The endpoint, as far as it is needed here."""

    async def request(self, request: OutboundRequest) -> Response:
        """Send a request and wait for its answer."""


class KeepAlive:
    """The bindings that need it, and the task that attends to them; at most `MOST`, the oldest are let go."""

    def __init__(self, identity: NameAddr, clock: Callable[[], float], *, every_s: float = EVERY_S) -> None:
        """`identity` is the From; `clock` is that of the bindings."""
        self._identity = identity
        self._clock = clock
        self._every_s = every_s
        self._flows: OrderedDict[tuple[str, str], tuple[SipUri, Hop, float]] = OrderedDict()
        self._of: dict[str, tuple[str, ...]] = {}

    def __len__(self) -> int:
        return len(self._flows)

    def watch(self, login: str, bindings: Iterable[Binding]) -> None:
        """These are all bindings of a client now."""
        for contact in self._of.pop(login, ()):
            self._flows.pop((login, contact), None)
        kept = []
        for binding in bindings:
            found = _flow(binding)
            if found is not None:
                self._flows[login, binding.contact] = (*found, binding.expires_at)
                kept.append(binding.contact)
        if kept:
            self._of[login] = tuple(kept)
        while len(self._flows) > MOST:
            (other, contact), _ = self._flows.popitem(last=False)
            self._forget(other, contact)

    async def run(self, asker: Asker) -> None:
        """Attend to them until cancelled, spread over the interval."""
        async with asyncio.TaskGroup() as asking:
            places = asyncio.Semaphore(AT_A_TIME)
            while True:
                self._expire(self._clock())
                due = list(self._flows.items())
                pause = self._every_s / max(1, len(due))
                for (login, contact), (uri, hop, _) in due:
                    await places.acquire()
                    if (login, contact) in self._flows:
                        asking.create_task(self._ask(asker, uri, hop)).add_done_callback(
                            lambda _: places.release()
                        )
                    else:
                        places.release()
                    await asyncio.sleep(pause)
                if not due:
                    await asyncio.sleep(self._every_s)

    def _expire(self, now: float) -> None:
        for (login, contact), (_, _, expires_at) in list(self._flows.items()):
            if expires_at <= now:
                del self._flows[login, contact]
                self._forget(login, contact)

    def _forget(self, login: str, contact: str) -> None:
        left = tuple(each for each in self._of.get(login, ()) if each != contact)
        if left:
            self._of[login] = left
        else:
            self._of.pop(login, None)

    async def _ask(self, asker: Asker, uri: SipUri, hop: Hop) -> None:
        request = OutboundRequest("OPTIONS", uri, self._identity, NameAddr(None, uri, ()), flow=hop)
        response = await asker.request(request)
        log.debug("keep-alive of %s by %s: %d", uri, hop, response.status)


def _flow(binding: Binding) -> tuple[SipUri, Hop] | None:
    try:
        contact, source = SipUri.parse(binding.contact).without_headers(), Hop.parse(binding.source)
    except ParseError:
        return None
    is_due = source.transport is Transport.UDP and not binding.path and is_behind_nat(contact, source)
    return (contact, source) if is_due else None
