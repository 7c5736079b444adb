"""Recordings that a crash cut short are completed from their files, and reported as the application asked."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import soundfile
from msgspec.structs import replace

from callapi.base.ids import AccountSid, CallSid, RecordingSid
from callapi.calls.events import EventBus, ProblemRaised
from callapi.calls.recording.recordings import Recordings
from callapi.calls.recording.recovery import close_recordings_a_crash_left
from callapi.calls.records.journal import Journal
from callapi.store import RecordingRecord
from tests.verbs.world import Book

NOW = datetime(2026, 11, 17, 10, 0, 0, tzinfo=UTC)
UNDER_WAY = RecordingRecord(
    sid=RecordingSid("RE" + "1" * 32),
    account_sid=AccountSid("AC" + "0" * 32),
    call_sid=CallSid("CA" + "1" * 32),
    status="in-progress",
    source="StartCallRecordingAPI",
    channels=1,
    api_version="2012-04-24",
    start_time=NOW,
    date_created=NOW,
    date_updated=NOW,
    node="node-1",
    status_callback="http://app/recorded",
    status_callback_method="GET",
    status_callback_events=("completed",),
)


class Left:
    """One recording without an end."""

    def __init__(self, record: RecordingRecord) -> None:
        self._record = record

    async def live_ones(self, node: str) -> tuple[RecordingRecord, ...]:
        return (self._record,) if node == "node-1" else ()


def cut_short(folder: Path, record: RecordingRecord, *, frames: int, channels: int) -> None:
    """The file as a node leaves it that is killed: no length in its header, half a frame at its end."""
    path = folder / f"{record.sid}.wav"
    soundfile.write(path, np.full((frames, channels), (100, 200)[:channels], np.int16), 8000)
    octets = bytearray(path.read_bytes())
    octets[40:44] = bytes(4)
    path.with_name(path.name + ".part").write_bytes(octets + b"\x01")
    path.unlink()


async def recovered(
    folder: Path, record: RecordingRecord
) -> tuple[RecordingRecord, Book, list[ProblemRaised]]:
    book, bus, problems = Book(), EventBus(), list[ProblemRaised]()
    Journal(book).attach_to(bus)  # type: ignore[arg-type]
    bus.attach(ProblemRaised, problems.append)
    recordings = Recordings(folder, bus, lambda _account, sid: f"http://node/{sid}")
    assert await close_recordings_a_crash_left(Left(record), recordings, bus, "node-1") == 1
    [kept] = book.recordings.values()
    return kept, book, problems


async def test_the_sound_is_kept_and_reported(tmp_path: Path) -> None:
    cut_short(tmp_path, UNDER_WAY, frames=20_000, channels=1)
    kept, book, problems = await recovered(tmp_path, UNDER_WAY)
    assert (kept.status, kept.duration, kept.path) == ("completed", 3, f"{UNDER_WAY.sid}.wav")
    assert kept.end_time is not None
    samples, rate = soundfile.read(tmp_path / f"{UNDER_WAY.sid}.wav", dtype="int16")
    assert (len(samples), rate, set(samples)) == (20_000, 8000, {100})
    [row] = book.callbacks
    assert (row.url, row.method) == ("http://app/recorded", "GET")
    assert dict(row.parameters)["RecordingStatus"] == "completed"
    assert not problems


async def test_what_one_party_heard_is_made_mono(tmp_path: Path) -> None:
    cut_short(tmp_path, UNDER_WAY, frames=8000, channels=2)
    kept, _, _ = await recovered(tmp_path, UNDER_WAY)
    samples, _ = soundfile.read(tmp_path / f"{UNDER_WAY.sid}.wav", dtype="int16")
    assert (kept.duration, set(samples)) == (1, {200})


async def test_both_channels_stay(tmp_path: Path) -> None:
    dual = replace(UNDER_WAY, channels=2, status_callback=None, status_callback_events=())
    cut_short(tmp_path, dual, frames=8000, channels=2)
    kept, book, _ = await recovered(tmp_path, dual)
    samples, _ = soundfile.read(tmp_path / f"{dual.sid}.wav", dtype="int16")
    assert (kept.status, samples.shape, book.callbacks) == ("completed", (8000, 2), [])


async def test_a_whole_file_is_preferred_to_a_part_of_its_mono_copy(tmp_path: Path) -> None:
    cut_short(tmp_path, UNDER_WAY, frames=800, channels=1)
    soundfile.write(tmp_path / f"{UNDER_WAY.sid}.wav", np.full((16_000, 2), (100, 200), np.int16), 8000)
    kept, _, _ = await recovered(tmp_path, UNDER_WAY)
    samples, _ = soundfile.read(tmp_path / f"{UNDER_WAY.sid}.wav", dtype="int16")
    assert (kept.duration, set(samples)) == (2, {200})
    assert not sorted(tmp_path.rglob("*.part"))  # noqa: ASYNC240


async def test_a_file_without_sound_is_absent(tmp_path: Path) -> None:
    cut_short(tmp_path, UNDER_WAY, frames=0, channels=1)
    kept, book, _ = await recovered(tmp_path, UNDER_WAY)
    assert (kept.status, kept.path, book.callbacks) == ("absent", None, [])


async def test_a_lost_file_fails_and_says_so(tmp_path: Path) -> None:
    kept, book, [problem] = await recovered(tmp_path, UNDER_WAY)
    assert (kept.status, kept.error_code) == ("failed", 60_030)
    assert dict(book.callbacks[0].parameters)["RecordingStatus"] == "failed"
    assert problem.call_sid == UNDER_WAY.call_sid
    assert f"recording {UNDER_WAY.sid} is lost" in problem.problem.text


async def test_a_file_that_is_not_a_recording_fails(tmp_path: Path) -> None:
    (tmp_path / f"{UNDER_WAY.sid}.wav.part").write_bytes(b"RIFF")
    kept, _, [problem] = await recovered(tmp_path, UNDER_WAY)
    assert kept.status == "failed"
    assert "is not a recording" in problem.problem.text
