"""The audio of live calls over time: samples of each stream's counters for the timeline.

A round over all calls takes `EVERY_S`, in slices: samples of 3,000 calls at once would hold up the others for 60 ms.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

from callapi.base.clock import utc_now
from callapi.base.ids import CallSid
from callapi.calls.events import MediaSampled
from callapi.calls.live import LiveCalls

EVERY_S: Final = 5.0
DENSE_SAMPLES: Final = 60
"""So many are taken every `EVERY_S` seconds; a longer call has one in `SPARSE` of them, so that its timeline fits."""
SPARSE: Final = 12
SLICE: Final = 32
"""Calls that are sampled in one turn of the loop."""


async def sample_media(live: LiveCalls) -> None:
    """Publish a sample of every live call that has packets, for as long as the node runs."""
    turns: dict[CallSid, int] = {}
    while True:
        # By their sids: what is over may go before its turn comes.
        sids = [call.sid for call in live.calls() if not call.leg.is_lent]
        turns = {sid: turns.get(sid, 0) + 1 for sid in sids}
        slices = list(_slices(sids)) or [[]]
        for each in slices:
            for sid in each:
                if turns[sid] <= DENSE_SAMPLES or turns[sid] % SPARSE == 0:
                    _sample(live, sid)
            await asyncio.sleep(EVERY_S / len(slices))


def _slices(sids: Sequence[CallSid]) -> Iterator[Sequence[CallSid]]:
    return (sids[start : start + SLICE] for start in range(0, len(sids), SLICE))


def _sample(live: LiveCalls, sid: CallSid) -> None:
    call = live.get(sid)
    if call is None or call.leg.is_lent:
        return
    statistics = call.leg.stream.statistics()
    if statistics.packets_received or statistics.packets_sent:
        live.bus.publish(MediaSampled(call.record, utc_now(), statistics))
