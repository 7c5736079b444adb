"""CPU of one signed POST, and of one status callback through the outbox, against a raw server on loopback.

    .venv/bin/python bench/webhooks.py [seconds for each figure, 4]

The server is a process of its own; what is counted is this process alone, parameters, both signatures,
answer and trace included.
"""

import asyncio
import itertools
import multiprocessing
import statistics
import sys
import time
from collections.abc import Awaitable, Callable, Coroutine
from multiprocessing.queues import Queue
from typing import Any, cast

import uvloop

from callapi.webhooks import (
    Callback,
    Fetcher,
    FetchOptions,
    Limits,
    MemoryOutboxStore,
    Outbox,
    Unconditional,
    WebRequest,
)

TOKEN = "0123456789abcdef0123456789abcdef"
DOCUMENT = (
    b'<?xml version="1.0" encoding="UTF-8"?><Response><Dial><Sip>sip:bob@127.0.0.1</Sip></Dial></Response>'
)
ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/xml; charset=utf-8\r\nServer: bench\r\n"
    b"Date: Tue, 17 Nov 2026 10:00:00 GMT\r\nContent-Length: %d\r\n\r\n%b" % (len(DOCUMENT), DOCUMENT)
)
PARAMETERS = (
    ("CallSid", "CA0123456789abcdef0123456789abcdef"),
    ("AccountSid", "AC0123456789abcdef0123456789abcdef"),
    ("From", "+15551234567"),
    ("To", "sip:1000@voice.example.com"),
    ("CallStatus", "ringing"),
    ("ApiVersion", "2012-04-24"),
    ("Direction", "inbound"),
    ("SipCallId", "a84b4c76e66710@pc33.example.com"),
    ("SipSourceIp", "127.0.0.1"),
    ("SipDomain", "voice.example.com"),
)


class _Server(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._received = b""

    def data_received(self, data: bytes) -> None:
        self._received += data
        while (end := self._received.find(b"\r\n\r\n")) >= 0:
            head = self._received[:end].lower()
            _, _, length = head.partition(b"content-length:")
            whole = end + 4 + int(length.split(b"\r", 1)[0] or b"0")
            if len(self._received) < whole:
                return
            self._received = self._received[whole:]
            self._transport.write(ANSWER)


def _serve(ports: "Queue[int]") -> None:
    async def serve() -> None:
        server = await asyncio.get_running_loop().create_server(_Server, "127.0.0.1", 0)
        ports.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    uvloop.run(serve())


async def _fetches(url: str, seconds: float, at_once: int) -> tuple[float, float]:
    """CPU milliseconds for each POST, and POSTs for each second."""
    request = WebRequest(url, "POST", PARAMETERS, TOKEN)
    async with Fetcher(FetchOptions(), trace=lambda _exchange: None) as fetcher:
        end, count = time.monotonic() + seconds, itertools.count()

        async def ask() -> None:
            while time.monotonic() < end:
                await fetcher.fetch(request)
                next(count)

        return await _measured(lambda: asyncio.gather(*(ask() for _ in range(at_once))), lambda: next(count))


async def _callbacks(url: str, number: int) -> tuple[float, float]:
    """The same for callbacks, offered in groups of 20 as a batch of commits would."""

    async def token_of(_account_sid: str) -> str:
        return TOKEN

    store, now = MemoryOutboxStore(), time.time()
    rows = [
        Callback(f"EV{each}", f"CA{each // 4}", url, "POST", PARAMETERS, "AC1", now) for each in range(number)
    ]
    async with (
        Fetcher() as fetcher,
        Outbox(store, fetcher, token_of, permit=Unconditional(), limits=Limits()) as outbox,
    ):

        async def deliver() -> None:
            for first in range(0, number, 20):
                some = rows[first : first + 20]
                store.add(some)
                outbox.offer(some)
                if len(store.rows) > 100:
                    await outbox.drain(60)
            await outbox.drain(60)

        return await _measured(deliver, lambda: len(store.delivered_ids))


async def _measured(work: Callable[[], Awaitable[object]], done: Callable[[], int]) -> tuple[float, float]:
    cpu, clock = time.process_time(), time.monotonic()
    await work()
    cpu, clock = time.process_time() - cpu, time.monotonic() - clock
    number = done()
    return cpu / number * 1e3, number / clock


def _report(name: str, runs: list[tuple[float, float]]) -> None:
    cpu = [each[0] for each in runs]
    rate = statistics.median(each[1] for each in runs)
    print(f"{name:34} {statistics.median(cpu):6.3f} ms CPU ({min(cpu):.3f} to {max(cpu):.3f}), {rate:6.0f}/s")


def main() -> None:
    """Three runs of each, in turn."""
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 4.0
    spawn = multiprocessing.get_context("spawn")
    ports = spawn.Queue()
    server = spawn.Process(target=_serve, args=(ports,), daemon=True)
    server.start()
    url = f"http://127.0.0.1:{ports.get()}/voice"
    figures: dict[str, list[tuple[float, float]]] = {}
    runs: dict[str, Callable[[], Coroutine[Any, Any, tuple[float, float]]]] = {
        "POST, one at a time": lambda: _fetches(url, seconds / 3, 1),
        "POST, 20 at once": lambda: _fetches(url, seconds / 3, 20),
        "status callback through the outbox": lambda: _callbacks(url, int(1_000 * seconds)),
    }
    for _ in range(3):
        for name, run in runs.items():
            figures.setdefault(name, []).append(uvloop.run(run()))
    for name, measured in figures.items():
        _report(name, measured)
    server.terminate()


if __name__ == "__main__":
    main()
