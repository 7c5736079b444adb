"""Recordings: list, fetch, sound, delete; also below their call."""

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from callapi.base.ids import new_recording_sid
from callapi.store import RecordingRecord
from tests.api.world import NOW, World, finished_call


async def _recorded(world: World, **changes: Any) -> RecordingRecord:
    call = finished_call(world.account.sid)
    sid = new_recording_sid()
    record = RecordingRecord(
        sid=sid,
        account_sid=world.account.sid,
        call_sid=call.sid,
        status="completed",
        source="DialVerb",
        channels=2,
        api_version="2012-04-24",
        start_time=NOW,
        date_created=NOW,
        date_updated=NOW,
        duration=12,
        path=f"{sid}.wav",
    )
    record = replace(record, **changes)
    await world.keep(call, record)
    (world.recordings_dir / f"{sid}.wav").write_bytes(b"RIFF and so on")
    return record


async def test_fetch(world: World) -> None:
    """Twilio's shape, in both places."""
    record = await _recorded(world)
    shown = (await world.get(f"Recordings/{record.sid}.json")).json
    assert (shown["duration"], shown["channels"], shown["source"]) == ("12", 2, "DialVerb")
    assert shown["media_url"] == f"http://127.0.0.1:8080{world.base}/Recordings/{record.sid}"
    below = await world.get(f"Calls/{record.call_sid}/Recordings/{record.sid}.json")
    assert below.json == shown
    other = finished_call(world.account.sid)
    await world.keep(other)
    assert (await world.get(f"Calls/{other.sid}/Recordings/{record.sid}.json")).status == 404


async def test_list(world: World) -> None:
    """By `CallSid`, by `DateCreated`, below the call."""
    first = await _recorded(world)
    second = await _recorded(world, date_created=NOW + timedelta(days=1))

    async def listed(path: str) -> list[str]:
        return [each["sid"] for each in (await world.get(path)).json["recordings"]]

    assert await listed("Recordings.json") == [second.sid, first.sid]
    assert await listed(f"Recordings.json?CallSid={first.call_sid}") == [first.sid]
    assert await listed("Recordings.json?DateCreated>=2026-11-18") == [second.sid]
    assert await listed(f"Calls/{first.call_sid}/Recordings.json") == [first.sid]


@pytest.mark.parametrize("base", ["/2010-04-01", "/2012-04-24", "/restcomm/2012-04-24"])
async def test_sound(world: World, base: str) -> None:
    """`.wav` as it is, with byte ranges; `.mp3` encoded; without suffix by `Accept`."""
    record = await _recorded(world)
    path = f"{base}/Accounts/{record.account_sid}/Recordings/{record.sid}"
    wav = await world.get(f"{path}.wav")
    assert (wav.status, wav.headers["content-type"], wav.body) == (200, "audio/x-wav", b"RIFF and so on")
    part = await world.get(f"{path}.wav", headers={"Range": "bytes=0-3"})
    assert (part.status, part.body) == (206, b"RIFF")
    mp3 = await world.get(f"{path}.mp3")
    assert (mp3.headers["content-type"], mp3.body) == ("audio/mpeg", f"MP3 of {record.sid}.wav".encode())
    asked = await world.get(path, headers={"Accept": "audio/*, */*;q=0.5"})
    assert asked.body == wav.body
    below = f"{base}/Accounts/{record.account_sid}/Calls/{record.call_sid}/Recordings/{record.sid}.wav"
    assert (await world.get(below)).body == wav.body


async def test_no_sound(world: World) -> None:
    """A recording that failed, or whose file is gone: 404, not 500."""
    failed = await _recorded(world, status="failed", path=None, error_code=60_030)
    assert (await world.get(f"Recordings/{failed.sid}.wav")).status == 404
    gone = await _recorded(world)
    (world.recordings_dir / f"{gone.sid}.wav").unlink()
    assert (await world.get(f"Recordings/{gone.sid}.mp3")).status == 404


async def test_delete(world: World) -> None:
    """The file goes too; one that is still being made stays."""
    record = await _recorded(world)
    assert (await world.delete(f"Recordings/{record.sid}.json")).status == 204
    assert not (world.recordings_dir / f"{record.sid}.wav").exists()
    assert (await world.get(f"Recordings/{record.sid}.json")).status == 404
    live = await _recorded(world, status="in-progress", path=None)
    refused = await world.delete(f"Calls/{live.call_sid}/Recordings/{live.sid}.json")
    assert (refused.status, refused.json["code"]) == (409, 20009)
