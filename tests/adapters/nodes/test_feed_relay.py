"""Events of the feed on their way to other nodes: whole, or not at all."""

import asyncio
from collections.abc import Callable, Iterable
from types import MappingProxyType

from callapi.adapters.nodes.feed_relay import ASK_EVERY_S, FEED, WANTED, FeedRelay
from callapi.api import Relayed
from callapi.base.ids import AccountSid, CallSid
from callapi.store import Unavailable
from tests.virtual_time import run

ACCOUNT = AccountSid("AC" + "1" * 32)
CALL = CallSid("CA" + "1" * 32)


class FakeFeed:
    """Stands for the feed of a node: what is exported, and what came from others."""

    def __init__(self) -> None:
        self.has_clients = asyncio.Event()
        self.relayed: list[Relayed] = []
        self.export: Callable[[Relayed], None] = self.relayed.append
        self.is_wanted: Callable[[], bool] = bool

    def export_to(self, export: Callable[[Relayed], None], is_wanted: Callable[[], bool]) -> None:
        self.export, self.is_wanted = export, is_wanted

    def relay(self, event: Relayed) -> None:
        self.relayed.append(event)


class FakeBus:
    def __init__(self) -> None:
        self.published: list[tuple[str, str]] = []
        self.is_away = False

    async def publish(self, kind: str, details: Iterable[str]) -> None:
        if self.is_away:
            raise Unavailable("the database is away")
        self.published += [(kind, each) for each in details]


def test_an_event_arrives_as_it_left_and_one_that_is_too_long_does_not() -> None:
    async def story() -> None:
        here, there, bus = FakeFeed(), FakeFeed(), FakeBus()
        sender, receiver = FeedRelay(here), FeedRelay(there)  # type: ignore[arg-type]
        sending = asyncio.ensure_future(sender.send(bus))  # type: ignore[arg-type]
        short = Relayed(ACCOUNT, (CALL,), {"type": "call-ended", "call": MappingProxyType({"sid": CALL})})
        here.export(short)
        here.export(Relayed(ACCOUNT, (CALL,), {"type": "verb", "text": "x" * 8000}))
        here.export(Relayed(ACCOUNT, (CALL,), {"type": "verb", "text": "\ud800"}))
        await asyncio.sleep(1)
        [(kind, detail)] = bus.published
        assert kind == FEED
        receiver.heard("other", detail)
        receiver.heard("other", "no JSON")
        assert there.relayed == [Relayed(ACCOUNT, (CALL,), {"type": "call-ended", "call": {"sid": CALL}})]
        sending.cancel()

    run(story())


def test_events_are_wanted_for_a_while_after_another_node_asked() -> None:
    async def story() -> None:
        feed = FakeFeed()
        relay = FeedRelay(feed)  # type: ignore[arg-type]
        assert not feed.is_wanted()
        relay.wanted("other", "")
        assert feed.is_wanted()
        await asyncio.sleep(11)
        assert not feed.is_wanted()

    run(story())


def test_others_are_asked_while_a_client_reads_and_at_once_when_the_first_comes() -> None:
    async def story() -> None:
        feed, bus = FakeFeed(), FakeBus()
        asking = asyncio.ensure_future(FeedRelay(feed).ask(bus))  # type: ignore[arg-type]
        await asyncio.sleep(60)
        assert bus.published == []
        bus.is_away = True
        feed.has_clients.set()
        await asyncio.sleep(0.1)
        bus.is_away = False
        await asyncio.sleep(0.5)
        assert bus.published == [(WANTED, "")]
        await asyncio.sleep(ASK_EVERY_S)
        assert len(bus.published) == 2
        feed.has_clients.clear()
        await asyncio.sleep(60)
        assert len(bus.published) == 2
        asking.cancel()

    run(story())
