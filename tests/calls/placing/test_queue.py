"""The queue of calls over REST: order, rate, places."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from callapi.base.ids import AccountSid, CallSid
from callapi.calls.commands import CreateCall
from callapi.calls.documents.document import DocumentRequest
from callapi.calls.placing.queue import MAX_ACCOUNTS, CallQueue, QueuedCall
from callapi.store import CallRecord

NOW = datetime(2026, 11, 17, 10, 0, 0, tzinfo=UTC)
RECORD = CallRecord(
    sid=CallSid("CA"),
    account_sid=AccountSid("AC"),
    from_="1",
    to="2",
    direction="outbound-api",
    status="queued",
    date_created=NOW,
    date_updated=NOW,
    api_version="2012-04-24",
    node="node-1",
)
COMMAND = CreateCall("1", "2", DocumentRequest("http://app/"))


def _waiting(account: str, sid: str, queued_at: float = 0.0) -> QueuedCall:
    record = replace(RECORD, account_sid=AccountSid(account), sid=CallSid(sid))
    return QueuedCall(record, COMMAND, queued_at)


def _put(queue: CallQueue, account: str, sid: str, queued_at: float = 0.0) -> None:
    assert queue.reserve(AccountSid(account))
    queue.put(_waiting(account, sid, queued_at))


def _goes(queue: CallQueue, now: float, full: str = "") -> str | None:
    waiting = queue.due(now, lambda account: account == full)
    if waiting is None:
        return None
    assert queue.remove(waiting)
    queue.placed(waiting.record.account_sid, now)
    return waiting.record.sid


def test_without_a_rate_each_goes_at_once_and_in_order() -> None:
    queue = CallQueue()
    for sid in "abc":
        _put(queue, "one", sid)
    assert [_goes(queue, 0.0) for _ in range(4)] == ["a", "b", "c", None]
    assert queue.wait_s(0.0) is None


def test_the_rate_is_that_of_the_account() -> None:
    queue = CallQueue(calls_per_second=2)
    for sid in "abc":
        _put(queue, "one", sid)
    _put(queue, "two", "z")
    assert [_goes(queue, 10.0) for _ in range(3)] == ["a", "z", None]
    assert queue.wait_s(10.0) == 0.5
    assert [_goes(queue, 10.4), _goes(queue, 10.5), _goes(queue, 10.6), _goes(queue, 11.0)] == [
        None,
        "b",
        None,
        "c",
    ]


def test_accounts_take_turns() -> None:
    queue = CallQueue()
    for sid in "abc":
        _put(queue, "one", sid)
    for sid in "xyz":
        _put(queue, "two", sid)
    assert [_goes(queue, 0.0) for _ in range(6)] == ["a", "x", "b", "y", "c", "z"]


def test_an_account_that_is_full_delays_no_other() -> None:
    queue = CallQueue()
    _put(queue, "one", "a")
    _put(queue, "two", "z")
    assert [_goes(queue, 0.0, full="one") for _ in range(2)] == ["z", None]
    assert queue.wait_s(0.0) == 0


def test_an_account_has_so_many_places() -> None:
    queue = CallQueue(max_waiting=2)
    _put(queue, "one", "a")
    assert queue.reserve(AccountSid("one"))
    assert not queue.reserve(AccountSid("one"))
    assert queue.reserve(AccountSid("two"))
    queue.return_place(AccountSid("one"))
    assert queue.reserve(AccountSid("one"))
    assert not queue.reserve(AccountSid("one"))


def test_who_waits_too_long() -> None:
    queue = CallQueue()
    _put(queue, "one", "a", queued_at=5.0)
    assert queue.overdue(5.0) is None
    late = queue.overdue(5.1)
    assert late is not None
    assert queue.remove(late)
    assert not queue.remove(late)


def test_memory_is_bounded() -> None:
    queue = CallQueue(calls_per_second=1)
    for number in range(MAX_ACCOUNTS + 10):
        _put(queue, f"AC{number}", f"CA{number}")
        assert _goes(queue, float(number)) == f"CA{number}"
    assert len(queue._free_at) <= MAX_ACCOUNTS
    assert not queue._lines
    assert not queue._places


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("put"), st.sampled_from("ab"), st.just(0.0)),
            st.tuples(st.just("take"), st.just(""), st.floats(0, 0.4)),
            st.tuples(st.just("cancel"), st.just(""), st.just(0.0)),
        ),
        max_size=60,
    )
)
def test_whatever_comes_order_rate_and_places_hold(steps: list[tuple[str, str, float]]) -> None:
    queue = CallQueue(calls_per_second=4, max_waiting=3)
    now, made = 0.0, 0
    expected: dict[str, list[str]] = {"a": [], "b": []}
    last: dict[str, float] = {}
    for what, account, later in steps:
        now += later
        match what:
            case "put":
                has_room = queue.reserve(AccountSid(account))
                assert has_room == (len(expected[account]) < 3)
                if has_room:
                    made += 1
                    queue.put(_waiting(account, str(made)))
                    expected[account].append(str(made))
            case "take":
                waiting = queue.due(now, lambda _: False)
                ready = [each for each in "ab" if expected[each] and now >= last.get(each, -1.0) + 0.25]
                assert (waiting is not None) == bool(ready)
                if waiting is not None:
                    owner = waiting.record.account_sid
                    assert owner in ready
                    assert expected[owner].pop(0) == waiting.record.sid
                    assert queue.remove(waiting)
                    queue.placed(owner, now)
                    last[owner] = now
            case _:
                if everyone := queue.all():
                    assert queue.remove(everyone[-1])
                    expected[everyone[-1].record.account_sid].remove(everyone[-1].record.sid)
        assert len(queue.all()) == sum(map(len, expected.values()))
