"""Heartbeats, the lease that they renew, and what a node learns from them."""

import asyncio

import pytest

from callapi.cluster import Member
from callapi.cluster.lease import LEASE_S
from callapi.store import Fenced, NodeEntry, NodeState, Report, Roll, Unavailable
from tests.virtual_time import run

ONE = NodeEntry("one", "a", 1, 0, NodeState.UP, "", "", "", 0, 0.0)


class Table:
    """A table of nodes whose database may be away."""

    def __init__(self) -> None:
        self.error: Unavailable | None = None
        self.others: tuple[NodeEntry, ...] = ()
        self.is_drain_wanted = False
        self.reports: list[Report] = []

    async def beat(self, report: Report) -> Roll:
        if self.error is not None:
            raise self.error
        self.reports.append(report)
        return Roll((ONE, *self.others), self.is_drain_wanted)


def now() -> float:
    return asyncio.get_running_loop().time()


def test_the_lease_ends_while_the_database_is_away_and_comes_back_with_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def story() -> None:
        table = Table()
        async with Member(table, "one", now) as member:
            await member.lease.held()
            table.error = Unavailable("away")
            await asyncio.sleep(LEASE_S + 1.5)
            assert not member.lease.is_held
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(5):
                    await member.lease.held()
            table.error = None
            async with asyncio.timeout(2):
                await member.lease.held()
            assert not member.fenced.is_set()

    run(story())
    assert [each.getMessage() for each in caplog.records if each.name == "callapi.cluster.member"] == [
        "no heartbeats: the database cannot be used: away",
        "heartbeats again",
    ]


def test_a_fenced_node_says_so_and_makes_no_more_heartbeats() -> None:
    async def story() -> None:
        table = Table()
        async with Member(table, "one", now) as member:
            table.error = Fenced("one", 1)
            await member.fenced.wait()
            assert not member.lease.is_held
            made, table.error = len(table.reports), None
            await asyncio.sleep(5)
            assert len(table.reports) == made

    run(story())


def test_the_dead_are_given_once_they_are_dead_and_the_wish_to_drain_is_heard() -> None:
    async def story() -> None:
        table = Table()
        two = NodeEntry("two", "b", 1, 5, NodeState.UP, "", "", "", 0, 0.0)
        table.others = (two,)
        async with Member(table, "one", now) as member:
            member.report_from(lambda: Report(NodeState.DRAINING, 3))
            began = now()
            assert await member.next_dead() == two
            assert 4 <= now() - began <= 6
            assert table.reports[-1] == Report(NodeState.DRAINING, 3)
            table.is_drain_wanted = True
            await member.drain_changed.wait()
            assert member.is_drain_wanted

    run(story())


def test_a_node_that_has_just_started_is_found_at_the_next_reading() -> None:
    async def story() -> None:
        table = Table()
        async with Member(table, "one", now) as member:
            table.others = (NodeEntry("two", "b", 1, 0, NodeState.UP, "", "", "", 0, 0.0),)
            assert member.membership.running("two") is None
            found = await member.running("two")
            assert found is not None
            assert found.name == "two"
            began = now()
            assert await member.running("three") is None
            assert now() - began <= 2

    run(story())


def test_without_a_reading_a_node_that_is_not_known_is_given_up() -> None:
    async def story() -> None:
        table = Table()
        async with Member(table, "one", now) as member:
            table.error = Unavailable("away")
            began = now()
            assert await member.running("two") is None
            assert now() - began == pytest.approx(2)

    run(story())
