"""The door: what is written can be read, in whole groups and in order, on every kind of database."""

from typing import Any

import pytest
from msgspec.structs import replace

from callapi.store import (
    AddEvents,
    BindingRecord,
    CallbackAttempted,
    CallbackRecord,
    CallRecord,
    Conflict,
    Equals,
    EventBlock,
    EventRecord,
    PageRequest,
    Put,
    Remove,
    Store,
)
from tests.store.samples import (
    NOON,
    account,
    after,
    application,
    binding,
    call,
    callback,
    client,
    conference,
    event,
    key,
    notification,
    number,
    queue,
    recording,
    sip_object,
    trunk,
)


def _filled_call() -> CallRecord:
    return call(
        parent_call_sid="CA" + "9" * 32,
        number_sid="PN" + "9" * 32,
        start_time=after(1),
        answer_time=after(2),
        end_time=after(5.5),
        duration=3,
        ring_duration=1,
        caller_name="Zoë „Ü“ 𝄞",
        forwarded_from="+1555",
        answered_by="bob",
        sip_call_id="a@b",
        sip_response_code=200,
        ended_by="remote",
        end_reason="BYE",
        status_callback="http://app.example/s",
        status_callback_method="GET",
        status_callback_events=("initiated", "completed"),
        sequence_number=4,
    )


