"""The backlog: order is kept, only events are ever let go, and the counts are true."""

from hypothesis import given
from hypothesis import strategies as st

from callapi.base.ids import CallSid
from callapi.store import AddEvents, CallRecord, Put
from callapi.store.writing.backlog import Backlog, Group
from tests.store.samples import call, event

MAX_EVENTS = 6
STEPS = st.one_of(
    st.tuples(st.just("put"), st.integers(0, 4)),
    st.tuples(st.sampled_from(["take", "fail"]), st.integers(1, 5)),
)


def _group(number: int, events: int) -> Group:
    record = Put(call(sequence_number=number))
    return Group(
        (record, AddEvents(CallSid("CA"), tuple(map(event, range(events))))) if events else (record,)
    )


@given(st.lists(STEPS))
def test_any_life(steps: list[tuple[str, int]]) -> None:
    backlog = Backlog(max_changes=10, max_events=MAX_EVENTS)
    written: list[Group] = []
    count = events_put = 0
    for what, number in steps:
        match what:
            case "put":
                backlog.put(_group(count, number))
                count, events_put = count + 1, events_put + number
            case "take":
                written += backlog.take(number)
            case _:
                backlog.give_back(backlog.take(number))
        assert backlog.events <= MAX_EVENTS
        assert backlog.is_full == (backlog.changes >= 10)
    waiting = len(backlog)
    left = backlog.take(10**6)
    assert len(left) == waiting
    assert (len(backlog), backlog.changes, backlog.events) == (0, 0, 0)
    everything = written + left
    puts = [change for group in everything for change in group.changes if isinstance(change, Put)]
    numbers = [put.record.sequence_number for put in puts if isinstance(put.record, CallRecord)]
    assert numbers == list(range(count))
    assert sum(group.events for group in everything) == events_put - backlog.dropped_events


def test_at_least_one_group_is_taken_however_large() -> None:
    backlog = Backlog(max_changes=10, max_events=100)
    backlog.put(Group(tuple(Put(call()) for _ in range(9))))
    backlog.put(_group(1, 0))
    assert [len(group.changes) for group in backlog.take(3)] == [9]
    assert backlog.changes == 1
