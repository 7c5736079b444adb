"""SIP's part of a markup call of two legs: both ends of one dialog in one process, without sockets.

    .venv/bin/python bench/sip_dialog.py [--calls 1000] [--rounds 7] [--functions 40] [--instructions] [--displace 4096]

A calling and an answering endpoint pass the bytes of INVITE, 100, 180, 200, ACK, BYE, 200 to each other, so that a
call here costs what the SIP of a call with two legs costs a node: it is the called side of one leg and the calling
side of the other. Prints microseconds a call (the best and the median round), the number of Python functions called for
one, and with `--functions` the functions by their own time. `--instructions` counts the instructions of a call with
valgrind instead, a figure that other load of the machine does not change. `--displace KIB` reads so much other memory
before each message, outside of what is measured: in a node there is other work between two messages of a kind, so that
code and data have left the processor's caches when the next one comes.
"""

import argparse
import asyncio
import cProfile
import gc
import os
import pstats
import re
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from types import FrameType

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
from callapi.sip.errors import ParseError
from callapi.sip.messages.message import Message
from callapi.sip.messages.parser import parse_message
from callapi.sip.messages.uri import Transport
from callapi.sip.transport import Hop, Received, TlsFiles
from callapi.sip.transport.listen import ListenAddress

PORTS = {"127.0.0.1": "127.0.0.2", "127.0.0.2": "127.0.0.1"}
SDP = (
    b"v=0\r\no=- 20518 0 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 20000 RTP/AVP 0 8 101\r\n"
    b"a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
    b"a=ptime:20\r\na=sendrecv\r\n"
)
LEGS_AT_ONCE = 50
TRANSACTIONS_LAST_S = 40


class StandingLoop(asyncio.SelectorEventLoop):
    """A loop whose clock stands until it is set, so that what is executed does not depend on the machine's speed."""

    now = 0.0

    def time(self) -> float:
        """Seconds."""
        return self.now


class Displacement:
    """Other memory that is read before each message, and the processor seconds that this took."""

    def __init__(self) -> None:
        self.memory = b""
        self.took_s = 0.0

    def displace(self) -> None:
        """Read it all."""
        if self.memory:
            began = time.process_time()
            self.memory.count(b"\x01")
            self.took_s += time.process_time() - began


DISPLACEMENT = Displacement()


class Wire:
    """A transport whose datagrams reach the other endpoint in a later turn of the loop."""

    attached: dict[str, "Wire"] = {}  # noqa: RUF012 - the two of this process

    def __init__(
        self,
        listen: Sequence[str],
        *,
        receive: Callable[[Received], None],
        failed: Callable[[Hop, Exception], None],
        closed: Callable[[Hop], None],
        advertised_address: str,
        tls: TlsFiles | None,
        allowed_origins: Sequence[str],
    ) -> None:
        del failed, closed, advertised_address, tls, allowed_origins
        self.listening = [ListenAddress.parse(text) for text in listen]
        self.backlog_s = 0.0
        self._receive = receive
        self._loop = asyncio.get_running_loop()
        self._address = (self.listening[0].host, self.listening[0].port)
        Wire.attached[self._address[0]] = self

    async def start(self) -> None:
        """Nothing is to be opened."""

    async def stop(self) -> None:
        """Nothing is to be closed."""

    def send(self, data: bytes, hop: Hop) -> None:
        """Deliver soon."""
        self._loop.call_soon(Wire.attached[hop.host].deliver, data, self._address)

    def deliver(self, data: bytes, address: tuple[str, int]) -> None:
        """As the reader of a UDP socket does."""
        DISPLACEMENT.displace()
        source = Hop(Transport.UDP, address[0], address[1], None, self._address)
        self._receive(Received(_parse(data), source, self._address, data))

    def give_up(self, hop: Hop) -> None:
        """There are no connections."""

    def accept_upgrade(self, transport: asyncio.Transport, handshake: bytes) -> None:
        """There are no connections."""

    def is_connected(self, hop: Hop) -> bool:
        """There are no connections."""
        del hop
        return False

    def local_address(self, transport: Transport, towards: str = "") -> tuple[str, int]:
        """The only one."""
        del transport, towards
        return self._address


def _parse(data: bytes) -> Message | ParseError:
    try:
        return parse_message(data)
    except ParseError as error:
        return error


async def answer(session: InboundSession) -> None:
    """The called side."""
    session.ring()
    session.accept(SDP)
    while not isinstance(await session.next_event(), Ended):
        pass


