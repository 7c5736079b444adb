"""Callers that mean harm, while one call talks: it keeps every packet, and who calls in earnest is soon served again.

The node trusts 127.0.0.1, where the talk is; strangers send from another address of the loopback.
"""

import asyncio
import contextlib
import itertools
import random
import time
from contextlib import AsyncExitStack

import pytest

from tests.scenarios.conftest import Measured, NodeFactory
from tests.scenarios.harness.application import Answer, response
from tests.scenarios.harness.attack import BACK_WITHIN_S, is_served, under_attack
from tests.scenarios.harness.flood import Flood
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.waiting import eventually

STRANGER = "127.0.0.66"
NEIGHBOUR_ONLY = {"trusted_networks": ["127.0.0.1/32"]}
SECONDS = 2.0
ANSWERED = 0.5
"""The share of a flood that is answered at the least: while others have the processor, the kernel drops datagrams."""
HURRIED = {"drain_timeout_s": 0}


def _garbage(chance: random.Random) -> bytes:
    """Noise, line noise that begins like SIP, STUN, DTLS, RTP, and requests with a hole in them."""
    invite = (
        b"INVITE sip:1@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\r\nCSeq: 1 INVITE\r\n"
    )
    start = chance.choice(
        [
            b"",
            b"\x00\x01\x00\x08\x21\x12\xa4\x42",
            b"\x16\xfe\xfd",
            b"\x80\x00",
            b"SIP/2.0 200 OK\r\n",
            invite,
        ]
    )
    return start + chance.randbytes(chance.randrange(1, 1400))


@pytest.mark.parametrize("source", ["127.0.0.1", STRANGER])
async def test_garbage(new_node: NodeFactory, measured: Measured, source: str) -> None:
    """Ten thousand datagrams of nothing."""
    node, webhook = await new_node(node=HURRIED, sip=NEIGHBOUR_ONLY)
    chance = random.Random(5)
    async with (
        under_attack(node, webhook, measured, f"garbage from {source}"),
        Flood(node.sip_address, source=source) as flood,
    ):
        await flood.run(lambda: _garbage(chance), per_second=5000, seconds=SECONDS)
        assert set(flood.statuses) <= {400, 503, 505, 481}, flood.statuses


@pytest.mark.parametrize("limit", [{"max_calls": 3}, {"calls_per_second": 3}])
async def test_invites_beyond_the_limits(
    new_node: NodeFactory, measured: Measured, limit: dict[str, int]
) -> None:
    """What is over is answered 503 with Retry-After; no more calls are up than the limit says."""
    node, webhook = await new_node(node=HURRIED, limits=limit)
    async with under_attack(node, webhook, measured, f"INVITE over {limit}"):
        webhook["voice"] = slow = Answer(response("<Reject/>"), delay=0.8)
        async with Flood(node.sip_address) as flood:
            sent = await flood.run(lambda: flood.invite(node.uri("1")), per_second=1000, seconds=SECONDS)
            await eventually("503 for most", lambda: flood.statuses[503] > sent * ANSWERED)
            assert not flood.without_retry_after
            asked = len(webhook.all("voice"))
            assert asked <= 1 + 1 + (SECONDS / slow.delay + 1 if "max_calls" in limit else SECONDS * 3 + 3), (
                asked
            )
        webhook["voice"] = response("<Reject/>")


async def test_a_stranger_never_dials_out(new_node: NodeFactory, measured: Measured) -> None:
    """A thousand INVITEs a second from outside: 403 each, no document asked for, no INVITE leaves the node."""
    node, webhook = await new_node(node=HURRIED, sip=NEIGHBOUR_ONLY)
    async with (
        under_attack(node, webhook, measured, "INVITE of a stranger") as talking,
        Flood(node.sip_address, source=STRANGER) as flood,
    ):
        names = itertools.cycle(["+15550100", "900", "alice", "00441632960000", "%00", "1;phone-context=+44"])
        called = f"127.0.0.1:{node.sip_port}"
        sent = await flood.run(
            lambda: flood.invite(f"sip:{next(names)}@{called}"), per_second=1000, seconds=SECONDS
        )
        await eventually("refusals", lambda: flood.statuses[403] + flood.statuses[503] > sent * ANSWERED)
        assert set(flood.statuses) <= {100, 403, 503}, flood.statuses
        assert flood.statuses[403]
        assert len(webhook.all("voice")) == 1
        assert talking.callee.count("INVITE") == 1
        assert not flood.requests
    problems = await node.rest("GET", "Notifications.json")
    assert len(problems[1]["notifications"]) <= 50 + 5 * (SECONDS + 10)


