"""Completes the recordings that a crash cut short, with their callbacks.

What was written of the sound until then is kept: all but the last two seconds. Such a callback has the event id that a
regular end would have had, so that an application which received it before the crash recognises the duplicate.
"""

import asyncio
from typing import Protocol

from callapi.base.clock import utc_now
from callapi.calls.events import EventBus, ProblemRaised
from callapi.calls.problem import Problem
from callapi.calls.recording.recordings import RECORDING_FAILED, Recordings, absent, completed, failed
from callapi.media import complete_recording
from callapi.store import RecordingRecord


class RecordingsOfNode(Protocol):
    """Where the records are."""

    async def live_ones(self, node: str) -> tuple[RecordingRecord, ...]:
        """The recordings of `node` that have no end."""
        ...


async def close_recordings_a_crash_left(
    records: RecordingsOfNode, recordings: Recordings, bus: EventBus, node: str
) -> int:
    """Make each file whole that `node` did not, and publish its end; how many there were. Raises Unavailable."""
    left = await records.live_ones(node)
    for record in left:
        is_mono = record.channels == 1
        try:
            duration_ms = await asyncio.to_thread(
                complete_recording, recordings.path_of(record.sid), is_mono=is_mono
            )
        except OSError as error:
            now = utc_now()
            problem = Problem(
                RECORDING_FAILED, f"recording {record.sid} is lost, the node broke off: {error}"
            )
            bus.publish(ProblemRaised(problem, record.account_sid, now, record.call_sid))
            recordings.keep(*failed(record, now))
        else:
            now = utc_now()
            recordings.keep(*(completed(record, now, duration_ms) if duration_ms else absent(record, now)))
    return len(left)
