"""What a node does with the calls of one that is dead: each has its end and its last callback, once, and in order."""

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from msgspec.structs import replace

from callapi.adapters.nodes.takeover import Inheritance
from callapi.adapters.outbox_rows import OutboxRows, as_callback
from callapi.base.clock import boot_time
from callapi.base.ids import new_call_sid
from callapi.calls.events import EventBus
from callapi.calls.records.callbacks import status_callback_row
from callapi.calls.records.journal import Journal
from callapi.cluster import Member, Membership, Takeover
from callapi.store import (
    CallRecord,
    NodeEntry,
    NodeState,
    Owner,
    Put,
    QueueTable,
    Report,
    Store,
    Unavailable,
)
from callapi.webhooks import Fetcher, Outbox, Unconditional
from tests.store.conftest import postgresql_url, server
from tests.store.samples import NOON, call
from tests.webhooks.servers import Script

__all__ = ["postgresql_url", "server"]

UP = Report(NodeState.UP, 0)
EVENTS = ("initiated", "ringing", "answered", "completed")


class Heir:
    """A node that takes over: store, journal and outbox as they are."""

    def __init__(self, name: str, store: Store, fetcher: Fetcher) -> None:
        self.name = name
        self.store = store
        self.bus = EventBus()
        Journal(store).attach_to(self.bus)
        self.outbox = Outbox(OutboxRows(store, self.bus), fetcher, _token, permit=Unconditional())
        store.subscribe(lambda rows: self.outbox.offer(map(as_callback, rows)))
        self.live: set[str] = set()
        self.inheritance = Inheritance(store, name, self.bus, self.outbox, self.live.__contains__)

    async def bury(self, dead: str) -> tuple[CallRecord, ...]:
        """Take over the rows of `dead`."""
        assert self.store.nodes is not None
        [entry] = [each for each in (await self.store.nodes.beat(UP)).nodes if each.name == dead]
        calls = await self.store.nodes.bury(entry)
        assert calls is not None
        return calls


async def _token(_account_sid: str) -> str:
    return "token"


@asynccontextmanager
async def heir(url: str, name: str, *, sends: bool = True) -> AsyncIterator[Heir]:
    """A node of that name, on its own; one that does not send dies before it can."""
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(Store.open(url, owner=Owner(name, name.ljust(32, "0"))))
        made = Heir(name, store, await stack.enter_async_context(Fetcher()))
        if sends:
            await stack.enter_async_context(made.outbox)
        yield made


def in_state(status: str, url: str, sequence: int, **facts: object) -> CallRecord:
    """A call of node `dead` that has reported `sequence` steps."""
    return call(
        sid=new_call_sid(),
        node="dead",
        status=status,
        status_callback=url,
        status_callback_method="POST",
        status_callback_events=EVENTS,
        sequence_number=sequence,
        **facts,
    )


async def every(application: Script, legs: set[str]) -> dict[str, list[tuple[str, str]]]:
    """Status and number of the callbacks of each leg, once each has its last."""
    async with asyncio.timeout(20):
        while True:
            heard: dict[str, list[tuple[str, str]]] = defaultdict(list)
            for form in (dict(each.form) for each in application.requests):
                heard[form["CallSid"]].append((form["CallStatus"], form["SequenceNumber"]))
            if all(heard[sid] and heard[sid][-1][0] in {"completed", "failed"} for sid in legs):
                return heard
            await asyncio.sleep(0.02)


async def test_each_call_of_a_dead_node_has_its_last_callback_whatever_it_had_come_to(
    postgresql_url: str,
) -> None:
    """Also one whose application was not asked yet, and one whose earlier callbacks wait in the outbox still."""
    async with Script() as application, heir(postgresql_url, "heir") as node:
        url = application.url("/status")
        unasked = in_state("ringing", url, 0)
        talking = in_state("in-progress", url, 3, start_time=NOON, answer_time=NOON)
        waiting = in_state("initiated", url, 1, direction="outbound-dial", parent_call_sid=talking.sid)
        first = status_callback_row(waiting, NOON)
        rung = replace(waiting, status="ringing", sequence_number=2)
        second = status_callback_row(rung, NOON)
        assert first is not None
        assert second is not None
        async with heir(postgresql_url, "dead", sends=False) as dead:
            dead.store.write(Put(unasked))
            dead.store.write(Put(talking))
            dead.store.write(Put(waiting), Put(first))
            dead.store.write(Put(rung), Put(second))
            await dead.store.flush()
            await node.inheritance.inherit("dead", await node.bury("dead"))
            heard = await every(application, {unasked.sid, talking.sid, waiting.sid})
            assert heard == {
                unasked.sid: [("failed", "0")],
                talking.sid: [("completed", "3")],
                waiting.sid: [("initiated", "0"), ("ringing", "1"), ("failed", "2")],
            }
            assert await node.outbox.drain(5)
        await node.store.flush()
        assert await node.store.calls.live_ones("heir") == ()
        assert (await node.store.callbacks.backlog()).pending == 0
        assert len(application.requests) == 5


