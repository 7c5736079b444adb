"""The audio of live calls over time: samples of each stream's counters for the timeline.

A round over all calls takes `EVERY_S`, in slices: samples of 3,000 calls at once would hold up the others for 60 ms.
A stream whose counters stand still (a party on hold, a leg without audio) is asked for one number and not sampled.
"""

import asyncio
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec import Struct

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
    """Publish a sample of every live call whose packets have moved, for as long as the node runs."""
    known: dict[CallSid, _Sampled] = {}
    while True:
        # By their sids: what is over may go before its turn comes.
        sids = [call.sid for call in live.calls() if not call.leg.is_lent]
        known = {sid: known.get(sid) or _Sampled() for sid in sids}
        slices = list(_slices(sids)) or [[]]
        for each in slices:
            for sid in each:
                _sample(live, sid, known[sid])
            await asyncio.sleep(EVERY_S / len(slices))


class _Sampled(Struct, gc=False):
    """How often a call's turn has come, and the packets of its stream then."""

    turns: int = 0
    packets: int = 0


def _slices(sids: Sequence[CallSid]) -> Iterator[Sequence[CallSid]]:
    return (sids[start : start + SLICE] for start in range(0, len(sids), SLICE))


def _sample(live: LiveCalls, sid: CallSid, known: _Sampled) -> None:
    known.turns += 1
    call = live.get(sid)
    if call is None or call.leg.is_lent or (known.turns > DENSE_SAMPLES and known.turns % SPARSE):
        return
    packets = call.leg.stream.packets
    if packets != known.packets:
        known.packets = packets
        live.bus.publish(MediaSampled(call.record, utc_now(), call.leg.stream.statistics()))
