"""Supervisors who hear a live call and are not heard: both directions of it, as PCM in two channels.

Nothing is opened before the first listener comes, and each opens and closes what it reads. The beginning and the end of
each listening go to `note`, so that the call's timeline shows who has heard it.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import ExitStack, aclosing, asynccontextmanager
from typing import Final

from callapi.base.errors import CallApiError
from callapi.base.ids import CallSid
from callapi.base.later import imported
from callapi.calls.call import Call
from callapi.calls.control import NotModifiable
from callapi.calls.live import LiveCalls
from callapi.calls.streaming.frame_pairing import FRAME_MS, RATE, FramePairing
from callapi.media import AudioFormat, Listening, StreamClosed, Track
from callapi.store import Json

MAX_OF_CALL: Final = 4
MAX_OF_NODE: Final = 50
Note = Callable[[CallSid, str, Mapping[str, Json]], None]


class TooManyListeners(CallApiError):
    """The call, or the node, has as many listeners as it may."""


class Listeners:
    """Who listens to the calls of this node."""

    def __init__(self, live: LiveCalls, note: Note, clock: Callable[[], float]) -> None:
        """`note` writes into the timeline of a call: its sid, the kind of event, and the event."""
        self._live = live
        self._note = note
        self._clock = clock
        self._of_call: dict[CallSid, int] = {}

    def check(self, sid: CallSid) -> None:
        """Whether one more may listen to the call.

        Raises:
            NotModifiable: it is not live here.
            TooManyListeners: it has as many as it may.
        """
        self._require(sid)
        if self._of_call.get(sid, 0) >= MAX_OF_CALL:
            raise TooManyListeners(f"{MAX_OF_CALL} listen to this call already")
        if sum(self._of_call.values()) >= MAX_OF_NODE:
            raise TooManyListeners(f"{MAX_OF_NODE} listen to calls of this node already")

    async def pcm(self, sid: CallSid, listener: str) -> AsyncGenerator[bytes, None]:
        """What is said on the call from now on, until it ends: L16 little-endian at `RATE`, channel by channel.

        `listener` is the sid of the key or the account that listens. Closing the generator ends the listening.

        Raises:
            NotModifiable, TooManyListeners: as `check`, when the first piece is asked for.
        """
        self.check(sid)
        call = self._require(sid)
        await imported("numpy")
        pairing = FramePairing()
        async with self._noted(sid, listener, pairing), aclosing(_stereo(call, pairing)) as pieces:
            async for piece in pieces:
                yield piece

    @asynccontextmanager
    async def _noted(self, sid: CallSid, listener: str, pairing: FramePairing) -> AsyncIterator[None]:
        began = self._clock()
        self._of_call[sid] = self._of_call.get(sid, 0) + 1
        self._note(sid, "listening", {"event": "listening-started", "by": listener})
        try:
            yield
        finally:
            seconds = round(self._clock() - began, 1)
            missed_ms = pairing.missed * FRAME_MS
            stopped: dict[str, Json] = {
                "event": "listening-stopped",
                "by": listener,
                "seconds": seconds,
                "missed_ms": missed_ms,
            }
            self._note(sid, "listening", stopped)
            self._of_call[sid] -= 1
            if not self._of_call[sid]:
                del self._of_call[sid]

    def _require(self, sid: CallSid) -> Call:
        call = self._live.get(sid)
        if call is None or call.ended.is_set:
            raise NotModifiable(f"the call {sid} is not in progress on this node")
        return call


async def _stereo(call: Call, pairing: FramePairing) -> AsyncGenerator[bytes, None]:
    """Both tracks beside each other, as long as the call's stream is open."""
    audio = AudioFormat("L16", RATE)
    with ExitStack() as stack:
        tracks: list[Listening] = []
        for track in (Track.INBOUND, Track.OUTBOUND):
            try:
                listening = call.leg.stream.listen(audio, track=track)
            except StreamClosed:
                return
            stack.callback(listening.close)
            tracks.append(listening)
        while True:
            try:
                left = await tracks[0].next()
            except StreamClosed:
                return
            if piece := pairing.put(left, tracks[1].read()):
                yield piece
