"""`GET Accounts/{AccountSid}/Calls/{CallSid}/Audio.wav`: a live call as it is heard, an extension of ours.

It stands beside the table of operations, since its answer ends with the call. The WAV has two channels of 16 bits: left
what the party of the call says, right what it hears. Its length is not known before, and given as the largest there is.
"""

import asyncio
import re
import struct
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Final, Protocol

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from callapi.api.errors import METHOD_NOT_ALLOWED, NOT_FOUND, TOO_MANY_REQUESTS, ApiError
from callapi.base.ids import CallSid
from callapi.calls.streaming.frame_pairing import CHANNELS, RATE
from callapi.calls.streaming.listeners import TooManyListeners

PATH: Final = re.compile(
    "/Accounts/(?P<AccountSid>[A-Za-z0-9]{1,64})/Calls/(?P<CallSid>[A-Za-z0-9]{1,64})/Audio"
)
ASK_S: Final = 10.0
"""How often it is asked whether the listener may still listen."""
_UNKNOWN: Final = 0xFFFFFFFF
_HEADERS: Final = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
_RETRY: Final = (("Retry-After", "5"),)


class ListenersPort(Protocol):
    """Hears live calls: `calls.streaming.listeners.Listeners`."""

    def check(self, sid: CallSid) -> None:
        """Whether one more may listen. Raises NotModifiable, TooManyListeners."""
        ...

    def pcm(self, sid: CallSid, listener: str) -> AsyncGenerator[bytes, None]:
        """What is said from now on. Raises NotModifiable, TooManyListeners."""
        ...


def listen(
    listeners: ListenersPort,
    sid: CallSid,
    listener: str,
    request: Request,
    may_listen: Callable[[], Awaitable[bool]],
) -> Response:
    """The answer to one listener: it goes on until the call ends, the listener leaves, or `may_listen` says no.

    Raises:
        ApiError: not a GET, or too many listeners.
        NotModifiable: the call is not live on this node.
    """
    if request.method != "GET":
        raise ApiError(METHOD_NOT_ALLOWED, headers=(("Allow", "GET"),))
    try:
        listeners.check(sid)
    except TooManyListeners as refusal:
        raise ApiError(TOO_MANY_REQUESTS, str(refusal), _RETRY) from refusal
    body = _wav(listeners.pcm(sid, listener), may_listen)
    return StreamingResponse(body, media_type="audio/x-wav", headers=_HEADERS)


def elsewhere(node: str) -> ApiError:
    """The refusal where another node has the call: sound is not passed on between nodes."""
    return ApiError(NOT_FOUND, f"The call is on the node {node}; listen to it there")


async def _wav(
    pcm: AsyncGenerator[bytes, None], may_listen: Callable[[], Awaitable[bool]]
) -> AsyncGenerator[bytes, None]:
    loop = asyncio.get_running_loop()
    yield _header()
    asked_at = loop.time()
    async with aclosing(pcm) as pieces:
        async for piece in pieces:
            if loop.time() - asked_at >= ASK_S:
                asked_at = loop.time()
                if not await may_listen():
                    return
            yield piece


def _header() -> bytes:
    """RIFF, `fmt ` and the begin of `data`, all of unknown length."""
    width = 2 * CHANNELS
    form = struct.pack("<HHIIHH", 1, CHANNELS, RATE, RATE * width, width, 16)
    return (
        b"RIFF"
        + struct.pack("<I", _UNKNOWN)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + b"data"
        + struct.pack("<I", _UNKNOWN)
    )
