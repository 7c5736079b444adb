"""Waiting for the called party of a placed call to answer."""

import asyncio

from callapi.calls.call import Call
from callapi.calls.status import CallStatus


async def answers(call: Call, timeout_s: float) -> bool:
    """Whether the called party answers within `timeout_s`; a call that does not is ended as `no-answer`."""
    try:
        async with asyncio.timeout(timeout_s):
            return await call.answered.wait()
    except TimeoutError:
        call.hang_up("no answer in time", CallStatus.NO_ANSWER)
        return False
