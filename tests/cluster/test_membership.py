"""Who is dead: the pure judgement by heartbeats."""

from typing import Any

from msgspec.structs import replace

from callapi.cluster.membership import BURIED, DEAD_AFTER_S, Membership
from callapi.store import NodeEntry, NodeState

ONE = NodeEntry("one", "a", 1, 0, NodeState.UP, "", "", "", 0, 0.0)
TWO = replace(ONE, name="two", identity="b")


def beat(entry: NodeEntry, number: int, **changes: Any) -> NodeEntry:
    return replace(entry, beat=number, **changes)


def test_a_node_whose_heartbeats_stop_is_dead_after_a_while() -> None:
    membership = Membership("one")
    for second in range(4):
        assert membership.read([ONE, beat(TWO, second)], second) == []
    silent = beat(TWO, 3)
    for second in range(4, 7):
        assert membership.read([ONE, silent], second) == []
    assert membership.read([ONE, silent], 3 + DEAD_AFTER_S) == [silent]


def test_the_node_itself_is_never_dead_in_its_own_eyes() -> None:
    membership = Membership("one")
    assert [membership.read([ONE], float(second)) for second in range(10)] == [[]] * 10


def test_after_an_outage_of_the_database_each_node_has_the_whole_time_again() -> None:
    membership = Membership("one")
    for second in range(3):
        membership.read([ONE, TWO], second)
    membership.missed()
    for second in range(60, 64):
        assert membership.read([ONE, TWO], second) == []
    assert membership.read([ONE, TWO], 64) == [TWO]


def test_a_node_that_was_suspended_itself_does_not_bury_the_others() -> None:
    membership = Membership("one")
    membership.read([ONE, TWO], 0.0)
    assert membership.read([ONE, TWO], 60.0) == []


def test_a_node_that_left_is_taken_over_from_at_once_and_only_once() -> None:
    membership = Membership("one")
    left = beat(TWO, 7, state=NodeState.LEFT)
    assert membership.read([ONE, left], 0.0) == [left]
    assert membership.read([ONE, beat(left, BURIED)], 1.0) == []


def test_a_new_process_of_a_node_counts_anew() -> None:
    membership = Membership("one")
    for second in range(4):
        membership.read([ONE, TWO], second)
    assert membership.read([ONE, replace(TWO, epoch=2)], 4.0) == []


def test_who_runs() -> None:
    membership = Membership("one")
    assert membership.running("two") is None
    membership.read([ONE, TWO], 0.0)
    assert membership.entries == (ONE, TWO)
    assert membership.running("two") == TWO
    membership.read([ONE, replace(TWO, state=NodeState.LEFT)], 1.0)
    assert membership.running("two") is None
