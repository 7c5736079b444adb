"""Calls that the database never knew keep their true end; those that another node has announced keep that one."""

import asyncio
import os
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from callapi.base.ids import CallSid
from callapi.base.retrying import looked_up
from callapi.store import AddEvents, NodeEntry, Owner, PageRequest, Put, Remove, Store
from callapi.store.records import CallbackRecord, CallRecord
from callapi.store.writing import unwritten as unwritten_room
from callapi.store.writing.call_log import CallLog
from callapi.store.writing.unwritten import Unwritten
from tests.store.samples import NOON, after, call, callback, event, notification, recording

URL = "http://app.example"


def one(identity: str = "1") -> Owner:
    """The node that is cut off."""
    return Owner("one", identity * 32)


async def test_a_node_that_was_taken_over_writes_late_what_no_other_node_knows(
    postgresql_url: str, tmp_path: Path
) -> None:
    known, unknown, lost = call(node="one"), call(node="one"), call(node="one")
    ended = replace(unknown, status="completed", end_time=after(5))
    noted = notification(call_sid=unknown.sid)
    async with Store.open(postgresql_url, owner=Owner("two", "2" * 32)) as two:
        async with Store.open(postgresql_url, data_dir=tmp_path, owner=one()) as store:
            store.write(Put(known))
            await store.flush()
            assert two.nodes is not None
            [entry] = [each for each in await two.nodes.all() if each.name == "one"]
            assert await two.nodes.bury(entry) is not None
            two.write(
                Put(replace(known, status="failed", end_time=after(9))),
                Put(callback("heir", stream=known.sid)),
            )
            store.begin(unknown)
            store.write(Put(callback("ringing", stream=unknown.sid)))
            store.write(Put(ended), Put(callback("completed", stream=unknown.sid)), Put(noted))
            store.write(
                Put(replace(known, status="completed", end_time=after(4))),
                Put(callback("own", stream=known.sid)),
            )
            store.begin(lost)
            store.write(Remove(CallbackRecord, ("heir",)))
            await store.flush()
            await two.flush()
        async with Store.open(postgresql_url, data_dir=tmp_path, owner=one()) as store:
            records = {sid: await store.calls.fetch(sid) for sid in (known.sid, unknown.sid)}
            assert records[unknown.sid] == ended
            found = records[known.sid]
            assert found is not None
            assert found.status == "failed", "what another node has announced stays so"
            due, _ = await store.callbacks.due(URL, NOON, 10)
            assert [each.event_id for each in due] == [
                callback("ringing").event_id,
                callback("completed").event_id,
            ]
            assert [each.sid for each in await store.calls.live_ones("one")] == [lost.sid], (
                "its end is not known"
            )
    assert Unwritten(tmp_path).read() == []


async def test_timelines_of_the_time_apart_are_written_late(postgresql_url: str, tmp_path: Path) -> None:
    """Of a call that the database never knew, of one that another node has ended, and of one that was over before."""
    taken, over, unknown = call(node="one"), call(node="one", end_time=after(1)), call(node="one")
    absent = call(node="one")
    async with Store.open(postgresql_url, owner=Owner("two", "2" * 32)) as two:
        async with Store.open(postgresql_url, data_dir=tmp_path, owner=one()) as store:
            store.write(Put(taken), Put(over))
            await store.flush()
            assert two.nodes is not None
            [entry] = [each for each in await two.nodes.all() if each.name == "one"]
            assert await two.nodes.bury(entry) is not None
            two.write(Put(replace(taken, status="failed", end_time=after(9))))
            await two.flush()
            store.begin(unknown)
            store.write(Put(replace(unknown, status="completed", end_time=after(5))))
            for each in (taken, over, unknown, absent):
                store.write(AddEvents(each.sid, (event(0, name="Say\ud800"), event(1))))
            await store.flush()
        async with Store.open(postgresql_url, data_dir=tmp_path, owner=one()) as store:
            for each in (taken, over, unknown):
                page = await store.events.page(each.sid, PageRequest(0, 10))
                assert page.records == (event(0, name="Say\ufffd"), event(1))
            assert not (await store.events.page(absent.sid, PageRequest(0, 10))).records, "deleted meanwhile"
            assert await store.calls.fetch(absent.sid) is None
            found = await store.calls.fetch(taken.sid)
            assert found is not None
            assert found.status == "failed"