@pytest.mark.parametrize(
    ("repository", "record"),
    [
        ("accounts", account(parent_sid="AC" + "8" * 32, secondary_auth_token="b" * 32, status="closed")),
        ("calls", call()),
        ("calls", _filled_call()),
        ("numbers", number("+1*", voice_url="http://a", voice_application_sid="AP" + "1" * 32, origin="x")),
        ("applications", application(status_callback="http://s", status_callback_method="GET")),
        ("clients", client("alice", voice_fallback_url="http://f", status="disabled")),
        (
            "trunks",
            trunk(username="u", password="p", codecs=("PCMU", "opus"), caller_id="+1", priority=-3, weight=7),
        ),
        ("keys", key(friendly_name="ci", secret_sha256="f" * 64)),
        (
            "conferences",
            conference(
                status="completed",
                reason_conference_ended="last-participant-left",
                call_sid_ending_conference="CA" + "1" * 32,
                status_callback="http://c",
                status_callback_method="GET",
                status_callback_events=("start", "end"),
                sequence_number=9,
            ),
        ),
        ("queues", queue(max_size=5)),
        (
            "sip_objects",
            sip_object(parent_sid="SD" + "1" * 32, voice_url="http://v", status_callback="http://s"),
        ),
        ("recordings", recording(conference_sid="CF" + "1" * 32)),
        ("recordings", recording(duration=7, path="RE/1.wav", error_code=3)),
        (
            "notifications",
            notification(
                call_sid="CA" + "9" * 32,
                more_info="http://m",
                request_url="http://r",
                request_method="POST",
                request_variables="a=b",
                response_status=500,
                response_headers="A: b",
                response_body="<html>",
                document_line=1,
                document_column=2,
            ),
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_every_field_of_every_record_comes_back(store: Store, repository: str, record: Any) -> None:
    store.write(Put(record))
    await store.flush()
    assert await getattr(store, repository).fetch(record.sid) == record


async def test_what_was_never_written_is_none(store: Store) -> None:
    assert await store.calls.fetch("CA" + "0" * 32) is None
    assert await store.clients.by_login("nobody") is None
    assert await store.bindings.of("nobody") == ()


async def test_the_last_of_several_writes_shows(store: Store) -> None:
    ringing = call()
    for number_ in range(10):
        store.write(Put(replace(ringing, sequence_number=number_)))
    await store.flush()
    store.write(Put(replace(ringing, status="completed", sequence_number=10)))
    await store.flush()
    assert await store.calls.fetch(ringing.sid) == replace(ringing, status="completed", sequence_number=10)


async def test_a_removed_record_is_gone_and_may_return(store: Store) -> None:
    gone, back = call(), call()
    store.write(Put(gone), Put(back))
    store.write(Remove(CallRecord, (gone.sid,)), Remove(CallRecord, (back.sid,)), Put(back))
    await store.flush()
    assert await store.calls.fetch(gone.sid) is None
    assert await store.calls.fetch(back.sid) == back


async def test_a_group_that_breaks_a_rule_is_not_written_at_all(store: Store) -> None:
    """Two numbers of the same text: neither the second nor the call beside it is kept; the neighbours are."""
    before, beside, later = call(), call(), call()
    await store.commit(Put(number("1000")))
    store.write(Put(before))
    with pytest.raises(Conflict):
        await store.commit(Put(beside), Put(number("1000")))
    store.write(Put(later))
    await store.flush()
    assert await store.calls.fetch(before.sid) == before
    assert await store.calls.fetch(beside.sid) is None
    assert await store.calls.fetch(later.sid) == later
    assert store.statistics.refused_groups == 1


async def test_a_number_may_move_to_another_record_within_a_group(store: Store) -> None:
    old, new = number("1000"), number("1000")
    await store.commit(Put(old))
    await store.commit(Remove(type(old), (old.sid,)), Put(new))
    assert await store.numbers.by_number("1000") == new


async def test_text_that_no_database_takes_does_not_cost_the_record(store: Store) -> None:
    """A stranger's header may hold NUL or bytes that are not UTF-8."""
    strange = call(caller_name="a\0b\udce4c")
    odd = event(0, message="\0\udcff", list=["\udc80"])
    store.write(
        Put(strange), AddEvents(strange.sid, (odd,)), Put(callback("EV1", parameters=(("a", "\udc80"),)))
    )
    await store.flush()
    found = await store.calls.fetch(strange.sid)
    assert found is not None
    assert found.sid == strange.sid
    assert len((await store.events.page(strange.sid, PageRequest())).records) == 1
    assert (await store.callbacks.hosts(9)) == ("http://app.example",)


async def test_flush_returns_at_once_when_there_is_nothing_to_wait_for(store: Store) -> None:
    await store.flush()
    await store.settle()
    assert store.is_writable
    assert not store.is_full


async def test_the_hook_gets_callbacks_once_they_are_durable(store: Store) -> None:
    reported: list[CallbackRecord] = []
    store.subscribe(reported.extend)
    first, second = callback("EV1"), callback("EV2")
    store.write(Put(call()), Put(first))
    store.write(Put(second))
    assert reported == []
    await store.flush()
    assert reported == [first, second]


async def test_events_are_appended_and_read_in_pages(store: Store) -> None:
    one, other = call(), call()
    store.write(AddEvents(one.sid, (event(0, a=[1, None, 2.5, True]), event(1, b={"c": "d"}))))
    store.write(AddEvents(other.sid, (event(0),)))
    store.write(AddEvents(one.sid, (event(2), event(3))))
    store.write(AddEvents(one.sid, ()))
    await store.flush()
    page = await store.events.page(one.sid, PageRequest(page=0, size=3))
    assert page.records == (event(0, a=[1, None, 2.5, True]), event(1, b={"c": "d"}), event(2))
    assert page.has_next
    page = await store.events.page(one.sid, PageRequest(page=1, size=3))
    assert (page.records, page.has_next) == ((event(3),), False)
    assert await store.events.next_sequence(one.sid) == 4
    assert await store.events.next_sequence(call().sid) == 0
    store.write(Remove(EventBlock, (one.sid,)))
    await store.flush()
    assert (await store.events.page(one.sid, PageRequest())).records == ()
    assert await store.events.next_sequence(other.sid) == 1


async def test_a_call_has_a_bounded_number_of_events(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callapi.store.sql.plan.MAX_EVENTS", 3)
    monkeypatch.setattr("callapi.store.memory.MAX_EVENTS", 3)
    sid = call().sid
    store.write(AddEvents(sid, tuple(map(event, range(5)))))
    store.write(AddEvents(sid, (event(5),)))
    await store.flush()
    assert (await store.events.page(sid, PageRequest())).records == tuple(map(event, range(3)))


async def test_what_is_no_json_in_an_event_is_kept_as_text(store: Store) -> None:
    sid = call().sid
    store.write(AddEvents(sid, (EventRecord(0, NOON, "odd", {"a": object(), "b": float("inf")}),)))  # type: ignore[dict-item]
    await store.flush()
    (kept,) = (await store.events.page(sid, PageRequest())).records
    assert str(kept.data["a"]).startswith("<object object")


async def test_bindings_of_a_client(store: Store) -> None:
    desk, mobile = (
        binding("alice", "sip:a@192.0.2.1"),
        binding("alice", "sip:a@192.0.2.2", path=("<sip:p;lr>",), q=0.5),
    )
    store.write(Put(desk), Put(mobile), Put(binding("bob", "sip:b@192.0.2.3")))
    await store.flush()
    assert set(await store.bindings.of("alice")) == {desk, mobile}
    refreshed = replace(desk, cseq=3, expires_at=after(7200))
    store.write(Put(refreshed))
    assert set(await store.bindings.of("alice")) == {refreshed, mobile}
    store.write(Remove(BindingRecord, ("alice", desk.contact)))
    assert await store.bindings.of("alice") == (mobile,)
    store.write(Remove(BindingRecord, ("alice",)))
    assert await store.bindings.of("alice") == ()
    store.bindings.forget()
    assert await store.bindings.of("alice") == ()
    assert len(await store.bindings.of("bob")) == 1


class TestOutbox:
    """`callbacks`: what the deliverer asks."""

    async def test_rows_are_due_in_the_order_of_writing(self, store: Store) -> None:
        rows = [callback(f"EV{name}", stream=f"CA{name}") for name in (3, 1, 2)]
        for row in rows:
            store.write(Put(row))
        assert await store.callbacks.due("http://app.example", NOON, 10) == (tuple(rows), None)
        assert await store.callbacks.due("http://app.example", NOON, 2) == (tuple(rows[:2]), None)
        assert await store.callbacks.due("http://other.example", NOON, 2) == ((), None)

    async def test_a_row_that_waits_holds_up_its_stream_and_no_other(self, store: Store) -> None:
        first, second = callback("EV1", stream="CA1"), callback("EV2", stream="CA1")
        free, elsewhere = (
            callback("EV3", stream="CA2"),
            callback("EV4", stream="CA1", url="https://b.example:8443/x"),
        )
        store.write(*map(Put, (first, second, free, elsewhere)))
        store.write(CallbackAttempted(first.event_id, 1, after(60)))
        assert await store.callbacks.due("http://app.example", NOON, 9) == ((free,), after(60))
        assert await store.callbacks.due("https://b.example:8443", NOON, 9) == ((elsewhere,), None)
        due, later = await store.callbacks.due("http://app.example", after(60), 9)
        assert (due, later) == ((replace(first, attempts=1, next_at=after(60)), second, free), None)

    async def test_hosts_come_longest_waiting_first_and_go_when_nothing_waits(self, store: Store) -> None:
        rows = [
            callback(f"EV{at}", url=f"http://{host}/x") for at, host in enumerate(["b", "a", "b", "u:p@C"])
        ]
        store.write(*map(Put, rows))
        assert await store.callbacks.hosts(9) == ("http://b", "http://a", "http://c")
        assert await store.callbacks.hosts(1) == ("http://b",)
        store.write(Remove(CallbackRecord, ("EV0",)))
        assert await store.callbacks.hosts(9) == ("http://a", "http://b", "http://c")
        store.write(*(Remove(CallbackRecord, (row.event_id,)) for row in rows))
        assert await store.callbacks.hosts(9) == ()

    async def test_a_verdict_on_a_row_that_is_gone_does_no_harm(self, store: Store) -> None:
        store.write(CallbackAttempted(callback("EV1").event_id, 1, NOON), Remove(CallbackRecord, ("EV1",)))
        assert await store.callbacks.hosts(9) == ()


async def test_recordings_and_notifications_of_a_call(store: Store) -> None:
    one, other = call().sid, call().sid
    mine = [recording(call_sid=one, date_created=after(n), account_sid="AC1") for n in range(3)]
    notes = [
        notification(call_sid=one, message_date=after(n), account_sid="AC1", log=n % 2) for n in range(3)
    ]
    store.write(*map(Put, mine), Put(recording(call_sid=other, account_sid="AC1")))
    store.write(*map(Put, notes), Put(notification(account_sid="AC1")))
    await store.flush()
    page = await store.recordings.page("AC1", PageRequest(), Equals("call_sid", one))
    assert page.records == tuple(reversed(mine))
    found = await store.notifications.page("AC1", PageRequest(size=2), Equals("call_sid", one))
    assert (found.records, found.has_next) == ((notes[2], notes[1]), True)
    assert await store.notifications.count("AC1", Equals("log", 0), Equals("call_sid", one)) == 2
