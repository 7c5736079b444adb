"""`<Video enable="true"/>` in `<Sip>`: the callee is offered the caller's video too, and both are relayed untouched.

Phones played by hand: the caller offers H.264 and VP8, the callee answers with one of them under another number.
"""

import asyncio
import struct
from typing import Self

import pytest

from tests.scenarios.conftest import Server
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.raw_phone import RawCall, RawPhone, sdp
from tests.scenarios.harness.rtp_ports import open_pair
from tests.scenarios.harness.waiting import eventually
from tests.scenarios.harness.wire import SipMessage

CALLERS_VIDEO = (
    "m=video {port} RTP/AVP 96 97\r\n"
    "a=rtpmap:96 H264/90000\r\n"
    "a=fmtp:96 profile-level-id=42e01f;packetization-mode=1\r\n"
    "a=rtpmap:97 VP8/90000\r\n"
    "a=rtcp-fb:* nack pli\r\n"
)
CALLEES_VIDEO = "m=video {port} RTP/AVP {number}\r\na=rtpmap:{number} VP8/90000\r\n"
PLI = struct.pack("!BBHII", 0x81, 206, 2, 7, 8)  # RFC 4585 §6.3.1


class Camera(asyncio.DatagramProtocol):
    """An RTP port and its RTCP port: what was received there, and sending."""

    def __init__(self) -> None:
        self.received: list[bytes] = []
        self.control: list[bytes] = []

    async def __aenter__(self) -> Self:
        self.port, self._rtp, self._rtcp = await open_pair(self, _Control(self))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._rtp.close()
        self._rtcp.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self.received.append(data)

    def film(self, number: int, to: int, payload: bytes) -> None:
        """Send one packet of payload type `number` to a port of the node."""
        for sequence in range(5):
            head = struct.pack("!BBHII", 0x80, number, 100 + sequence, 9000, 0x5EED)
            self._rtp.sendto(head + payload, ("127.0.0.1", to))

    def ask_for_a_picture(self, to: int) -> None:
        """Send picture loss indications to the RTCP port above a port of the node."""
        for _ in range(3):
            self._rtcp.sendto(PLI, ("127.0.0.1", to + 1))


class _Control(asyncio.DatagramProtocol):
    def __init__(self, camera: Camera) -> None:
        self._camera = camera

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        self._camera.control.append(data)


def video_of(message: SipMessage) -> list[str]:
    """The lines of the video description, from its `m=` on."""
    lines = message.body.replace("\r\n", "\n").split("\n")
    start = next((number for number, line in enumerate(lines) if line.startswith("m=video")), len(lines))
    return lines[start:]


def port_of(message: SipMessage) -> int:
    """The port of the video description."""
    return int(video_of(message)[0].split()[1])


async def _dial(server: Server, alice: RawPhone, bob: RawPhone, camera: Camera) -> tuple[RawCall, RawCall]:
    node = ("127.0.0.1", server.node.sip_port)
    offer = sdp(port=9) + CALLERS_VIDEO.format(port=camera.port)
    call = alice.invite(server.uri, node, body=offer)
    return call, await bob.next_call()


async def test_video_is_offered_on_and_relayed_with_its_feedback(server: Server, webhook: Webhook) -> None:
    async with RawPhone("alice") as alice, RawPhone("bob") as bob, Camera() as hers, Camera() as his:
        webhook["voice"] = response(f'<Dial><Sip name="{bob.uri}"><Video enable="true"/></Sip></Dial>')
        call, ringing = await _dial(server, alice, bob, hers)
        offered = video_of(ringing.invite)
        assert any("H264/90000" in line for line in offered)
        assert any("profile-level-id=42e01f" in line for line in offered)
        number = next(line.split(":")[1].split()[0] for line in offered if "VP8/90000" in line)
        ringing.respond(
            ringing.invite, 200, body=sdp(port=9) + CALLEES_VIDEO.format(port=his.port, number=number)
        )
        await ringing.gets("ACK")
        answer = await call.gets("INVITE", 200)
        call.request("ACK")
        assert any("VP8/90000" in line for line in video_of(answer)), answer.body

        async def films() -> bool:
            hers.film(97, port_of(answer), b"from alice")
            his.film(int(number), port_of(ringing.invite), b"from bob")
            his.ask_for_a_picture(port_of(ringing.invite))
            await asyncio.sleep(0.05)
            return bool(hers.received and his.received and hers.control)

        for _ in range(60):
            if await films():
                break
        assert his.received, "the callee sees the caller"
        assert {packet[1] & 0x7F for packet in his.received} == {int(number)}
        assert all(packet.endswith(b"from alice") for packet in his.received)
        assert hers.received, "the caller sees the callee"
        assert {packet[1] & 0x7F for packet in hers.received} == {97}
        assert any(packet[:2] == PLI[:2] for packet in hers.control), (
            "the callee's feedback reaches the caller"
        )
        call.request("BYE")
        await ringing.gets("BYE")
    await eventually("no video port is left", lambda: server.node.census().udp_sockets <= 1)


@pytest.mark.parametrize("noun", ["<Sip>{}</Sip>", '<Sip name="{}"><Video enable="false"/></Sip>'])
async def test_without_it_audio_alone_is_offered(server: Server, webhook: Webhook, noun: str) -> None:
    async with RawPhone("alice") as alice, RawPhone("bob") as bob, Camera() as hers:
        webhook["voice"] = response(f"<Dial>{noun.format(bob.uri)}</Dial>")
        call, ringing = await _dial(server, alice, bob, hers)
        assert video_of(ringing.invite) == []
        ringing.answer()
        await ringing.gets("ACK")
        answer = await call.gets("INVITE", 200)
        call.request("ACK")
        assert port_of(answer) == 0, "the caller's video is refused (RFC 3264 §6)"
        call.request("BYE")
        await ringing.gets("BYE")
