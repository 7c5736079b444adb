"""Samples of live calls: each call every five seconds, a few calls at a time."""

import asyncio
from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

from callapi.base.ids import AccountSid, CallSid
from callapi.calls.events import EventBus, MediaSampled
from callapi.calls.live import LiveCalls
from callapi.calls.records.sampling import DENSE_SAMPLES, EVERY_S, SLICE, SPARSE, sample_media
from callapi.media import StreamStatistics
from tests.api.world import call_record
from tests.virtual_time import run

ACCOUNT = AccountSid("AC" + "1" * 32)


class Live:
    """What `sample_media` needs of the live calls, with streams whose counters stand still."""

    def __init__(self, number: int) -> None:
        self.bus = EventBus()
        self.seen: list[tuple[float, CallSid]] = []
        self.bus.attach(MediaSampled, self._sampled)
        leg = SimpleNamespace(
            is_lent=False, stream=SimpleNamespace(statistics=lambda: StreamStatistics(packets_sent=1))
        )
        sids = [CallSid(f"CA{place:032x}") for place in range(number)]
        self.known: dict[CallSid, Any] = {
            sid: SimpleNamespace(sid=sid, leg=leg, record=call_record(ACCOUNT, sid=sid)) for sid in sids
        }

    def _sampled(self, event: MediaSampled) -> None:
        self.seen.append((asyncio.get_running_loop().time(), event.record.sid))

    def calls(self) -> list[Any]:
        """All."""
        return list(self.known.values())

    def get(self, sid: CallSid) -> Any:
        """One, unless it is over."""
        return self.known.get(sid)


async def _sampled_for(live: Live, seconds: float) -> None:
    sampling = asyncio.ensure_future(sample_media(cast("LiveCalls", live)))
    await asyncio.sleep(seconds)
    sampling.cancel()


def test_many_calls_are_sampled_in_slices_each_once_in_a_round() -> None:
    async def story() -> None:
        live = Live(10 * SLICE)
        await _sampled_for(live, 2 * EVERY_S - 0.1)
        assert set(Counter(sid for _, sid in live.seen).values()) == {2}
        instants = Counter(at for at, _ in live.seen)
        assert len(instants) == 20
        assert set(instants.values()) == {SLICE}

    run(story())


def test_a_call_that_ends_before_its_turn_is_left_out() -> None:
    async def story() -> None:
        live = Live(2 * SLICE)
        last = list(live.known)[-1]
        sampling = asyncio.ensure_future(sample_media(cast("LiveCalls", live)))
        await asyncio.sleep(0.1)
        del live.known[last]
        await asyncio.sleep(EVERY_S)
        sampling.cancel()
        assert last not in {sid for _, sid in live.seen}

    run(story())


def test_a_long_call_is_sampled_once_a_minute() -> None:
    async def story() -> None:
        live = Live(1)
        await _sampled_for(live, EVERY_S * (DENSE_SAMPLES + 3 * SPARSE) - 0.1)
        assert len(live.seen) == DENSE_SAMPLES + 3

    run(story())
