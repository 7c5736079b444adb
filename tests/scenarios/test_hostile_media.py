"""Attacks on encrypted media: replays, forgeries, downgrades, keys that are used twice."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from tests.scenarios.conftest import NodeFactory
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.audio import tone
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.raw_phone import RawCall, RawPhone, sdp
from tests.scenarios.harness.rtp_peer import PCMU, RtpPeer, encode
from tests.scenarios.harness.srtp import SrtpKey
from tests.scenarios.harness.waiting import eventually
from tests.scenarios.harness.wire import SipMessage

pytestmark = pytest.mark.timeout(60)
PACKETS = 50
SSRC = 0xA11CE
BODY_OF_REPORT = struct.pack("!BBHII", 0x81, 201, 7, SSRC, 1)
GOODBYE = struct.pack("!BBHI", 0x81, 203, 1, SSRC)


def offer(port: int, *lines: str, profile: str = "RTP/SAVP") -> str:
    """G.711 at `port`."""
    head = ("v=0", "o=raw 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0")
    return "\r\n".join((*head, f"m=audio {port} {profile} 0", *lines, ""))


def media_port(message: SipMessage) -> int:
    """That of its audio line."""
    return int(message.body.split("m=audio ")[1].split()[0])


def inline(message: SipMessage) -> str:
    """The key of its first `a=crypto`."""
    return message.body.split("inline:")[1].split()[0].split("|")[0]


class Sender:
    """An encrypted caller's socket: a tone, packet by packet."""

    def __init__(self, key: SrtpKey) -> None:
        self.key = key
        self._frame = encode(tone(440, 0.02), PCMU)
        self._sequence = 1000
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.bind(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])

    def plain(self) -> bytes:
        """The next packet, in the clear."""
        self._sequence += 1
        head = struct.pack("!BBHII", 0x80, PCMU, self._sequence, self._sequence * 160, SSRC)
        return head + self._frame

    def send(self, datagram: bytes, port: int) -> None:
        """To a port of the node."""
        self._socket.sendto(datagram, ("127.0.0.1", port))

    def close(self) -> None:
        """Give the port back."""
        self._socket.close()


@asynccontextmanager
async def talking(node: Node, webhook: Webhook) -> AsyncIterator[tuple[Sender, RawCall, SipMessage, RtpPeer]]:
    """An encrypted caller on a call with a plain phone."""
    sender = Sender(SrtpKey())
    try:
        async with RawPhone("alice") as alice, RawPhone("bob") as bob, RtpPeer() as party:
            webhook["voice"] = response(f'<Dial answerOnBridge="true"><Sip srtp="off">{bob.uri}</Sip></Dial>')
            body = offer(sender.port, sender.key.line)
            call = alice.invite(node.uri("1"), ("127.0.0.1", node.sip_port), body=body)
            ringing = await bob.next_call()
            ringing.answer(port=party.port)
            await ringing.gets("ACK")
            answer = await call.gets("INVITE", 200)
            call.request("ACK")
            while not party.packets:  # until both are joined
                sender.send(sender.key.protect(sender.plain()), media_port(answer))
                await asyncio.sleep(0.02)
            yield sender, call, answer, party
            call.request("BYE")
            await ringing.gets("BYE")
    finally:
        sender.close()


async def answered(call: RawCall, body: str) -> SipMessage:
    """The final response to a re-INVITE with that offer."""
    before = len(call.received)
    call.request("INVITE", body=body)

    def finals() -> list[SipMessage]:
        return [each for each in call.received[before:] if not each.is_request and each.status >= 200]

    await eventually("an answer", lambda: bool(finals()))
    return finals()[0]


async def figures(node: Node, sid: str, *, dropped: int) -> dict[str, Any]:
    """The first sample of a call's audio with so many dropped packets (they are taken every five seconds)."""
    last: dict[str, Any] = {}
    for _ in range(140):
        _, page = await node.rest("GET", f"Calls/{sid}/Events.json")
        samples = [each["data"] for each in page["events"] if each["kind"] == "sample"]
        last = samples[-1] if samples else {}
        if last.get("packets_dropped", 0) >= dropped:
            break
        await asyncio.sleep(0.05)
    return last


