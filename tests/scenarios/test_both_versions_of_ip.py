"""A phone that speaks IPv6 and one that speaks IPv4 talk through the node, which has an address of either."""

import re

from tests.scenarios.conftest import NodeFactory, PhoneFactory
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.ports import free_port
from tests.scenarios.harness.raw_phone import RawPhone, sdp
from tests.scenarios.harness.rtp_peer import RtpPeer
from tests.scenarios.harness.wire import SipMessage


async def _node(new_node: NodeFactory) -> tuple[Node, Webhook, int]:
    """Listening on 127.0.0.1 and, at the last port, on ::1, for SIP and media."""
    port, port6 = free_port(), free_port()
    sip = {"listen": [f"udp://127.0.0.1:{port}", f"udp://[::1]:{port6}"]}
    node, webhook = await new_node(
        sip={**sip, "trusted_networks": ["::1/128", "127.0.0.0/8"]},
        media={"address": "127.0.0.1", "ipv6_address": "::1"},
    )
    node.sip_port = port
    return node, webhook, port6


def _sdp6(port: int) -> str:
    return sdp(port).replace("IN IP4 127.0.0.1", "IN IP6 ::1")


def _media_of(message: SipMessage) -> tuple[str, int]:
    """Where a description wants packets; it names IPv6."""
    address = re.search(r"c=IN IP6 (\S+)", message.body)
    port = re.search(r"m=audio (\d+)", message.body)
    assert address, message.body
    assert port, message.body
    return address[1], int(port[1])


async def test_an_ipv6_phone_calls_an_ipv4_phone(new_node: NodeFactory, phone: PhoneFactory) -> None:
    """Tone sent is tone heard, both ways."""
    _, webhook, port6 = await _node(new_node)
    bob = await phone("bob")
    webhook["voice"] = response(f"<Dial><Sip>{bob.uri}</Sip></Dial>")
    async with RawPhone("alice", "::1") as alice, RtpPeer(host="::1") as rtp:
        call = alice.invite(f"sip:1000@[::1]:{port6}", ("::1", port6), body=_sdp6(rtp.port))
        ringing = await bob.next_call()
        assert "IP6" not in ringing.invite.body, "the callee is offered an address of its own version"
        await ringing.answer(say=440)
        answer = await call.gets("INVITE", 200)
        call.request("ACK")
        rtp.speak(_media_of(answer), 1000)
        assert await rtp.hears(440)
        assert await ringing.hears(1000)
        await ringing.hang_up()
        await call.gets("BYE")


async def test_an_ipv4_phone_calls_an_ipv6_phone(new_node: NodeFactory, phone: PhoneFactory) -> None:
    """The callee is offered the IPv6 address of the node's media."""
    node, webhook, _ = await _node(new_node)
    alice = await phone("alice")
    async with RawPhone("bob", "::1") as bob, RtpPeer(host="::1") as rtp:
        webhook["voice"] = response(f"<Dial><Sip>sip:bob@[::1]:{bob.port}</Sip></Dial>")
        call = await alice.invite(node.uri("1000"), say=440)
        ringing = await bob.next_call()
        rtp.speak(_media_of(ringing.invite), 1000)
        ringing.respond(ringing.invite, 200, body=_sdp6(rtp.port))
        await ringing.gets("ACK")
        assert await rtp.hears(440)
        assert await call.hears(1000)
        await call.hang_up()
        await ringing.gets("BYE")
