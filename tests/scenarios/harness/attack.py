"""What an attack must leave as it was: a call that talks, the size of the node, and service to who calls in earnest."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial

from tests.scenarios.harness.application import Webhook
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.raw_phone import RawPhone, sdp
from tests.scenarios.harness.talk import Conversation, talk
from tests.scenarios.harness.waiting import eventually

BACK_WITHIN_S = 6.0
"""Half a second is seen on a machine with nothing else to do; 2 s were too few beside two other suites."""
REPEATED_AFTER_S = 0.5
"""T1, RFC 3261 §17.1.1.1."""
MAX_MEMORY_KB = 48 * 1024


async def is_served(node: Node, since: float, host: str = "127.0.0.1") -> None:
    """A caller in earnest, who tries again as phones do, reaches the application, which refuses it with 603."""
    async with RawPhone("carol", host) as carol:

        def has_got(*statuses: int) -> bool:
            return any(each.final_status in statuses for each in carol.calls.values())

        while not has_got(603):
            assert time.monotonic() < since + BACK_WITHIN_S, f"not served\n{carol.report()}"
            call = carol.invite(node.uri("1"), node.sip_address, body=sdp())
            with contextlib.suppress(AssertionError):  # lost among the others
                await eventually("a final response", partial(getattr, call, "final_status"), REPEATED_AFTER_S)
            await asyncio.sleep(0.1)
        assert not has_got(403, 404, 500), carol.report()


@asynccontextmanager
async def under_attack(
    node: Node,
    webhook: Webhook,
    measured: Callable[[str], None],
    name: str,
    *,
    caller_host: str = "127.0.0.1",
) -> AsyncIterator[Conversation]:
    """A talk that must be whole after the block, on a node that has not grown and serves again."""
    async with talk(node, webhook, caller_host=caller_host) as talking:
        await talking.goes_on()
        before = node.census()
        yield talking
        await is_served(node, time.monotonic(), caller_host)
        await talking.goes_on()
        after = node.census()
        grown = after.memory_kb - before.memory_kb
        cpu = after.cpu_s - before.cpu_s
        lost, packets = talking.caller_rtp.lost, talking.caller_rtp.packets
        measured(f"hostile: {name}: lost {lost} of {packets} packets, {grown} KB more, {cpu:.2f} s CPU")
        assert grown < MAX_MEMORY_KB, f"{grown} KB more than before"
        await talking.ends()
