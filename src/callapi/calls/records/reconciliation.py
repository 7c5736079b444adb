"""What a crash left behind: records of calls that no process carries any more get their end, and tell of it.

The callback of such an end has the event id that it would have had, so that an application that was told before the
crash can tell the repetition.
"""

from datetime import datetime
from typing import Final, Protocol

from msgspec.structs import replace

from callapi.base.clock import utc_now
from callapi.calls.records.journal import Journal
from callapi.calls.status import CallStatus
from callapi.sip import Party
from callapi.store import CallRecord

REASON: Final = "the node broke off"


class CallsOfNode(Protocol):
    """Where the records are."""

    async def live_ones(self, node: str) -> tuple[CallRecord, ...]:
        """The calls of `node` that have no end."""
        ...


async def close_what_a_crash_left(calls: CallsOfNode, journal: Journal, node: str) -> int:
    """Give each call that `node` did not end its final record and callback; how many there were."""
    records = await calls.live_ones(node)
    for record in records:
        close(record, journal, utc_now())
    return len(records)


def close(record: CallRecord, journal: Journal, now: datetime) -> None:
    """End one record. It lasted until its last known moment: how long the node was away is not talk."""
    until = record.date_updated
    was_answered = record.answer_time is not None
    status = CallStatus.COMPLETED if was_answered else CallStatus.FAILED
    ended = replace(
        record,
        status=status.value,
        end_time=now,
        date_updated=now,
        duration=int((until - record.answer_time).total_seconds()) if record.answer_time else 0,
        ended_by=Party.NETWORK.value,
        end_reason=REASON,
    )
    journal.end(ended, now)
