"""The first record of a call outlives the process, whatever has reached the database."""

import json
from datetime import datetime
from pathlib import Path

import pytest
from msgspec.structs import asdict, replace

from callapi.store import Put, Store, WriterLimits
from callapi.store.writing.call_log import TURN, CallLog
from tests.store.samples import call

NEVER = WriterLimits(linger_s=60)


def _noted(folder: Path) -> list[str]:
    return [record.sid for record in CallLog(folder).read()]


def test_what_is_noted_is_read_as_it_was(tmp_path: Path) -> None:
    call_log = CallLog(tmp_path)
    call_log.open()
    record = call(status_callback="http://a/b", status_callback_events=("answered", "completed"))
    call_log.note(record, 1)
    call_log.close()
    assert list(CallLog(tmp_path).read()) == [record]


def test_text_that_breaks_lines_elsewhere_does_not_break_one_here(tmp_path: Path) -> None:
    """U+2028 and U+0085 end a line for `str.splitlines`, and JSON writes them as they are."""
    call_log = CallLog(tmp_path)
    call_log.open()
    record = call(caller_name="Ann\u2028Bob\x85Carl")
    call_log.note(record, 1)
    call_log.close()
    assert list(CallLog(tmp_path).read()) == [record]


def test_a_line_that_was_cut_or_is_another_versions_does_no_harm(tmp_path: Path) -> None:
    call_log = CallLog(tmp_path)
    call_log.open()
    first, second = call(), call()
    call_log.note(first, 1)
    call_log.note(second, 2)
    call_log.close()
    path = tmp_path / "call-log-0.jsonl"
    whole = path.read_bytes()
    later = whole.splitlines()[0].replace(b'{"sid"', b'{"new_in_version_9": 1, "sid"')
    path.write_bytes(later + b"\n\xff\n[]\n{}\n" + whole.splitlines()[1][:-9])
    assert _noted(tmp_path) == [first.sid]


def test_text_that_is_no_unicode_is_noted_with_a_mark_in_its_place(tmp_path: Path) -> None:
    call_log = CallLog(tmp_path)
    call_log.open()
    call_log.note(call(caller_name="\ud800lice"), 1)
    call_log.close()
    [record] = CallLog(tmp_path).read()
    assert record.caller_name == "\ufffdlice"


def test_a_line_as_json_of_any_writer_is_read(tmp_path: Path) -> None:
    """The files of an earlier version may be the ones that are found."""
    record = call(status_callback_events=("answered",))
    known = {name: value for name, value in asdict(record).items() if value is not None}
    line = json.dumps(known, default=datetime.isoformat)
    (tmp_path / "call-log-0.jsonl").write_text(f"{line}\n")
    assert list(CallLog(tmp_path).read()) == [record]


def test_the_files_take_turns_and_stay_small(tmp_path: Path) -> None:
    """As long as the database keeps up; and none is emptied whose calls are not all in the database."""
    call_log = CallLog(tmp_path)
    call_log.open()
    for group in range(1, 2000):
        call_log.note(call(), group)
        call_log.settled(group - 100)
        assert len(_noted(tmp_path)) >= min(group, 100) if group % 200 == 0 else True
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) < 4 * TURN
    before = len(_noted(tmp_path))
    for group in range(2000, 2300):
        call_log.note(call(), group)
        call_log.settled(1900)
    assert len(_noted(tmp_path)) >= before
    call_log.close()


def test_a_full_disk_stops_no_call(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    call_log = CallLog(tmp_path)
    call_log.open()
    call_log.close()
    with Path("/dev/full").open("ab", buffering=0) as full:
        call_log._files = [full.fileno()] * 2
        call_log.note(call(), 1)
        call_log.note(call(), 2)
    assert len(caplog.records) == 1, "it is said once"


async def test_a_store_gives_the_database_what_a_dead_one_had_noted(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'a.db'}"
    lost, known = call(), call()
    async with Store.open(url, NEVER, data_dir=tmp_path) as store:
        await store.commit(Put(replace(known, status="in-progress")))
        store.begin(lost)
        store.begin(replace(known, status="queued"))
        noted = (tmp_path / "call-log-0.jsonl").read_bytes()
    (tmp_path / "call-log-0.jsonl").write_bytes(noted)
    async with Store.open(f"sqlite:///{tmp_path / 'b.db'}", data_dir=tmp_path) as store:
        assert await store.calls.fetch(lost.sid) == lost
    assert _noted(tmp_path) == [], "what the database has is noted no more"


async def test_what_the_database_knows_better_is_left(tmp_path: Path) -> None:
    url, record = f"sqlite:///{tmp_path / 'a.db'}", call()
    call_log = CallLog(tmp_path)
    call_log.open()
    call_log.note(record, 1)
    call_log.close()
    async with Store.open(url) as store:
        await store.commit(Put(replace(record, status="completed")))
    async with Store.open(url, data_dir=tmp_path) as store:
        kept = await store.calls.fetch(record.sid)
    assert kept is not None
    assert kept.status == "completed"
