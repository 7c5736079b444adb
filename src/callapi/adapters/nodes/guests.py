"""Legs between nodes: a call of one node is at a conference, or an agent at a queue, of another.

The node that is visited expects the guest: it gives out an address that can be called once, and soon. Both ends of such
a leg are calls on a bus of their own: they have no records and no callbacks, for the call itself has them.
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any, Final

from msgspec.structs import replace

from callapi.base.ids import CallSid
from callapi.base.listen_address import parse_listen_address
from callapi.base.values import SrtpPolicy
from callapi.calls.call import Call
from callapi.calls.live import LiveCalls
from callapi.calls.parameters import Parameters
from callapi.calls.placing.addresses import sip_address
from callapi.calls.placing.placement import InboundCall, Placement
from callapi.calls.status import CallStatus, Ending
from callapi.cluster import Member
from callapi.sip import InboundSession, NameAddr, Request, SipUri
from callapi.store import CallRecord, NodeEntry

EXPECTED_S: Final = 10.0
MAX_EXPECTED: Final = 1000


@dataclass(frozen=True, slots=True)
class Expected:
    """A guest that may come: in the name of which call, what it does, and what is done if it does not come."""

    record: CallRecord
    sip: Parameters
    story: Callable[[Call], Coroutine[Any, Any, None]]
    missed: Callable[[], None]


class Guests:
    """The legs of this node from and to others."""

    def __init__(self, member: Member) -> None:
        self._member = member
        self._legs: LiveCalls | None = None
        self._expected: dict[str, Expected] = {}
        self._between: dict[Call, NodeEntry] = {}

    def open(self, legs: LiveCalls) -> None:
        """Have `legs` on a bus of their own."""
        self._legs = legs

    # --- to another node --------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def leg(
        self, host: NodeEntry, user: str, record: CallRecord, sid: CallSid | None = None
    ) -> AsyncIterator[Call]:
        """A leg to the guest's address `user` at `host` for the call of `record`; it ends if `host` does.

        `sid` is what the call that it is joined with shows as the other side. The caller ends the leg.
        """
        assert self._legs is not None  # noqa: S101 - calls come after `open`
        placement = _placement(host, user, record)
        draft = self._legs.draft(placement)
        leg = self._legs.place(placement, record=replace(draft, sid=sid) if sid is not None else draft)
        self._between[leg] = host
        try:
            yield leg
        finally:
            del self._between[leg]

    async def watch(self) -> None:
        """End the legs from and to nodes that are gone, until cancelled."""
        while True:
            await self._member.readings.wait()
            for leg, other in list(self._between.items()):
                now = self._member.membership.running(other.name)
                if now is None or now.epoch != other.epoch:
                    leg.hang_up(f"the node {other.name} is gone")

    # --- from another node ------------------------------------------------------------------------------------------

    @property
    def is_full(self) -> bool:
        """Whether too many guests are on their way already."""
        return len(self._expected) >= MAX_EXPECTED

    def expect(self, guest: Expected) -> str:
        """The user of the address that `guest` may call once, within `EXPECTED_S`."""
        user = f"guest-{secrets.token_hex(16)}"
        self._expected[user] = guest
        asyncio.get_running_loop().call_later(EXPECTED_S, self.forget, user)
        return user

    def forget(self, user: str) -> None:
        """A guest does not come after all, or not in time. Harmless if it has come."""
        if (guest := self._expected.pop(user, None)) is not None:
            guest.missed()

    def is_expected(self, request: Request) -> bool:
        """Whether an INVITE is that of a guest: it is admitted whatever limits there are, its call has passed them."""
        return isinstance(request.uri, SipUri) and request.uri.user in self._expected

    def receive(self, session: InboundSession) -> bool:
        """Take the session of a guest; False: it is not one. Raises as `LiveCalls.admit`."""
        uri = session.request.uri
        guest = self._expected.pop(uri.user or "", None) if isinstance(uri, SipUri) else None
        if guest is None or self._legs is None:
            return False
        record, legs = guest.record, self._legs
        arrival = InboundCall(
            record.account_sid, record.from_, record.to, None, None, guest.sip, srtp=SrtpPolicy.OFF
        )
        try:
            leg = legs.admit(session, arrival).leg
        except BaseException:
            guest.missed()
            raise
        shown = replace(record, status=CallStatus.RINGING.value, status_callback=None)
        call = Call(shown, leg, legs.bus, guest.sip)
        visit = _Visit(guest, call)
        call.ended.then(visit.ended)
        legs.start(call, partial(self._live, visit))
        return True

    async def _live(self, visit: "_Visit") -> None:
        visit.has_begun = True
        if (asker := self._member.membership.running(visit.guest.record.node)) is not None:
            self._between[visit.call] = asker
        try:
            await visit.guest.story(visit.call)
        finally:
            self._between.pop(visit.call, None)


class _Visit:
    """A guest that has come. Its leg may end before its story begins: then it has not come after all."""

    def __init__(self, guest: Expected, call: Call) -> None:
        self.guest = guest
        self.call = call
        self.has_begun = False

    def ended(self, _: Ending) -> None:
        """The leg is over."""
        if not self.has_begun:
            self.guest.missed()


def _placement(host: NodeEntry, user: str, record: CallRecord) -> Placement:
    where = parse_listen_address(host.sip)
    # A node that listens on every address is found where its HTTP server is.
    name = where.host if where.host not in {"0.0.0.0", "::"} else _host_of(host.http)  # noqa: S104
    transport = "" if where.scheme == "udp" else f";transport={where.scheme}"
    address = where._replace(host=name, scheme="").host_port
    return Placement(
        account_sid=record.account_sid,
        direction="outbound-dial",
        address=sip_address(f"sip:{user}@{address}{transport}"),
        from_=NameAddr(None, SipUri.parse(f"sip:callapi@{address}"), ()),
        from_name=record.from_,
        to_name=record.to,
        srtp=SrtpPolicy.OFF,
    )


def _host_of(url: str) -> str:
    return url.partition("://")[2].rpartition(":")[0].strip("[]")
