"""Supervisors who hear a live call and are not heard: both directions of it, as PCM in two channels.

Nothing is opened before the first listener comes, and each opens and closes what it reads. The beginning and the end of
each listening go to `note`, so that the call's timeline shows who has heard it.
"""

from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import ExitStack, aclosing, asynccontextmanager
from typing import Final

import numpy as np

from callapi.base.errors import CallApiError
from callapi.base.ids import CallSid
from callapi.calls.call import Call
from callapi.calls.control import NotModifiable
from callapi.calls.live import LiveCalls
from callapi.media import AudioFormat, AudioFrame, Listening, StreamClosed, Track
from callapi.store import Json

RATE: Final = 16_000
CHANNELS: Final = 2
"""Left: what the party of the call says; right: what it hears."""
MAX_OF_CALL: Final = 4
MAX_OF_NODE: Final = 50
FRAME_MS: Final = 20
MAX_GAP_MS: Final = 1000
"""Silence that stands for frames that a slow reader has missed, at most."""
_FRAME: Final = RATE // 1000 * FRAME_MS
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
        async with self._noted(sid, listener), aclosing(_stereo(call)) as pieces:
            async for piece in pieces:
                yield piece

    @asynccontextmanager
    async def _noted(self, sid: CallSid, listener: str) -> AsyncIterator[None]:
        began = self._clock()
        self._of_call[sid] = self._of_call.get(sid, 0) + 1
        self._note(sid, "listening", {"event": "listening-started", "by": listener})
        try:
            yield
        finally:
            seconds = round(self._clock() - began, 1)
            self._note(sid, "listening", {"event": "listening-stopped", "by": listener, "seconds": seconds})
            self._of_call[sid] -= 1
            if not self._of_call[sid]:
                del self._of_call[sid]

    def _require(self, sid: CallSid) -> Call:
        call = self._live.get(sid)
        if call is None or call.ended.is_set:
            raise NotModifiable(f"the call {sid} is not in progress on this node")
        return call


async def _stereo(call: Call) -> AsyncGenerator[bytes, None]:
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
        pairing = FramePairing()
        while True:
            try:
                left = await tracks[0].next()
            except StreamClosed:
                return
            if piece := pairing.put(left, tracks[1].read()):
                yield piece


class FramePairing:
    """Puts the frames of two tracks that are read apart beside each other, by their timestamps. Pure."""

    def __init__(self) -> None:
        self._left: deque[AudioFrame] = deque()
        self._right: dict[int, bytes] = {}
        self._next = 0

    def put(self, left: list[AudioFrame], right: list[AudioFrame]) -> bytes:
        """The interleaved samples that are whole now. A frame of the left track waits for its partner until the next
        one has come; then the right channel is silent for 20 ms.
        """
        self._left.extend(left)
        for frame in right:
            self._right[frame.timestamp_ms // FRAME_MS] = frame.payload
        pieces = []
        while self._left:
            slot = self._left[0].timestamp_ms // FRAME_MS
            if slot not in self._right and len(self._left) == 1:
                break
            missing = min(slot - self._next, MAX_GAP_MS // FRAME_MS)
            if self._next and missing > 0:
                pieces.append(bytes(2 * CHANNELS * _FRAME * missing))
            pieces.append(_interleaved(self._left.popleft().payload, self._right.pop(slot, None)))
            self._next = slot + 1
        for late in [slot for slot in self._right if slot < self._next]:
            del self._right[late]
        return b"".join(pieces)


def _interleaved(left: bytes, right: bytes | None) -> bytes:
    samples = np.zeros((len(left) // 2, CHANNELS), np.dtype("<i2"))
    samples[:, 0] = np.frombuffer(left, "<i2")
    if right is not None:
        heard = np.frombuffer(right, "<i2")[: len(samples)]
        samples[: len(heard), 1] = heard
    return samples.tobytes()
