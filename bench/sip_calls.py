"""CPU per call leg of the SIP core alone: INVITE, 100, 180, 200, ACK, BYE, 200 between two endpoints on loopback.

    .venv/bin/python bench/sip_calls.py --rate 400 --seconds 10

Two processes, a calling and an answering endpoint, each with one leg per call. Prints CPU milliseconds per leg of
each, and set-up times. `--profile caller|callee` shows where the time goes.
"""

import argparse
import asyncio
import cProfile
import gc
import multiprocessing
import pstats
import resource
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection

import uvloop

from callapi.sip import (
    Accepted,
    Ended,
    Endpoint,
    EndpointOptions,
    InboundSession,
    NameAddr,
    OutboundInvite,
    SipUri,
)

SDP = b"\r\n".join(
    [
        b"v=0",
        b"o=- 20518 0 IN IP4 127.0.0.1",
        b"s=-",
        b"c=IN IP4 127.0.0.1",
        b"t=0 0",
        b"m=audio 20000 RTP/AVP 0 8 101",
        b"a=rtpmap:0 PCMU/8000",
        b"a=rtpmap:8 PCMA/8000",
        b"a=rtpmap:101 telephone-event/8000",
        b"a=fmtp:101 0-15",
        b"a=ptime:20",
        b"a=sendrecv",
        b"",
    ]
)


@dataclass
class Tally:
    """What a run amounts to."""

    legs: int = 0
    failed: int = 0
    cpu_s: float = 0.0
    retransmissions: int = 0
    setups_ms: list[float] = field(default_factory=list)

    def show(self, name: str) -> None:
        each = 1000 * self.cpu_s / max(self.legs, 1)
        line = f"{name}: {self.legs} legs, {self.failed} failed, {each:.3f} ms CPU per leg"
        line += f", {self.retransmissions} retransmissions"
        if self.setups_ms:
            ordered = sorted(self.setups_ms)
            p50, p99 = ordered[len(ordered) // 2], ordered[int(len(ordered) * 0.99)]
            line += f", set-up p50 {p50:.2f} ms, p99 {p99:.2f} ms"
        print(line)


def cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def settle() -> None:
    """As the node does after its start."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 50, 1_000)


async def answer(session: InboundSession, tally: Tally) -> None:
    session.ring()
    session.accept(SDP)
    async for _ in session.events:
        pass
    tally.legs += 1


async def callee(pipe: Connection, seconds: float) -> Tally:
    tally = Tally()
    async with Endpoint(EndpointOptions()) as endpoint, asyncio.TaskGroup() as tasks:
        pipe.send(endpoint.listening[0])
        settle()
        began = cpu_seconds()
        deadline = asyncio.get_running_loop().time() + seconds

        async def serve() -> None:
            async for session in endpoint.incoming():
                tasks.create_task(answer(session, tally))

        serving = tasks.create_task(serve())
        await asyncio.sleep(deadline - asyncio.get_running_loop().time())
        tally.cpu_s = cpu_seconds() - began
        tally.retransmissions = endpoint.statistics.retransmissions
        serving.cancel()
    return tally


async def call(endpoint: Endpoint, invite: OutboundInvite, hold: float, tally: Tally) -> None:
    began = time.perf_counter()
    session = endpoint.invite(invite)
    async for event in session.events:
        match event:
            case Accepted():
                tally.setups_ms.append(1000 * (time.perf_counter() - began))
                await asyncio.sleep(hold)
                session.hang_up()
            case Ended(status=200):
                tally.legs += 1
            case Ended():
                tally.failed += 1
            case _:
                pass


async def caller(target: str, rate: float, seconds: float, hold: float) -> Tally:
    tally = Tally()
    uri = SipUri.parse("sip:bob@" + target.removeprefix("udp://"))
    alice = NameAddr.parse('"Alice" <sip:alice@127.0.0.1>')
    invite = OutboundInvite(uri, alice, NameAddr(None, uri), body=SDP)
    async with Endpoint(EndpointOptions()) as endpoint:
        settle()
        loop = asyncio.get_running_loop()
        began, start = cpu_seconds(), loop.time()
        # A callee that has left would let the last phones ring without end.
        async with asyncio.timeout(seconds + hold + 10), asyncio.TaskGroup() as tasks:
            for number in range(int(rate * seconds)):
                ahead = start + number / rate - loop.time()
                if ahead > 0:
                    await asyncio.sleep(ahead)
                tasks.create_task(call(endpoint, invite, hold, tally))
        tally.cpu_s = cpu_seconds() - began
        tally.retransmissions = endpoint.statistics.retransmissions
    return tally


def run_profiled(name: str, work: object, profile: str) -> Tally:
    profiler = cProfile.Profile() if profile == name else None
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        if profiler is not None:
            profiler.enable()
        tally: Tally = runner.run(work)  # type: ignore[arg-type]
        if profiler is not None:
            profiler.disable()
            pstats.Stats(profiler).sort_stats("tottime").print_stats(45)
    return tally


def run_callee(pipe: Connection, seconds: float, profile: str) -> None:
    pipe.send(run_profiled("callee", callee(pipe, seconds), profile))


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rate", type=float, default=300)
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--hold", type=float, default=1)
    parser.add_argument("--profile", choices=("caller", "callee"), default="")
    given = parser.parse_args()
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=run_callee, args=(theirs, given.seconds + given.hold + 1.5, given.profile)
    )
    process.start()
    target = ours.recv()
    work = caller(target, given.rate, given.seconds, given.hold)
    run_profiled("caller", work, given.profile).show("caller")
    ours.recv().show("callee")
    process.join()


if __name__ == "__main__":
    main()
