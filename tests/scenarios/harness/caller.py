"""A caller whose RTP is handled by hand: says samples at known instants, and knows when each packet came."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.scenarios.harness.audio import Samples
from tests.scenarios.harness.raw_phone import RawCall, RawPhone, sdp
from tests.scenarios.harness.rtp_peer import RtpPeer
from tests.scenarios.harness.waiting import WAIT_S, eventually


class Caller:
    """One call that is up."""

    def __init__(self, call: RawCall, rtp: RtpPeer, leg: tuple[str, int]) -> None:
        self.call = call
        self.rtp = rtp
        self._leg = leg
        rtp.speak(leg, None)

    def say(self, samples: Samples) -> float:
        """Say them from now on, and be silent after them; when the first packet left."""
        self.rtp.say(self._leg, samples)
        return self.rtp.said_at

    def hum(self, frequency: float) -> None:
        """A tone from now on."""
        self.rtp.speak(self._leg, frequency)

    async def falls_silent(self, after: float) -> float:
        """When the last sound came after the instant `after`."""
        return await self.rtp.falls_silent(after)

    async def sounds(self, after: float, *, frames: int = 3, timeout: float = WAIT_S) -> float:
        """When the first of `frames` frames of sound in a row came after the instant `after`."""
        return await self.rtp.sounds(after, frames=frames, timeout=timeout)

    async def reinvite(self, kind: int) -> None:
        """Go on with the payload type `kind` alone, PCMU or PCMA, by a re-INVITE."""
        await self.rtp.be_silent()
        body = sdp(self.rtp.port).replace("RTP/AVP 0 101", f"RTP/AVP {kind} 101")
        self.call.request("INVITE", body=body)
        await eventually(
            "the answer to the re-INVITE",
            lambda: any(each["CSeq"] == "2 INVITE" and each.status == 200 for each in self.call.received),
        )
        self.call.request("ACK", number=2)
        self.rtp.kind = kind

    async def hang_up(self) -> None:
        """BYE."""
        self.call.request("BYE")
        await self.call.gets("BYE", 200)


@asynccontextmanager
async def calling(uri: str, node: tuple[str, int], timeout: float = WAIT_S) -> AsyncIterator[Caller]:
    """A call to `uri`, answered; it is hung up at the end unless it has ended."""
    async with RtpPeer() as rtp, RawPhone("caller") as phone:
        call = phone.invite(uri, node, body=sdp(rtp.port))
        answer = await call.gets("INVITE", 200, timeout=timeout)
        call.request("ACK")
        assert answer.audio
        caller = Caller(call, rtp, answer.audio)
        yield caller
        if not any(each.method == "BYE" for each in call.received):
            await caller.hang_up()
