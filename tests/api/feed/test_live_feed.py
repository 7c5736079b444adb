"""The live feed: what happens on calls as server-sent events, resumed by `Last-Event-ID`, bounded."""

import asyncio
import json
from contextlib import aclosing
from typing import Any

import pytest
from msgspec.structs import replace

from callapi.api import Feed
from callapi.api.feed import live_feed
from callapi.api.feed.live_feed import FeedFilter
from callapi.base.ids import AccountSid, CallSid
from callapi.calls.events import CallEnded, CallStarted, EventBus, ProblemRaised, StatusChanged
from callapi.calls.problem import Problem
from callapi.calls.status import Ending
from callapi.sip import Party
from tests.api.world import NOW, World, account, call_record

ENDING = Ending(Party.REMOTE, "BYE")


async def allowed() -> bool:
    """The credentials stay valid."""
    return True


class Client:
    """Reads a feed event by event."""

    def __init__(
        self, feed: Feed, account_sid: str, last: str | None = None, call: str | None = None
    ) -> None:
        wanted = FeedFilter(AccountSid(account_sid), CallSid(call) if call else None)
        self._texts = feed.stream(wanted, last, allowed)
        self._waiting: list[tuple[str, Any]] = []

    async def open(self) -> "Client":
        """Connect: the first text is there."""
        self._take(await anext(self._texts))
        return self

    async def next(self) -> tuple[str, Any]:
        """The next event: its id and its object."""
        async with asyncio.timeout(5):
            while not self._waiting:
                self._take(await anext(self._texts))
        return self._waiting.pop(0)

    async def close(self) -> None:
        """Leave."""
        await self._texts.aclose()

    def _take(self, text: bytes) -> None:
        for block in text.decode().split("\n\n"):
            fields = dict(line.split(": ", 1) for line in block.splitlines() if not line.startswith(":"))
            if "data" in fields:
                self._waiting.append((fields["id"], json.loads(fields["data"])))


async def test_the_life_of_a_call(world: World) -> None:
    """Each event has an id, the sid, the word of REST for the status, and the call as REST shows it."""
    client = await Client(world.feed, world.account.sid).open()
    record = call_record(world.account.sid)
    ended = replace(record, status="completed", end_time=NOW)
    world.bus.publish(CallStarted(record, NOW))
    world.bus.publish(StatusChanged(replace(record, status="ringing"), NOW))
    world.bus.publish(CallEnded(ended, NOW, ENDING))
    events = [await client.next() for _ in range(3)]
    assert [each["type"] for _, each in events] == ["call-started", "call-status", "call-ended"]
    assert [each["status"] for _, each in events] == ["queued", "ringing", "completed"]
    assert {each["sid"] for _, each in events} == {record.sid}
    assert len({identifier for identifier, _ in events}) == 3
    await world.keep(ended)
    assert events[-1][1]["call"] == (await world.get(f"Calls/{record.sid}.json")).json
    await client.close()
    assert world.feed.clients == 0


async def test_a_client_that_comes_back_gets_what_it_has_missed_once(world: World) -> None:
    """By the id of the last event that it has seen."""
    records = [call_record(world.account.sid) for _ in range(4)]
    client = await Client(world.feed, world.account.sid).open()
    world.bus.publish(CallStarted(records[0], NOW))
    last, _ = await client.next()
    await client.close()
    for record in records[1:]:
        world.bus.publish(CallStarted(record, NOW))
    again = await Client(world.feed, world.account.sid, last).open()
    missed = [await again.next() for _ in range(3)]
    assert [each["sid"] for _, each in missed] == [each.sid for each in records[1:]]
    await again.close()
    up_to_date = await Client(world.feed, world.account.sid, missed[-1][0]).open()
    world.bus.publish(CallStarted(records[0], NOW))
    assert (await up_to_date.next())[1]["sid"] == records[0].sid
    await up_to_date.close()


@pytest.mark.parametrize("last", ["00000000-1", "nonsense", "-", "x-99999999999999999999"])
async def test_what_cannot_be_resumed_is_reset(world: World, last: str) -> None:
    """Of another start of the node, or no id at all: the client is to load its lists again."""
    client = await Client(world.feed, world.account.sid, last).open()
    identifier, event = await client.next()
    assert event == {"type": "reset"}
    await client.close()
    again = await Client(world.feed, world.account.sid, identifier).open()
    record = call_record(world.account.sid)
    world.bus.publish(CallStarted(record, NOW))
    assert (await again.next())[1]["sid"] == record.sid
    await again.close()


