"""Real sockets and the real clock through a relay that loses, repeats and reorders: every call completes."""

import asyncio
from random import Random
from typing import cast

from callapi.sip.endpoint import Endpoint, EndpointOptions, OutboundInvite
from callapi.sip.events import Accepted, Confirmed, Ended, SessionEvent
from callapi.sip.messages.headers import NameAddr
from callapi.sip.messages.uri import SipUri
from callapi.sip.session import InboundSession, Session
from tests.sip.endpoint.calls import ALICE, ANSWER, OFFER

CALLS = 40
LOSS, DUPLICATION, DELAY = 0.1, 0.1, 0.05


class Relay(asyncio.DatagramProtocol):
    """Carries datagrams between the one who calls and one target, as badly as the test asks."""

    def __init__(self, target: tuple[str, int]) -> None:
        self.target = target
        self.caller: tuple[str, int] | None = None
        self.random = Random(20)
        self.route = ""
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.DatagramTransport", transport)
        host, port = transport.get_extra_info("sockname")
        self.route = f"<sip:{host}:{port};lr>"

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if data.startswith(b"INVITE "):
            # As a proxy that wants to see the whole dialog.
            data = data.replace(b"\r\nFrom:", f"\r\nRecord-Route: {self.route}\r\nFrom:".encode(), 1)
        if addr != self.target:
            self.caller = addr
        towards = self.caller if addr == self.target else self.target
        for _ in range(1 + (self.random.random() < DUPLICATION)):
            if self.random.random() >= LOSS and towards is not None:
                asyncio.get_running_loop().call_later(
                    self.random.random() * DELAY, self._deliver, data, towards
                )

    def _deliver(self, data: bytes, towards: tuple[str, int]) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.sendto(data, towards)


async def read(session: Session, events: list[SessionEvent]) -> None:
    async for event in session.events:
        events.append(event)
        if isinstance(event, Accepted):
            await asyncio.sleep(2 * DELAY)  # else the BYE may be faster than the ACK
            session.hang_up()


async def test_every_call_completes() -> None:
    ours: list[list[SessionEvent]] = []
    theirs: list[list[SessionEvent]] = []
    async with Endpoint(EndpointOptions()) as alice, Endpoint(EndpointOptions()) as bob:
        host, _, port = bob.listening[0].removeprefix("udp://").partition(":")
        transport, relay = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Relay((host, int(port))), local_addr=("127.0.0.1", 0)
        )
        route = NameAddr.parse(relay.route)
        uri = SipUri.parse(f"sip:bob@{host}:{port}")

        def take(session: InboundSession) -> list[SessionEvent]:
            session.ring()
            session.accept(ANSWER)
            theirs.append([])
            return theirs[-1]

        async with asyncio.TaskGroup() as tasks:

            async def serve() -> None:
                async for session in bob.incoming():
                    tasks.create_task(read(session, take(session)))

            serving = tasks.create_task(serve())
            async with asyncio.TaskGroup() as calls:
                for _ in range(CALLS):
                    ours.append([])
                    session = alice.invite(
                        OutboundInvite(uri, ALICE, NameAddr(None, uri), body=OFFER, routes=(route,))
                    )
                    calls.create_task(read(session, ours[-1]))
            async with asyncio.timeout(20):
                while sum(isinstance(each[-1], Ended) for each in theirs if each) < len(theirs):  # noqa: ASYNC110
                    await asyncio.sleep(0.05)
            serving.cancel()
        transport.close()
        assert [alice.statistics.faults, bob.statistics.faults] == [0, 0]
        assert alice.statistics.retransmissions > 0
    assert all(any(isinstance(event, Accepted) for event in events) for events in ours)
    assert all(isinstance(events[-1], Ended) and events[-1].status == 200 for events in ours)
    assert len(theirs) == CALLS
    assert all(isinstance(events[-1], Ended) for events in theirs)
    assert sum(isinstance(events[0], Confirmed) for events in theirs) >= CALLS * 0.8
