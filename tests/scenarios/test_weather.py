"""Signalling over a bad network: a tenth of all datagrams lost, some doubled, some late; every call completes."""

import asyncio

import pytest

from tests.scenarios.conftest import NodeFactory, PhoneFactory
from tests.scenarios.harness.application import response
from tests.scenarios.harness.phone import Phone
from tests.scenarios.harness.relay import LossyRelay, Weather
from tests.scenarios.harness.waiting import eventually

CALLS = 200
AT_ONCE = 25


@pytest.mark.timeout(150)
async def test_two_hundred_calls_of_two_hundred(new_node: NodeFactory, phone: PhoneFactory) -> None:
    """PJSUA2 on both ends, a relay on each leg: 200 calls are answered, talked on and ended, none is left over."""
    alice, bob = await phone("alice"), await phone("bob")
    await bob.answers_always(after=0.2)
    node, webhook = await new_node()
    host, port = bob.udp_address.split(":")
    weather = Weather(loss=0.1, duplicates=0.05, reordering=0.05)
    async with (
        LossyRelay(node.sip_address, weather, seed=11) as first,
        LossyRelay(node.sip_address, weather, seed=12, phone=(host, int(port))) as second,
    ):
        target = f"sip:bob@{second.back[0]}:{second.back[1]}"
        webhook["voice"] = response(
            f'<Dial action="after"><Sip statusCallback="status">{target}</Sip></Dial>'
        )
        webhook["after"] = response("<Hangup/>")
        webhook["status"] = ""
        places = asyncio.Semaphore(AT_ONCE)
        uri = f"sip:1000@{first.front[0]}:{first.front[1]}"
        async with asyncio.TaskGroup() as group:
            for _ in range(CALLS):
                group.create_task(_one_call(alice, uri, places))
        assert first.lost + second.lost > CALLS / 2, "the weather was fine"
        await eventually("every callback", lambda: len(webhook.all("status")) >= CALLS, timeout=40)
    assert len(webhook.all("voice")) == CALLS
    assert len(webhook.all("after")) == CALLS
    assert {each["DialCallStatus"] for each in webhook.all("after")} == {"completed"}
    assert [each["CallStatus"] for each in webhook.all("status")] == ["completed"] * CALLS


async def _one_call(alice: Phone, uri: str, places: asyncio.Semaphore) -> None:
    async with places:
        call = await alice.invite(uri)
        await call.answered(40)
        await asyncio.sleep(0.2)
        await call.hang_up()
        assert await call.ended(40) == 200
