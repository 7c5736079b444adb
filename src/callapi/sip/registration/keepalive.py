"""Keep-alive of phones behind a NAT: an OPTIONS to each at an interval, so that the NAT keeps its mapping.

A phone that has answered before and no longer does is silent: it is not rung until it answers or registers anew. A
phone that has never answered counts as present while its registration lasts, since some phones ignore OPTIONS.
"""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from time import monotonic
from typing import Final, Protocol

from callapi.sip.endpoint.options import OutboundRequest
from callapi.sip.errors import ParseError
from callapi.sip.messages.headers import NameAddr
from callapi.sip.messages.message import Response
from callapi.sip.messages.uri import SipUri, Transport
from callapi.sip.registration.bindings import Binding
from callapi.sip.routing.nat import is_behind_nat
from callapi.sip.transport import Hop

log = logging.getLogger(__name__)

EVERY_S: Final = 25.0
"""Common NATs forget a UDP flow after 30 seconds of silence."""
MAX_FLOWS: Final = 4096
SILENT_AFTER: Final = 2
"""Unanswered in a row; each was repeated for 32 s, or met a closed port."""
_NO_ANSWER: Final = frozenset({408, 503})


class RequestSender(Protocol):
    """The endpoint: what sends the OPTIONS."""

    async def request(self, request: OutboundRequest) -> Response:
        """Send a request and wait for its answer; 408 for none, 503 for a closed port."""


@dataclass(slots=True)
class _Flow:
    """The path to one binding; `due_at` is on the monotonic clock."""

    contact: SipUri
    hop: Hop
    expires_at: float
    due_at: float
    is_asked: bool = False
    has_answered: bool = False
    unanswered: int = 0

    def answered(self, status: int) -> None:
        """The final response to an OPTIONS."""
        if status in _NO_ANSWER:
            self.unanswered += 1
        else:
            self.has_answered, self.unanswered = True, 0


class KeepAlive:
    """The bindings that need keep-alives, and the task that sends them; at most `MAX_FLOWS`, the oldest are dropped."""

    def __init__(
        self,
        identity: NameAddr,
        clock: Callable[[], float],
        *,
        every_s: float = EVERY_S,
        timer: Callable[[], float] = monotonic,
    ) -> None:
        """`identity` is the From; `clock` is that of the bindings, `timer` one that never jumps."""
        self._identity = identity
        self._clock = clock
        self._timer = timer
        self._every_s = every_s
        self._flows: OrderedDict[tuple[str, str], _Flow] = OrderedDict()  # in the order in which they are due
        self._of: dict[str, tuple[str, ...]] = {}

    def __len__(self) -> int:
        return len(self._flows)

    def watch(self, login: str, bindings: Iterable[Binding], *, at_once: bool = False) -> None:
        """Replace the bindings of a client; `at_once`, at the start of the node: ask now, not after an interval."""
        before = {contact: self._flows.pop((login, contact), None) for contact in self._of.pop(login, ())}
        kept = []
        for binding in bindings:
            if (way := _way_to(binding)) is None:
                continue
            due_at = self._timer() + (0.0 if at_once else self._every_s)
            known = before.get(binding.contact)
            self._flows[login, binding.contact] = _Flow(
                *way, binding.expires_at, due_at, has_answered=known is not None and known.has_answered
            )
            kept.append(binding.contact)
        if kept:
            self._of[login] = tuple(kept)
        while len(self._flows) > MAX_FLOWS:
            (other, contact), _ = self._flows.popitem(last=False)
            self._forget(other, contact)

    def is_silent(self, login: str, contact: str) -> bool:
        """Whether the phone at this binding used to answer and does not any more."""
        flow = self._flows.get((login, contact))
        return flow is not None and flow.has_answered and flow.unanswered >= SILENT_AFTER

    async def run(self, sender: RequestSender) -> None:
        """Send keep-alives until cancelled, at most `MAX_FLOWS` an interval."""
        async with asyncio.TaskGroup() as asking:
            while True:
                key, flow = next(iter(self._flows.items()), (None, None))
                wait_s = flow.due_at - self._timer() if flow is not None else self._every_s
                if key is None or flow is None or wait_s > 0:
                    await asyncio.sleep(wait_s)
                    continue
                self._keep_alive(key, flow, asking, sender)
                await asyncio.sleep(self._every_s / MAX_FLOWS)

    def _keep_alive(
        self, key: tuple[str, str], flow: _Flow, asking: asyncio.TaskGroup, sender: RequestSender
    ) -> None:
        if flow.expires_at <= self._clock():
            del self._flows[key]
            self._forget(*key)
            return
        flow.due_at = self._timer() + self._every_s
        self._flows.move_to_end(key)
        if not flow.is_asked:  # the one before is still being repeated, which keeps the mapping as well
            flow.is_asked = True
            asking.create_task(self._ask(sender, flow))

    def _forget(self, login: str, contact: str) -> None:
        left = tuple(each for each in self._of.get(login, ()) if each != contact)
        if left:
            self._of[login] = left
        else:
            self._of.pop(login, None)

    async def _ask(self, sender: RequestSender, flow: _Flow) -> None:
        to = NameAddr(None, flow.contact, ())
        response = await sender.request(
            OutboundRequest("OPTIONS", flow.contact, self._identity, to, flow=flow.hop)
        )
        flow.is_asked = False
        flow.answered(response.status)
        log.debug("keep-alive of %s by %s: %d", flow.contact, flow.hop, response.status)


def _way_to(binding: Binding) -> tuple[SipUri, Hop] | None:
    try:
        contact, source = SipUri.parse(binding.contact).without_headers(), Hop.parse(binding.source)
    except ParseError:
        return None
    is_due = source.transport is Transport.UDP and not binding.path and is_behind_nat(contact, source)
    return (contact, source) if is_due else None
