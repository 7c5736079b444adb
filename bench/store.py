"""What writing costs: groups a second, processor time a call, and the time from write to commit.

    python bench/store.py [sqlite:///… | postgresql://…] [--calls 5000] [--rate 400]

A call is written as it is in life: two records in seven steps, two of them with a callback, thirty events at the end,
and the two rows of the outbox removed again: ten groups.
"""

import argparse
import asyncio
import tempfile
import time

from msgspec.structs import replace

from callapi.base.clock import utc_now
from callapi.base.ids import AccountSid, EventId, new_call_sid
from callapi.store import AddEvents, CallbackRecord, CallRecord, Change, EventRecord, Put, Remove, Store

ACCOUNT = AccountSid("AC" + "0" * 32)
MESSAGE = (
    "INVITE sip:1000@127.0.0.1 SIP/2.0\r\n" + "X-Header: some value that is as long as they are\r\n" * 12
)


def record(parent: CallRecord | None = None) -> CallRecord:
    now = utc_now()
    return CallRecord(
        sid=new_call_sid(),
        account_sid=ACCOUNT,
        from_="+15550001111",
        to="1000",
        direction="inbound",
        status="ringing",
        date_created=now,
        date_updated=now,
        start_time=now,
        api_version="2012-04-24",
        node="node-1",
        parent_call_sid=parent.sid if parent else None,
        sip_call_id="f81d4fae-7dec-11d0-a765-00a0c91e6bf6@192.0.2.1",
        status_callback="http://127.0.0.1:9000/status",
        status_callback_events=("completed",),
    )


def callback(call: CallRecord, event: str) -> CallbackRecord:
    now = utc_now()
    parameters = tuple((f"Parameter{number}", "a value of some length") for number in range(14))
    return CallbackRecord(
        EventId(f"EV{call.sid}{event}"),
        call.sid,
        ACCOUNT,
        call.status_callback or "",
        "POST",
        parameters,
        now,
        now,
    )


def groups() -> list[tuple[Change, ...]]:
    """What is written in the life of one call, step by step."""
    caller = record()
    callee = record(caller)
    answered, completed = callback(callee, "answered"), callback(callee, "completed")
    events = tuple(
        EventRecord(
            number, utc_now(), "sip", {"direction": "sent", "peer": "udp:192.0.2.1:5060", "message": MESSAGE}
        )
        for number in range(30)
    )
    return [
        (Put(caller),),
        (Put(callee),),
        (Put(replace(callee, status="ringing")),),
        (Put(replace(caller, status="in-progress", answer_time=utc_now())),),
        (Put(replace(callee, status="in-progress", answer_time=utc_now())), Put(answered)),
        (Put(replace(callee, status="completed", end_time=utc_now(), duration=3)), Put(completed)),
        (Put(replace(caller, status="completed", end_time=utc_now(), duration=3)),),
        (AddEvents(caller.sid, events),),
        (Remove(CallbackRecord, (answered.event_id,)),),
        (Remove(CallbackRecord, (completed.event_id,)),),
    ]


def writer_cpu(store: Store) -> float:
    """Seconds of processor that the writer's thread has used."""
    thread = store._writer._thread  # noqa: SLF001 - the figure is for us, not for users of the door
    assert thread.ident is not None, "the writer has started"
    return time.clock_gettime(time.pthread_getcpuclockid(thread.ident))


async def flood(store: Store, calls: int) -> None:
    """As fast as it goes."""
    everything = [group for _ in range(calls) for group in groups()]
    cpu, started = writer_cpu(store), time.perf_counter()
    for number, group in enumerate(everything):
        store.write(*group)
        if number % 1000 == 0:
            await asyncio.sleep(0)
    await store.flush()
    elapsed, cpu = time.perf_counter() - started, writer_cpu(store) - cpu
    print(
        f"flood: {len(everything) / elapsed:,.0f} groups/s; the writer {cpu / calls * 1e3:.3f} ms CPU a call"
    )


async def steady(store: Store, calls: int, rate: float) -> None:
    """At `rate` calls a second, each step of a call 250 ms after the one before it."""
    schedule = [
        (call / rate + step * 0.25, group) for call in range(calls) for step, group in enumerate(groups())
    ]
    schedule.sort(key=lambda each: each[0])
    written_at: dict[str, float] = {}
    delays: list[float] = []

    def on_written(callbacks: tuple[CallbackRecord, ...]) -> None:
        now = time.perf_counter()
        delays.extend(now - written_at.pop(each.event_id) for each in callbacks)

    store.subscribe(on_written)
    cpu, batches, spent = writer_cpu(store), store.statistics.batches, 0.0
    started = time.perf_counter()
    for due, group in schedule:
        before = time.perf_counter()
        if before < started + due:
            await asyncio.sleep(started + due - before)
            before = time.perf_counter()
        for change in group[1:]:
            if isinstance(change, Put) and isinstance(change.record, CallbackRecord):
                written_at[change.record.event_id] = before
        store.write(*group)
        spent += time.perf_counter() - before
    await store.flush()
    cpu, batches = writer_cpu(store) - cpu, store.statistics.batches - batches
    delays.sort()
    middle, late = delays[len(delays) // 2] * 1e3, delays[len(delays) * 99 // 100] * 1e3
    print(
        f"steady, {rate:.0f} calls/s: the writer {cpu / calls * 1e3:.3f} ms CPU a call, in {batches} batches;"
        f" write() {spent / len(schedule) * 1e6:.1f} us; until durable p50 {middle:.1f} ms, p99 {late:.1f} ms"
    )


async def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("url", nargs="?")
    parser.add_argument("--calls", type=int, default=5000)
    parser.add_argument("--rate", type=float, default=400)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as directory:
        async with Store.open(arguments.url or f"sqlite:///{directory}/bench.db") as store:
            await flood(store, arguments.calls)
            await steady(store, arguments.calls, arguments.rate)


if __name__ == "__main__":
    asyncio.run(main())
