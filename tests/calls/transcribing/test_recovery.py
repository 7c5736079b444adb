"""Texts that a crash cut short end failed, and others stay."""

from pathlib import Path

from msgspec.structs import replace

from callapi.base.ids import RecordingSid, new_transcript_sid
from callapi.calls.transcribing.recovery import close_texts_a_crash_left
from callapi.store import Put, Store, TranscriptRecord
from tests.store import samples


def _text(status: str, node: str) -> TranscriptRecord:
    call = samples.call()
    ended = None if status == "in-progress" else call.date_created
    return TranscriptRecord(
        sid=new_transcript_sid(),
        account_sid=call.account_sid,
        recording_sid=RecordingSid("RE" + "1" * 32),
        call_sid=call.sid,
        status=status,
        api_version="2012-04-24",
        date_created=call.date_created,
        date_updated=call.date_created,
        node=node,
        end_time=ended,
    )


async def test_only_what_this_node_left_ends(tmp_path: Path) -> None:
    left, done, elsewhere = (
        _text("in-progress", "node-1"),
        _text("completed", "node-1"),
        _text("in-progress", "node-2"),
    )
    async with Store.open(f"sqlite:///{tmp_path}/callapi.db") as store:
        await store.commit(Put(left), Put(done), Put(elsewhere))
        await close_texts_a_crash_left(store, "node-1")
        await store.flush()
        ended = await store.transcripts.fetch(left.sid)
        assert ended is not None
        assert ended.end_time is not None
        assert ended == replace(
            left, status="failed", date_updated=ended.date_updated, end_time=ended.end_time
        )
        assert await store.transcripts.fetch(done.sid) == done
        assert await store.transcripts.fetch(elsewhere.sid) == elsewhere