async def test_a_process_that_dies_as_it_writes_late_has_a_next_one_that_does_the_same_again(
    postgresql_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The file is removed once all is written: what it says of calls is written twice, and is there once."""
    over, unknown = call(node="one", end_time=after(1)), call(node="one")
    async with Store.open(postgresql_url, owner=one()) as store:
        await store.commit(Put(over))
    for _ in range(2):
        unwritten = Unwritten(tmp_path)
        unwritten.note((Put(replace(unknown, status="completed", end_time=after(5))),))
        for each in (over, unknown):
            unwritten.note((AddEvents(each.sid, (event(0), event(1))), AddEvents(each.sid, (event(2),))))
        unwritten.close()
        async with Store.open(postgresql_url, data_dir=tmp_path, owner=one()) as store:
            for each in (over, unknown):
                page = await store.events.page(each.sid, PageRequest(0, 10))
                assert page.records == (event(0), event(1), event(2))
    assert not [each.getMessage() for each in caplog.records if each.levelname == "ERROR"]


def test_timelines_have_their_bound_and_records_have_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unwritten_room, "MAX_EVENTS", 1000)
    unwritten = Unwritten(tmp_path)
    long, short = event(0, body="x" * 900), event(0, body="x")
    done = call(end_time=after(5))
    for each in (long, long, short):
        unwritten.note((Put(done), AddEvents(done.sid, (each,))))
    unwritten.close()
    put = Put(done)
    assert unwritten.read() == [put, put, put, AddEvents(done.sid, (short,))]


async def test_what_waits_for_a_database_when_the_node_stops_is_written_at_the_next_start(
    postgresql_url: str, tmp_path: Path
) -> None:
    done = call(node="one", status="completed", end_time=after(5))
    unwritten = Unwritten(tmp_path)
    unwritten.note((Put(replace(done, status="ringing", end_time=None)),))
    unwritten.note((Put(done), Put(recording(call_sid=done.sid))))
    unwritten.close()
    async with Store.open(postgresql_url, data_dir=tmp_path, owner=one()) as store:
        assert await store.calls.fetch(done.sid) == done
        assert await store.callbacks.hosts(10) == ()


async def test_a_name_that_the_database_does_not_take_costs_no_late_record(
    postgresql_url: str, tmp_path: Path
) -> None:
    """NUL, which PostgreSQL refuses in text: a call that ended and one that a crash cut short."""
    done = call(node="one", status="completed", end_time=after(5), caller_name="Ann\0")
    cut_short = call(node="one", caller_name="Bob\0")
    unwritten, log = Unwritten(tmp_path), CallLog(tmp_path)
    unwritten.note((Put(done), Put(callback("completed", stream=done.sid))))
    unwritten.close()
    log.open()
    log.note(cut_short, 1)
    log.close()
    async with Store.open(postgresql_url, data_dir=tmp_path, owner=one()) as store:
        assert await store.calls.fetch(done.sid) == replace(done, caller_name="Ann\ufffd")
        assert len((await store.callbacks.due(URL, NOON, 10))[0]) == 1
        assert [each.caller_name for each in await store.calls.live_ones("one")] == ["Bob\ufffd"]


async def test_a_node_that_writes_late_for_long_makes_heartbeats_meanwhile(
    postgresql_url: str, tmp_path: Path
) -> None:
    """Others would take over from one that is silent for four seconds, before it is up."""
    path = tmp_path / "unwritten.jsonl"
    os.mkfifo(path)  # the node reads for as long as this test likes
    done = call(node="one", status="completed", end_time=after(5))
    async with Store.open(postgresql_url, owner=Owner("two", "2" * 32)) as two:
        opening = asyncio.create_task(_opened(postgresql_url, tmp_path, done.sid))
        assert await looked_up(partial(_beating, two, "one"), 500, 0.02)
        assert not opening.done()
        unwritten = Unwritten(tmp_path)
        await asyncio.to_thread(unwritten.note, (Put(done),))
        unwritten.close()
        assert await opening == done


async def _beating(store: Store, name: str) -> NodeEntry | None:
    """The node of that name, once it has made a heartbeat."""
    assert store.nodes is not None
    return next((each for each in await store.nodes.all() if each.name == name and each.beat), None)


async def _opened(url: str, folder: Path, sid: CallSid) -> CallRecord | None:
    """The record of a call, once the node has started."""
    async with Store.open(url, data_dir=folder, owner=one()) as store:
        return await store.calls.fetch(sid)


def test_a_line_that_was_cut_or_is_another_versions_does_no_harm(tmp_path: Path) -> None:
    unwritten = Unwritten(tmp_path)
    first = call(caller_name="\ud800lice")
    unwritten.note((Put(first), Remove(CallbackRecord, ("x",))))
    unwritten.close()
    path = tmp_path / "unwritten.jsonl"
    whole = path.read_bytes()
    path.write_bytes(b'{"kind": "New", "value": 1}\n\xff\n[]\n' + whole + whole[:40])
    read = unwritten.read()
    assert read == [Put(replace(first, caller_name="\ufffdlice"))]
    unwritten.forget()
    unwritten.forget()
    assert unwritten.read() == []


def test_text_that_breaks_lines_elsewhere_does_not_break_one_here(tmp_path: Path) -> None:
    change = Put(call(caller_name="Ann\u2028Bob\x85Carl"))
    unwritten = Unwritten(tmp_path)
    unwritten.note([change])
    unwritten.close()
    assert unwritten.read() == [change]
