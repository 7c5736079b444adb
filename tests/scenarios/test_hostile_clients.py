"""Clients of the REST interface who mean no good: slow ones keep no other out, and are shown the door."""

import asyncio
import time
from contextlib import suppress

import pytest

from tests.scenarios.conftest import NodeFactory

ROOM = 20
SLOW = 100
HEAD = b"POST /2010-04-01/Accounts HTTP/1.1\r\nHost: node\r\nX-Slow: "


async def _dribble(port: int) -> float:
    """A head, byte by byte, until the other side has had enough; how long that took."""
    began = time.monotonic()
    with suppress(ConnectionError):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HEAD)
        while not reader.at_eof():
            writer.write(b"a")
            await writer.drain()
            with suppress(TimeoutError):
                async with asyncio.timeout(0.1):
                    await reader.read(1)
        writer.close()
    return time.monotonic() - began


@pytest.mark.timeout(60)
async def test_slow_clients_keep_no_other_out(new_node: NodeFactory) -> None:
    """A hundred that dribble where there is room for twenty: REST answers meanwhile, and not one of them stays."""
    node, _ = await new_node(http={"max_connections": ROOM, "request_timeout_s": 2})
    before = node.census()
    async with asyncio.TaskGroup() as group:
        slow = [group.create_task(_dribble(node.http_port)) for _ in range(SLOW)]
        for _ in range(20):
            assert await node.health() == 200
            status, _page = await node.rest("GET", "Calls.json")
            assert status == 200
            assert node.census().descriptors <= before.descriptors + ROOM + 10
    assert max(each.result() for each in slow) < 30
