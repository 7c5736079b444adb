"""One call that talks, through the node, between two phones of our own whose every packet is counted."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.raw_phone import RawCall, RawPhone, sdp
from tests.scenarios.harness.rtp_peer import RtpPeer

CALLER_HZ, CALLEE_HZ = 440, 660


@dataclass(frozen=True, slots=True)
class Conversation:
    """Both ends of it; `caller_rtp` hears the callee."""

    caller: RawCall
    callee: RawCall
    caller_rtp: RtpPeer
    callee_rtp: RtpPeer

    async def goes_on(self) -> None:
        """AssertionError unless each hears the other now, and no packet was lost since the call began."""
        assert await self.caller_rtp.hears(CALLEE_HZ), "the caller hears nothing any more"
        assert await self.callee_rtp.hears(CALLER_HZ), "the callee hears nothing any more"
        for name, rtp in (("caller", self.caller_rtp), ("callee", self.callee_rtp)):
            allowed = rtp.packets // 1000
            assert rtp.lost <= allowed, f"the {name} lost {rtp.lost} of {rtp.packets} packets"

    async def ends(self) -> None:
        """The caller hangs up; both sides see the end."""
        self.caller.request("BYE")
        await self.caller.gets("BYE", 200)
        await self.callee.gets("BYE")


@asynccontextmanager
async def talk(
    node: Node,
    webhook: Webhook,
    *,
    status_callback: str = "",
    caller_host: str = "127.0.0.1",
    number: str = "1",
    attributes: str = "",
) -> AsyncIterator[Conversation]:
    """A caller of `number` dials through to a callee; both speak a tone each until the block ends.

    A later caller is rejected by the application (603), unless the test says otherwise.
    """
    async with (
        RawPhone("alice", caller_host) as alice,
        RawPhone("bob") as bob,
        RtpPeer() as rtp,
        RtpPeer() as other,
    ):
        attribute = f' statusCallback="{status_callback}"' if status_callback else ""
        dial = response(f"<Dial {attributes}><Sip{attribute}>{bob.uri}</Sip></Dial>")
        webhook["voice"] = [dial, response("<Reject/>")]
        caller = alice.invite(node.uri(number), node.sip_address, body=sdp(rtp.port))
        callee = await bob.next_call()
        callee.answer(port=other.port)
        answer = await caller.gets("INVITE", 200)
        caller.request("ACK")
        assert answer.audio
        assert callee.invite.audio
        rtp.speak(answer.audio, CALLER_HZ)
        other.speak(callee.invite.audio, CALLEE_HZ)
        yield Conversation(caller, callee, rtp, other)
