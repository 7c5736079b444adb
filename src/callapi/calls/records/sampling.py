"""The audio of live calls over time: samples of each stream's counters for the timeline."""

import asyncio
from typing import Final

from callapi.base.clock import utc_now
from callapi.calls.events import MediaSampled
from callapi.calls.live import LiveCalls

EVERY_S: Final = 5.0
DENSE_SAMPLES: Final = 60
"""So many are taken every `EVERY_S` seconds; a longer call has one in `SPARSE` of them, so that its timeline fits."""
SPARSE: Final = 12


async def sample_media(live: LiveCalls) -> None:
    """Publish a sample of every live call that has packets, for as long as the node runs."""
    turns: dict[str, int] = {}
    while True:
        await asyncio.sleep(EVERY_S)
        calls = [call for call in live.calls() if not call.leg.is_lent]
        turns = {call.sid: turns.get(call.sid, 0) + 1 for call in calls}
        for call in calls:
            turn = turns[call.sid]
            if turn > DENSE_SAMPLES and turn % SPARSE:
                continue
            statistics = call.leg.stream.statistics()
            if statistics.packets_received or statistics.packets_sent:
                live.bus.publish(MediaSampled(call.record, utc_now(), statistics))