async def test_what_is_kept_is_bounded(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client that comes back after more than is kept gets a reset."""
    monkeypatch.setattr(live_feed, "MAX_KEPT", 5)
    feed = Feed(world.bus, lambda _: None)
    client = await Client(feed, world.account.sid).open()
    world.bus.publish(CallStarted(call_record(world.account.sid), NOW))
    last, _ = await client.next()
    await client.close()
    for _ in range(6):
        world.bus.publish(CallStarted(call_record(world.account.sid), NOW))
    again = await Client(feed, world.account.sid, last).open()
    assert (await again.next())[1]["type"] == "reset"
    await again.close()


async def test_without_readers_nothing_is_kept(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the first client on events are kept, and some time after the last; one that comes later gets a reset."""
    monkeypatch.setattr(live_feed, "RESUME_S", 0.2)
    bus = EventBus()
    feed = Feed(bus, lambda _: None)
    assert not bus.wants(CallStarted)
    client = await Client(feed, world.account.sid).open()
    bus.publish(CallStarted(call_record(world.account.sid), NOW))
    last, _ = await client.next()
    await client.close()
    assert bus.wants(CallStarted)
    again = await Client(feed, world.account.sid, last).open()
    await asyncio.sleep(0.3)
    bus.publish(CallStarted(call_record(world.account.sid), NOW))
    assert (await again.next())[1]["type"] == "call-started", "the feed of a client that stays goes on"
    await again.close()
    await asyncio.sleep(0.3)
    assert not bus.wants(CallStarted)
    late = await Client(feed, world.account.sid, last).open()
    assert (await late.next())[1] == {"type": "reset"}
    bus.publish(CallStarted(call_record(world.account.sid), NOW))
    assert (await late.next())[1]["type"] == "call-started"
    await late.close()
    feed.close()


async def test_each_account_and_each_call_has_its_own(world: World) -> None:
    """The events of other accounts never show; with `CallSid` only that call and what it dialled."""
    parent = call_record(world.account.sid)
    child = call_record(world.account.sid, parent_call_sid=parent.sid)
    everything = await Client(world.feed, world.account.sid).open()
    of_call = await Client(world.feed, world.account.sid, call=parent.sid).open()
    world.bus.publish(CallStarted(call_record(account().sid), NOW))
    world.bus.publish(ProblemRaised(Problem(11200, "not yours"), account().sid, NOW))
    world.bus.publish(CallStarted(call_record(world.account.sid, to="elsewhere"), NOW))
    world.bus.publish(CallStarted(child, NOW))
    world.bus.publish(ProblemRaised(Problem(11200, "HTTP 500"), world.account.sid, NOW, parent.sid))
    assert [(await everything.next())[1]["type"] for _ in range(3)] == ["call-started"] * 2 + ["notification"]
    assert (await of_call.next())[1]["sid"] == child.sid
    assert (await of_call.next())[1]["code"] == 11200
    await everything.close()
    await of_call.close()


async def test_it_ends_with_the_credentials_and_with_the_node(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A revoked key does not go on listening."""
    monkeypatch.setattr(live_feed, "KEEP_ALIVE_S", 0.01)
    answers = iter([True, False])

    async def may_read() -> bool:
        return next(answers)

    wanted = FeedFilter(world.account.sid)
    async with asyncio.timeout(5), aclosing(world.feed.stream(wanted, None, may_read)) as stream:
        texts = [text async for text in stream]
    assert texts[-1] == b": keep-alive\n\n"
    stream = world.feed.stream(wanted, None, allowed)
    await anext(stream)
    world.feed.close()
    async with asyncio.timeout(5):
        assert b"data" not in b"".join([text async for text in stream])
    assert (await world.get("Feed")).status == 429


async def test_refusals(world: World) -> None:
    """Like any other resource."""
    stranger = account()
    await world.keep(stranger)
    assert (await world.get("Feed", auth=("", ""))).status == 401
    assert (await world.get("Feed", auth=(stranger.sid, stranger.auth_token))).status == 404
    assert (await world.get("Feed?CallSid=x")).status == 400
    assert (await world.post("Feed")).status == 405
