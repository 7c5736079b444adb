"""Two endpoints on real sockets, and the little that most tests do with them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from callapi.sip.endpoint import Endpoint, EndpointOptions, OutboundInvite, Traced
from callapi.sip.events import Ended, SessionEvent
from callapi.sip.messages.headers import NameAddr
from callapi.sip.messages.message import Request
from callapi.sip.messages.uri import SipUri
from callapi.sip.session import InboundSession, OutboundSession, Session

OFFER, ANSWER = b"v=0\r\no=offer", b"v=0\r\no=answer"
ALICE = NameAddr.parse('"Alice" <sip:alice@127.0.0.1>')


class Tape:
    """What an endpoint sent and received, as short words: `>INVITE`, `<180`."""

    def __init__(self) -> None:
        self.all: list[Traced] = []

    def __call__(self, traced: Traced) -> None:
        self.all.append(traced)

    @property
    def words(self) -> list[str]:
        return [f"{'>' if one.direction == 'sent' else '<'}{_word(one)}" for one in self.all]

    def messages(self, word: str) -> list[Traced]:
        return [one for one, its in zip(self.all, self.words, strict=True) if its == word]

    def requests(self, method: str) -> list[Request]:
        return [
            one.message
            for one in self.all
            if isinstance(one.message, Request) and one.message.method == method
        ]


def _word(traced: Traced) -> str:
    return traced.message.method if isinstance(traced.message, Request) else str(traced.message.status)


@dataclass
class Pair:
    """A calling and a called endpoint."""

    alice: Endpoint
    bob: Endpoint
    alices: Tape
    bobs: Tape

    def uri(self, user: str = "bob") -> SipUri:
        return uri_of(self.bob, user)

    def call(self, **options: object) -> OutboundSession:
        given = {"body": OFFER, **options}
        uri = self.uri()
        return self.alice.invite(OutboundInvite(uri, ALICE, NameAddr(None, uri), **given))  # type: ignore[arg-type]

    async def arrival(self) -> InboundSession:
        return await arrival(self.bob)

    async def talk(self, **options: object) -> tuple[OutboundSession, InboundSession]:
        """An answered call; its first events are read."""
        outbound = self.call(**options)
        inbound = await self.arrival()
        inbound.accept(ANSWER)
        await outbound.next_event()
        await inbound.next_event()
        return outbound, inbound


async def arrival(endpoint: Endpoint) -> InboundSession:
    """The next call that comes."""
    async for session in endpoint.incoming():
        return session
    raise AssertionError("no call came")


def uri_of(endpoint: Endpoint, user: str = "bob") -> SipUri:
    transport, _, where = endpoint.listening[0].partition("://")
    parameter = "" if transport == "udp" else f";transport={transport}"
    return SipUri.parse(f"sip:{user}@{where}{parameter}")


@asynccontextmanager
async def pair(transport: str = "udp", **options: object) -> AsyncIterator[Pair]:
    listen = (f"{transport}://127.0.0.1:0",)
    alices, bobs = Tape(), Tape()
    async with (
        Endpoint(EndpointOptions(listen=listen), trace=alices) as alice,
        Endpoint(EndpointOptions(listen=listen, **options), trace=bobs) as bob,  # type: ignore[arg-type]
    ):
        both = Pair(alice, bob, alices, bobs)
        yield both
        for endpoint in (alice, bob):
            assert endpoint.statistics.faults == 0


async def ending(session: Session) -> tuple[list[SessionEvent], Ended]:
    """All events up to the end."""
    events: list[SessionEvent] = []
    async with asyncio.timeout(10):
        events.extend([event async for event in session.events])
    last = events[-1]
    assert isinstance(last, Ended)
    return events[:-1], last


async def settled(tape: Tape, word: str, count: int = 1) -> None:
    """Wait until a message was seen so many times."""
    async with asyncio.timeout(10):
        while tape.words.count(word) < count:  # noqa: ASYNC110 - the tape has no event
            await asyncio.sleep(0.005)
