"""Two endpoints over a bad network, in virtual time: whatever is lost, both ends come to the same end."""

import asyncio
import contextlib
from random import Random

import pytest

from callapi.sip.endpoint import Endpoint, OutboundInvite
from callapi.sip.errors import LocalProtocolError
from callapi.sip.events import (
    Accepted,
    Confirmed,
    Ended,
    OfferReceived,
    OfferRequested,
    Provisional,
    Refused,
    SessionEvent,
)
from callapi.sip.messages.headers import NameAddr
from callapi.sip.messages.uri import SipUri
from callapi.sip.session import InboundSession, OutboundSession, Session
from tests.sip.endpoint.netem import Network, Weather
from tests.virtual_time import run

ALICE = NameAddr.parse("<sip:alice@10.0.0.1>")
BOB = NameAddr.parse("<sip:bob@10.0.0.2>")
BOB_URI = SipUri.parse("sip:bob@10.0.0.2")


class Story:
    """One party of a call that does what its dice say."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.events: list[SessionEvent] = []
        self.session: Session | None = None

    async def pause(self, longest: float = 3.0) -> None:
        await asyncio.sleep(self.random.choice((0.0, 0.02, longest)) * self.random.random())

    async def listen(self, session: Session) -> None:
        self.session = session
        async for event in session.events:
            self.events.append(event)
            match event:
                case OfferReceived() | OfferRequested():
                    await self.pause(1.0)
                    if self.random.random() < 0.8:
                        session.answer_offer(b"answer")
                    elif self.random.random() < 0.9:
                        session.refuse_offer(488)
                case Accepted() if isinstance(session, OutboundSession) and not session.request.body:
                    session.acknowledge(b"late answer")
                case _:
                    pass

    async def talk(self, session: Session) -> None:
        for _ in range(self.random.randrange(4)):
            await self.pause()
            if session.is_ended:
                return
            what = self.random.random()
            with contextlib.suppress(LocalProtocolError):  # an offer of ours may still be open
                if what < 0.5:
                    session.offer(b"new offer")
                elif what < 0.7:
                    session.send_info("text/plain", b"hello")

    async def answer(self, session: InboundSession) -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.listen(session))
            await self.pause(0.5)
            for _ in range(self.random.randrange(3)):
                if not session.is_ended:
                    body = b"early answer" if self.random.random() < 0.5 else b""
                    session.ring(self.random.choice((180, 183)), body=body)
                await self.pause(2.0)
            if session.is_ended:
                return
            if self.random.random() < 0.2:
                session.refuse(486)
                return
            session.accept(b"answer")
            await self.talk(session)
            if self.random.random() < 0.5:
                await self.pause()
                session.hang_up()

    async def call(self, endpoint: Endpoint, *, has_offer: bool) -> None:
        session = endpoint.invite(OutboundInvite(BOB_URI, ALICE, BOB, body=b"offer" if has_offer else b""))
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.listen(session))
            await self.pause(4.0)
            if self.random.random() < 0.3:
                session.hang_up()
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(60):
                    while not session.is_ended and not session.is_answered:  # noqa: ASYNC110
                        await asyncio.sleep(0.1)
            await self.talk(session)
            await self.pause(10.0)
            session.hang_up()


async def one_call(seed: int, weather: Weather) -> tuple[Story, Story, Network]:
    random = Random(seed)
    network = Network(weather, Random(seed))
    caller, callee = Story(random), Story(random)
    async with network.endpoint("10.0.0.1") as alice, network.endpoint("10.0.0.2") as bob:

        async def accept_calls(tasks: asyncio.TaskGroup) -> None:
            async for session in bob.incoming():
                if callee.session is None:
                    tasks.create_task(callee.answer(session))
                else:
                    session.refuse(500)  # an INVITE that came later than RFC 6026 waits for it (timer L)

        async with asyncio.TaskGroup() as tasks:
            accepting = tasks.create_task(accept_calls(tasks))
            await caller.call(alice, has_offer=random.random() < 0.8)
            await asyncio.sleep(200)
            accepting.cancel()
        await asyncio.sleep(100)
        for endpoint in (alice, bob):
            left = (endpoint.live_sessions, endpoint.live_transactions, len(endpoint.driver.timers))
            assert left == (0, 0, 0), network.ladder()
            assert not endpoint.driver._by_hop
            assert not endpoint.driver.table._merges
            assert endpoint.statistics.faults == 0, network.ladder()
    return caller, callee, network


def check(caller: Story, callee: Story, network: Network) -> None:
    for story in (caller, callee):
        ends = [event for event in story.events if isinstance(event, Ended)]
        assert len(ends) == (1 if story.session is not None else 0), network.ladder()
        if ends:
            assert story.events[-1] is ends[0]
    assert caller.session is not None
    names = [type(event) for event in caller.events]
    assert names.count(Accepted) + names.count(Refused) <= 1, network.ladder()
    if Accepted in names:
        assert callee.session is not None
        assert callee.session.is_answered, network.ladder()
        # The order on the wire is the order of the tale: nothing provisional after the answer.
        assert Provisional not in names[names.index(Accepted) :], network.ladder()
    if any(isinstance(event, Confirmed) for event in callee.events):
        assert Refused not in names, network.ladder()


WEATHERS = {
    "fine": Weather(),
    "lossy": Weather(loss=0.2, duplication=0.1, shortest=0.01, longest=0.3),
    "storm": Weather(loss=0.5, duplication=0.3, shortest=0.01, longest=2.0),
}


@pytest.mark.parametrize("weather", WEATHERS)
@pytest.mark.parametrize("block", range(10))
def test_both_ends_end(weather: str, block: int) -> None:
    for seed in range(40 * block, 40 * block + 40):
        caller, callee, network = run(one_call(seed, WEATHERS[weather]))
        try:
            check(caller, callee, network)
        except AssertionError as error:
            raise AssertionError(f"seed {seed}\n{error}") from error