async def test_what_is_replayed_or_forged_is_not_passed_on(kept_node: NodeFactory) -> None:
    """Each packet comes with a copy, a damaged copy, and one in the clear: the other party gets it once."""
    node, webhook = await kept_node()
    async with talking(node, webhook) as (sender, _, answer, party):
        sid = (await webhook.next("voice"))["CallSid"]
        port, before = media_port(answer), party.packets
        for _ in range(PACKETS):
            plain = sender.plain()
            sealed = sender.key.protect(plain)
            damaged = sealed[:20] + bytes([sealed[20] ^ 1]) + sealed[21:]
            for datagram in (damaged, plain, sealed, sealed, plain):
                sender.send(datagram, port)
            await asyncio.sleep(0.02)
        await eventually("all packets", lambda: party.packets >= before + PACKETS)
        assert party.packets == before + PACKETS
        assert party.lost == 0
        assert (await figures(node, sid, dropped=4 * PACKETS))["packets_dropped"] == 4 * PACKETS


async def test_reports_that_are_forged_or_replayed_count_for_nothing(kept_node: NodeFactory) -> None:
    """Goodbyes and reports in the clear, with a wrong tag, and twice: dropped; the call talks on."""
    node, webhook = await kept_node()
    async with talking(node, webhook) as (sender, _, answer, party):
        sid = (await webhook.next("voice"))["CallSid"]
        port, before = media_port(answer), party.packets
        report = BODY_OF_REPORT + bytes(20) + GOODBYE
        stranger = SrtpKey()
        genuine = sender.key.protect_report(report)
        damaged = genuine[:-1] + bytes([genuine[-1] ^ 1])
        for datagram in (report, stranger.protect_report(report), damaged, genuine, genuine, genuine):
            sender.send(datagram, port + 1)
        for _ in range(PACKETS):
            sender.send(sender.key.protect(sender.plain()), port)
            await asyncio.sleep(0.01)
        await eventually("the tone goes on", lambda: party.packets == before + PACKETS)
        last = await figures(node, sid, dropped=5)
        assert (last["packets_dropped"], last["round_trip_ms"]) == (5, None)


async def test_an_encrypted_call_is_not_turned_into_a_plain_one(kept_node: NodeFactory) -> None:
    """`required`: a re-INVITE without keys gets 488, one with our own key too; the call stays as it was."""
    node, webhook = await kept_node(media={"srtp": "required"})
    async with talking(node, webhook) as (sender, call, answer, party):
        ours = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{inline(answer)}"
        for body in (
            offer(sender.port, profile="RTP/AVP"),
            offer(sender.port, "a=crypto:1 NULL_HMAC_SHA1_80 inline:" + "A" * 40),
            offer(sender.port, sender.key.line + " UNENCRYPTED_SRTP"),
            offer(sender.port, ours),
        ):
            final = await answered(call, body)
            assert final.status == 488, final.start
            number = int((final["CSeq"] or "0").split()[0])
            call.request("ACK", number=number)
        before = party.packets
        sender.send(sender.key.protect(sender.plain()), media_port(answer))
        await eventually("still encrypted, still heard", lambda: party.packets == before + 1)


async def test_two_calls_with_one_key_get_two_of_ours(kept_node: NodeFactory) -> None:
    """A caller that offers the same key twice: what we send is under different keys, so no key stream repeats."""
    node, webhook = await kept_node()
    webhook["voice"] = response("<Play digits='1'/><Pause length='5'/>")
    key = SrtpKey()
    ours = set()
    async with RawPhone("alice") as alice:
        for _ in range(2):
            address = ("127.0.0.1", node.sip_port)
            call = alice.invite(node.uri("1"), address, body=offer(9, key.line))
            answer = await call.gets("INVITE", 200)
            call.request("ACK")
            ours.add(inline(answer))
            call.request("BYE")
            await call.gets("BYE", 200)
    assert len(ours) == 2
    assert key.line.split("inline:")[1] not in ours


async def test_plain_reports_of_a_stranger_count_for_nothing(kept_node: NodeFactory) -> None:
    """RTCP in the clear from a third address on a plain call: not taken, and the call goes on."""
    node, webhook = await kept_node()
    async with RawPhone("alice") as alice, RtpPeer() as party:
        webhook["voice"] = response("<Play digits='1'/><Pause length='10'/>")
        call = alice.invite(node.uri("1"), ("127.0.0.1", node.sip_port), body=sdp(party.port))
        answer = await call.gets("INVITE", 200)
        call.request("ACK")
        sid = (await webhook.next("voice"))["CallSid"]
        port = media_port(answer)
        party.speak(("127.0.0.1", port), 440)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            stranger.bind(("127.0.0.66", 0))
            for _ in range(10):
                stranger.sendto(BODY_OF_REPORT + bytes(20) + GOODBYE, ("127.0.0.1", port + 1))
        last = await figures(node, sid, dropped=10)
        assert (last["packets_dropped"], last["round_trip_ms"]) == (10, None)
        assert last["packets_received"] > 10
        call.request("BYE")
        await call.gets("BYE", 200)