async def test_an_heir_that_dies_in_the_midst_is_inherited_from(postgresql_url: str) -> None:
    """It has buried the dead node and ended one of two calls: another node ends the other, and sends both callbacks."""
    async with Script() as application, heir(postgresql_url, "third") as third:
        url = application.url("/status")
        one, two = in_state("ringing", url, 0), in_state("ringing", url, 0)
        async with (
            heir(postgresql_url, "dead", sends=False) as dead,
            heir(postgresql_url, "heir", sends=False) as short_lived,
        ):
            dead.store.write(Put(one))
            dead.store.write(Put(two))
            await dead.store.flush()
            calls = await short_lived.bury("dead")
            await short_lived.inheritance.inherit("dead", calls[:1])
            await short_lived.store.flush()
            left = await third.bury("heir")
            assert [each.sid for each in left] == [calls[1].sid]
            await third.inheritance.inherit("heir", left)
            heard = await every(application, {one.sid, two.sid})
            assert heard == {one.sid: [("failed", "0")], two.sid: [("failed", "0")]}
            # What the second one still wants to write of them changes nothing.
            await short_lived.inheritance.inherit("dead", calls[1:])
            await short_lived.store.flush()
            assert short_lived.store.is_fenced
        assert await third.outbox.drain(5)
        assert len(application.requests) == 2


async def test_a_takeover_whose_answer_was_lost_is_found(postgresql_url: str) -> None:
    """The calls and callbacks of the dead node are the heir's in the database; its own live calls go on."""
    async with Script() as application, heir(postgresql_url, "heir") as node:
        url = application.url("/status")
        left, ringing = in_state("ringing", url, 0), in_state("initiated", url, 1)
        first = status_callback_row(ringing, NOON)
        own = replace(in_state("ringing", url, 0), node="heir")
        assert first is not None
        async with heir(postgresql_url, "dead", sends=False) as dead:
            dead.store.write(Put(left))
            dead.store.write(Put(ringing), Put(first))
            await dead.store.flush()
            node.live.add(own.sid)
            node.store.write(Put(own))
            member = Member(OnceLost(node), "heir", boot_time)
            member.membership = Membership("heir", dead_after_s=0.5)
            takeover = Takeover(member, OnceLost(node), node.inheritance)
            async with member:
                serving = asyncio.create_task(takeover.serve())
                heard = await every(application, {left.sid, ringing.sid})
                serving.cancel()
            assert heard == {
                left.sid: [("failed", "0")],
                ringing.sid: [("initiated", "0"), ("failed", "1")],
            }
            assert [each.sid for each in await node.store.calls.live_ones("heir")] == [own.sid]


async def test_a_call_that_is_claimed_from_the_queue_in_this_moment_is_not_ended(postgresql_url: str) -> None:
    """It is this node's in the database and not yet here: the answer to the claim is on its way."""
    async with heir(postgresql_url, "heir") as node:
        assert node.store.nodes is not None
        engine = node.store.nodes.engine
        claimed = replace(in_state("queued", "", 0), node="")
        node.store.write(Put(claimed))
        await node.store.flush()
        QueueTable(engine, "").keep(claimed.sid, claimed.account_sid, "{}", 10)
        assert [each.record.sid for each in QueueTable(engine, "heir").claim()] == [claimed.sid]
        await node.inheritance.find("dead")
        assert [each.sid for each in await node.store.calls.live_ones("heir")] == [claimed.sid]
        # Once it is placed, and not live here, it is one that was lost.
        assert QueueTable(engine, "heir").remove(claimed.sid)
        await node.inheritance.find("dead")
        assert await node.store.calls.live_ones("heir") == ()


class OnceLost:
    """The table of nodes of `node`; the answer to a takeover that was made is lost on its way."""

    def __init__(self, node: Heir) -> None:
        assert node.store.nodes is not None
        self._nodes = node.store.nodes
        self.beat = self._nodes.beat

    async def bury(self, dead: NodeEntry) -> tuple[CallRecord, ...] | None:
        """Made, and not known."""
        await self._nodes.bury(dead)
        raise Unavailable("the connection was lost")


@pytest.fixture(autouse=True)
def _quiet(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.CRITICAL)
