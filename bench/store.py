"""What writing costs: groups a second, processor time a call, and the time from write to commit.

    python bench/store.py [sqlite:///… | postgresql://…] [--calls 5000] [--rate 400]

A call is written as it is in life: eight groups (two records that change four times each, two of them with a
callback), the rows of the outbox removed again, and 30 events at its end.
"""

import argparse
import asyncio
import tempfile
import time
from dataclasses import replace

from callapi.base.clock import utc_now
from callapi.base.ids import AccountSid, EventId, new_call_sid
from callapi.store import AddEvents, CallbackRecord, CallRecord, EventRecord, Put, Remove, Store

ACCOUNT = AccountSid("AC" + "0" * 32)
MESSAGE = "INVITE sip:1000@127.0.0.1 SIP/2.0\r\n" + "X-Header: some value that is as long as they are\r\n" * 12


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
        EventId(f"EV{call.sid}{event}"), call.sid, ACCOUNT, call.status_callback or "", "POST", parameters, now, now
    )


def steps(store: Store) -> list:
    """One call, as functions that write a step each."""
    caller = record()
    callee = record(caller)
    states = [
        [caller],
        [callee],
        [replace(callee, status="ringing")],
        [replace(caller, status="in-progress", answer_time=utc_now())],
        [replace(callee, status="in-progress", answer_time=utc_now()), callback(callee, "answered")],
        [replace(callee, status="completed", end_time=utc_now(), duration=3), callback(callee, "completed")],
        [replace(caller, status="completed", end_time=utc_now(), duration=3)],
    ]
    events = tuple(
        EventRecord(number, utc_now(), "sip", {"direction": "sent", "peer": "udp:192.0.2.1:5060", "message": MESSAGE})
        for number in range(30)
    )
    writes = [lambda group=group: store.write(*map(Put, group)) for group in states]
    writes.append(lambda: store.write(AddEvents(caller.sid, events)))
    for event in ("answered", "completed"):
        writes.append(lambda event=event: store.write(Remove(CallbackRecord, (f"EV{callee.sid}{event}",))))
    return writes


async def flood(store: Store, calls: int) -> None:
    """As fast as it goes."""
    all_steps = [write for _ in range(calls) for write in steps(store)]
    await store.flush()
    before, cpu = store.statistics.batches, time.process_time()
    started = time.perf_counter()
    for number, write in enumerate(all_steps):
        write()
        if number % 1000 == 0:
            await asyncio.sleep(0)
    loop_s = time.perf_counter() - started
    await store.flush()
    elapsed, cpu = time.perf_counter() - started, time.process_time() - cpu
    print(
        f"flood: {len(all_steps) / elapsed:,.0f} groups/s; {cpu / calls * 1e3:.3f} ms CPU a call;"
        f" {store.statistics.batches - before} batches; write() itself {loop_s / len(all_steps) * 1e6:.1f} us"
    )


async def steady(store: Store, calls: int, rate: float) -> None:
    """At `rate` calls a second, each step of a call some time after the one before it."""
    waiting: list[tuple[float, object]] = []
    for number in range(calls):
        for step, write in enumerate(steps(store)):
            waiting.append((number / rate + step * 0.25, write))
    waiting.sort(key=lambda each: each[0])
    cpu, before, delays = time.process_time(), store.statistics.batches, []
    started = time.perf_counter()
    written_at: dict[str, float] = {}

    def on_written(callbacks):
        now = time.perf_counter()
        delays.extend(now - written_at.pop(each.event_id, now) for each in callbacks)

    store.on_written = on_written
    original = store.write

    def noting(*changes):
        for change in changes:
            if isinstance(change, Put) and isinstance(change.record, CallbackRecord):
                written_at[change.record.event_id] = time.perf_counter()
        original(*changes)

    store.write = noting
    for due, write in waiting:
        while (wait := due - (time.perf_counter() - started)) > 0:
            await asyncio.sleep(wait)
        write()
    await store.flush()
    del store.write
    cpu = time.process_time() - cpu
    delays.sort()
    print(
        f"steady {rate:.0f} calls/s: {cpu / calls * 1e3:.3f} ms CPU a call (with the driver);"
        f" {store.statistics.batches - before} batches; write to commit"
        f" p50 {delays[len(delays) // 2] * 1e3:.1f} ms, p99 {delays[int(len(delays) * 0.99)] * 1e3:.1f} ms"
    )


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
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