async def call(endpoint: Endpoint, number: int) -> None:
    """The calling side."""
    uri = SipUri.parse(f"sip:+1212555{number:07}@127.0.0.2:5060")
    alice = NameAddr.parse(f'"Alice" <sip:+1646555{number:07}@127.0.0.1>')
    session = endpoint.invite(OutboundInvite(uri, alice, NameAddr(None, uri), body=SDP))
    while not isinstance(event := await session.next_event(), Ended):
        if isinstance(event, Accepted):
            session.hang_up()
    if event.status != 200:
        raise SystemExit(f"a call has failed: {event}")


class Pair:
    """Two endpoints, and calls from one to the other."""

    def __init__(self, caller: Endpoint, called: Endpoint) -> None:
        self._caller = caller
        self._called = called
        self._number = 0

    async def run(self, calls: int) -> None:
        """So many calls, some at once."""
        answering = asyncio.create_task(self._answer(calls))
        for _ in range(0, calls, LEGS_AT_ONCE):
            async with asyncio.TaskGroup() as tasks:
                for _ in range(LEGS_AT_ONCE):
                    self._number += 1
                    tasks.create_task(call(self._caller, self._number))
            loop = asyncio.get_running_loop()
            if isinstance(loop, StandingLoop):
                loop.now += TRANSACTIONS_LAST_S
                await asyncio.sleep(0)
        await answering

    async def _answer(self, calls: int) -> None:
        left = calls
        async with asyncio.TaskGroup() as tasks:
            async for session in self._called.incoming():
                tasks.create_task(answer(session))
                left -= 1
                if not left:
                    return


async def measure(given: argparse.Namespace) -> None:
    """Print what a call costs."""
    options = [EndpointOptions(listen=(f"udp://{host}:5060",)) for host in PORTS]
    async with (
        Endpoint(options[0], open_transport=Wire) as caller,
        Endpoint(options[1], open_transport=Wire) as called,
    ):
        pair = Pair(caller, called)
        await pair.run(LEGS_AT_ONCE)
        gc.collect()
        gc.freeze()
        gc.set_threshold(20_000, 50, 1_000)  # as the node does after its start
        if given.plain:
            await pair.run(given.calls)
            return
        times: list[float] = []
        for _ in range(given.rounds):
            began, DISPLACEMENT.took_s = time.process_time(), 0.0
            await pair.run(given.calls)
            took_s = time.process_time() - began - DISPLACEMENT.took_s
            times.append(took_s / given.calls * 1e6)
        print(f"{min(times):.0f} us a call at best, median {statistics.median(times):.0f}")
        counted = Counter[str]()

        def count(frame: FrameType, event: str, _: object) -> None:
            if event == "call":
                counted[frame.f_code.co_filename] += 1

        sys.setprofile(count)
        await pair.run(LEGS_AT_ONCE)
        sys.setprofile(None)
        own = sum(number for name, number in counted.items() if "callapi/sip/" in name)
        print(
            f"{counted.total() / LEGS_AT_ONCE:.0f} functions a call, {own / LEGS_AT_ONCE:.0f} of them of SIP"
        )
        if given.functions:
            profile = cProfile.Profile()
            profile.enable()
            await pair.run(given.calls)
            profile.disable()
            pstats.Stats(profile).sort_stats(given.sort).print_stats(given.functions)


def instructions(calls: int) -> int:
    """What the interpreter executes for so many calls, its start included."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", sys.executable, __file__]
    run = subprocess.run(
        [*command, "--plain", "--calls", str(calls)],
        env=os.environ | {"PYTHONHASHSEED": "0"},
        capture_output=True,
        text=True,
        check=True,
    )
    collected = re.search(r"Collected : ([0-9]+)", run.stderr)
    if collected is None:
        raise SystemExit(f"valgrind counted nothing: {run.stderr[-500:]}")
    return int(collected[1])


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--calls", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument(
        "--plain", action="store_true", help="the calls alone, for a tool that counts instructions"
    )
    parser.add_argument("--instructions", action="store_true")
    parser.add_argument("--sort", default="tottime")
    parser.add_argument("--functions", type=int, default=0)
    parser.add_argument(
        "--displace", type=int, default=0, metavar="KIB", help="read so much between messages"
    )
    given = parser.parse_args()
    DISPLACEMENT.memory = bytes(given.displace * 1024)
    if given.instructions:
        few, many = 50, 250
        each = (instructions(many) - instructions(few)) / (many - few)
        print(f"{each / 1e6:.2f} million instructions a call")
    else:
        with asyncio.Runner(loop_factory=StandingLoop if given.plain else None) as runner:
            runner.run(measure(given))


if __name__ == "__main__":
    main()
