"""Signalling over a bad network: a tenth of all datagrams lost, some doubled, some late; every call completes."""

import asyncio
import re
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.scenarios.conftest import NodeFactory
from tests.scenarios.harness.application import Request, response
from tests.scenarios.harness.phone import Phone, PhoneCall
from tests.scenarios.harness.relay import LossyRelay, Weather
from tests.scenarios.harness.waiting import eventually

CALLS = 200
PAIRS = 8
AT_ONCE = 2
"""Calls of one phone: this build of PJSUA2 has four places, and some of them are still busy saying goodbye."""
WEATHER = Weather(loss=0.1, duplicates=0.05, reordering=0.05)


@pytest.mark.timeout(150)
async def test_two_hundred_calls_of_two_hundred(new_node: NodeFactory, tmp_path: Path) -> None:
    """PJSUA2 on both ends, a relay on each leg: 200 calls are answered, talked on and ended, none is left over."""
    node, webhook = await new_node()
    async with AsyncExitStack() as stack:
        targets: dict[str, str] = {}
        callers: list[tuple[Phone, str, Phone]] = []
        relays: list[LossyRelay] = []
        for index in range(PAIRS):
            caller = await stack.enter_async_context(Phone(f"caller{index}", tmp_path))
            callee = await stack.enter_async_context(Phone(f"callee{index}", tmp_path))
            await callee.answers_always(after=0.1)
            host, port = callee.udp_address.split(":")
            front = await stack.enter_async_context(LossyRelay(node.sip_address, WEATHER, seed=index))
            back = await stack.enter_async_context(
                LossyRelay(node.sip_address, WEATHER, seed=100 + index, phone=(host, int(port)))
            )
            relays += [front, back]
            targets[str(index)] = f"sip:callee{index}@{back.back[0]}:{back.back[1]}"
            callers.append((caller, f"sip:{index}@{front.front[0]}:{front.front[1]}", callee))

        def voice(request: Request) -> str:
            user = re.match(r"(?:sip:)?(\w+)", request["To"])
            assert user
            noun = f'<Sip statusCallback="status">{targets[user[1]]}</Sip>'
            return response(f'<Dial action="after" answerOnBridge="true">{noun}</Dial>')

        webhook["voice"], webhook["after"], webhook["status"] = voice, response("<Hangup/>"), ""
        shares = [CALLS // PAIRS + (index < CALLS % PAIRS) for index in range(PAIRS)]
        async with asyncio.TaskGroup() as group:
            for line, share in zip(callers, shares, strict=True):
                group.create_task(_calls(line, share))
        assert sum(each.lost for each in relays) > CALLS / 2, "the weather was fine"
        await eventually("every callback", lambda: len(webhook.all("status")) >= CALLS, timeout=40)
    assert len(webhook.all("voice")) == CALLS
    assert len(webhook.all("after")) == CALLS
    assert {each["DialCallStatus"] for each in webhook.all("after")} == {"completed"}
    assert [each["CallStatus"] for each in webhook.all("status")] == ["completed"] * CALLS


Line = tuple[Phone, str, Phone]
"""A caller, the URI that it calls, and who answers."""


async def _calls(line: Line, count: int) -> None:
    places = asyncio.Semaphore(AT_ONCE)
    async with asyncio.TaskGroup() as group:
        for _ in range(count):
            group.create_task(_one_call(line, places))


async def _one_call(line: Line, places: asyncio.Semaphore) -> None:
    caller, uri, callee = line
    async with places:
        await eventually(f"a place of {caller.name}", lambda: _busy(caller) <= AT_ONCE, 40)
        await eventually(f"a place of {callee.name}", lambda: _busy(callee) <= AT_ONCE, 40)
        call = await _invite(caller, uri)
        while await _is_refused(call):  # with Retry-After: other programs have the cores
            await asyncio.sleep(1.0)
            call = await _invite(caller, uri)
        await asyncio.sleep(0.1)
        await call.hang_up()
        assert await call.ended(40) == 200


async def _is_refused(call: PhoneCall) -> bool:
    """Whether the node refused the call because it is behind with its work; otherwise the call is answered."""
    try:
        await call.answered(40)
    except AssertionError:
        if call.code != 503:
            raise
        return True
    return False


def _busy(phone: Phone) -> int:
    return sum(not each.ended_at for each in phone.calls.values())


async def _invite(caller: Phone, uri: str) -> PhoneCall:
    """Call as soon as the phone has a place: one that is over keeps its own until the library has tidied up."""
    for _ in range(100):
        try:
            return await caller.invite(uri)
        except AssertionError as error:
            if "PJ_ETOOMANY" not in str(error):
                raise
            await asyncio.sleep(0.2)
    raise AssertionError(f"{caller.name} never had a free place")