async def test_registers(new_node: NodeFactory, measured: Measured) -> None:
    """Without credentials 401 each; with guessed ones the source is soon not looked at any more."""
    node, webhook = await new_node(node=HURRIED, sip=NEIGHBOUR_ONLY)
    status, _ = await node.rest("POST", "Clients.json", Login="alice", Password="correct horse")
    assert status == 201
    registrar = f"sip:127.0.0.1:{node.sip_port}"
    guess = (
        f'Authorization: Digest username="alice", realm="127.0.0.1:{node.sip_port}", nonce="1", uri="{registrar}", '
        'response="0123456789abcdef0123456789abcdef", algorithm=MD5\r\n'
    ).encode()
    async with under_attack(node, webhook, measured, "REGISTER"):
        async with Flood(node.sip_address, source=STRANGER) as flood:
            users = itertools.count()

            def without() -> bytes:
                return flood.request("REGISTER", f"sip:{next(users)}@127.0.0.1:{node.sip_port}")

            sent = await flood.run(without, per_second=1000, seconds=SECONDS / 2)
            await eventually("answers", lambda: flood.statuses.total() > sent * ANSWERED)
            assert flood.statuses.keys() <= {401, 503}, flood.statuses
        async with Flood(node.sip_address, source="127.0.0.67") as flood:

            def guessing() -> bytes:
                request = flood.request("REGISTER", f"sip:alice@127.0.0.1:{node.sip_port}")
                return request.replace(b"Max-Forwards", guess + b"Max-Forwards", 1)

            sent = await flood.run(guessing, per_second=1000, seconds=SECONDS / 2)
            await eventually("answers", lambda: flood.statuses.total() > sent * ANSWERED)
            assert flood.statuses.keys() <= {401, 403, 503}, flood.statuses
            assert flood.statuses[200] == 0
            assert not flood.without_retry_after


async def test_connections_that_say_nothing_or_little(new_node: NodeFactory, measured: Measured) -> None:
    """Four hundred silent ones and a hundred that drip, on SIP and on HTTP: others are served meanwhile."""
    node, webhook = await new_node(node=HURRIED)
    async with (
        under_attack(node, webhook, measured, "half-open and slow TCP"),
        asyncio.TaskGroup() as dripping,
        AsyncExitStack() as stack,
    ):
        for port in (node.sip_port, node.http_port):
            for index in range(500):
                writer = await _connected(stack, port)
                if index % 5 == 0:
                    dripping.create_task(_drip(writer, SECONDS))
        await asyncio.sleep(SECONDS / 2)
        assert await node.health() == 200
        await is_served(node, time.monotonic())
        assert await _options(node) == 200


async def _connected(stack: AsyncExitStack, port: int) -> asyncio.StreamWriter:
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    stack.callback(writer.close)
    return writer


async def _drip(writer: asyncio.StreamWriter, seconds: float) -> None:
    text = b"OPTIONS sip:1@127.0.0.1 SIP/2.0\r\nX: " + b"a" * 1000
    with contextlib.suppress(OSError):
        for index in range(int(seconds / 0.05)):
            writer.write(text[index : index + 1])
            await writer.drain()
            await asyncio.sleep(0.05)


async def _options(node: Node) -> int:
    """The status of OPTIONS over a new TCP connection."""
    reader, writer = await asyncio.open_connection(*node.sip_address)
    try:
        request = (
            f"OPTIONS sip:127.0.0.1:{node.sip_port} SIP/2.0\r\nVia: SIP/2.0/TCP 127.0.0.1:9;branch=z9hG4bKo\r\n"
            "From: <sip:o@127.0.0.1>;tag=o\r\nTo: <sip:o@127.0.0.1>\r\nCall-ID: o\r\nCSeq: 1 OPTIONS\r\n"
            "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        )
        writer.write(request.encode())
        async with asyncio.timeout(BACK_WITHIN_S):
            return int((await reader.readline()).split()[1])
    finally:
        writer.close()


async def test_messages_beyond_all_measure(new_node: NodeFactory, measured: Measured) -> None:
    """64 KB datagrams, a head or a body without end over TCP: refused or cut off, and nothing is kept."""
    node, webhook = await new_node(node=HURRIED)
    async with under_attack(node, webhook, measured, "oversized messages"):
        async with Flood(node.sip_address) as flood:

            def huge() -> bytes:
                request = flood.invite(node.uri("1"))
                return request.replace(b"Max-Forwards", b"X-Long: " + b"a" * 60_000 + b"\r\nMax-Forwards", 1)

            def many() -> bytes:
                request = flood.invite(node.uri("1"))
                return request.replace(b"Max-Forwards", b"X:y\r\n" * 12_000 + b"Max-Forwards", 1)

            await flood.run(huge, per_second=10, seconds=0.5)
            await flood.run(many, per_second=100, seconds=0.5)
        for start in (
            b"INVITE sip:1@h SIP/2.0\r\nX: ",
            b"INVITE sip:1@h SIP/2.0\r\nContent-Length: 999999999\r\n\r\n",
        ):
            # What the kernel holds on both sides counts as well.
            assert await _swallowed(node, start) < 16 << 20


async def _swallowed(node: Node, start: bytes) -> int:
    """How much it takes of a message without end before it closes."""
    reader, writer = await asyncio.open_connection(*node.sip_address)
    sent = 0
    with contextlib.suppress(OSError):
        writer.write(start)
        while not reader.at_eof() and sent < 32 << 20:
            writer.write(b"a" * 65_536)
            sent += 65_536
            await writer.drain()
            await asyncio.sleep(0)
    writer.close()
    return sent
