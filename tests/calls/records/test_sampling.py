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


class Stream:
    """A stream that sends a packet between any two questions, until it is `silent`."""

    def __init__(self) -> None:
        self.sent = 0
        self.is_silent = False
        self.statistics = lambda: StreamStatistics(packets_sent=self.sent)

    @property
    def packets(self) -> int:
        """So far."""
        self.sent += not self.is_silent
        return self.sent


class Live:
    """What `sample_media` needs of the live calls, which share a stream."""

    def __init__(self, number: int) -> None:
        self.bus = EventBus()
        self.seen: list[tuple[float, CallSid]] = []
        self.bus.attach(MediaSampled, self._sampled)
        self.stream = Stream()
        leg = SimpleNamespace(is_lent=False, stream=self.stream)
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


def test_a_stream_whose_packets_stand_still_is_not_sampled_until_they_move() -> None:
    async def story() -> None:
        live = Live(1)
        sampling = asyncio.ensure_future(sample_media(cast("LiveCalls", live)))
        await asyncio.sleep(0.1)
        live.stream.is_silent = True
        await asyncio.sleep(4 * EVERY_S)
        assert len(live.seen) == 1
        live.stream.is_silent = False
        await asyncio.sleep(EVERY_S)
        assert len(live.seen) == 2
        sampling.cancel()

    run(story())
