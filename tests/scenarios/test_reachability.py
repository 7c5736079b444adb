"""A node that names a private address to a peer on the public internet says so."""

import pytest

from tests.scenarios.conftest import NodeFactory
from tests.scenarios.harness.application import response
from tests.scenarios.harness.raw_phone import RawPhone, sdp

PUBLIC, PRIVATE, OWN = "11.22.33.44", "192.168.7.7", "10.0.0.5"


@pytest.mark.parametrize(("peer", "warnings"), [(PUBLIC, 1), (PRIVATE, 0), ("127.0.0.1", 0)])
async def test_a_private_address_and_a_public_peer(new_node: NodeFactory, peer: str, warnings: int) -> None:
    """By the address in the caller's description; the text names both addresses, and the setting."""
    node, webhook = await new_node(media={"advertised_address": OWN})
    webhook["voice"] = response("<Reject/>")
    async with RawPhone("alice") as alice:
        for _ in range(2):
            body = sdp(9).replace("127.0.0.1", peer)
            call = alice.invite(node.uri("1"), node.sip_address, body=body)
            await call.gets_final("INVITE")
            await node.final((await webhook.next("voice"))["CallSid"])
    _, page = await node.rest("GET", "Notifications.json")
    found = [each for each in page["notifications"] if each["error_code"] == "60063"]
    assert len(found) == warnings, "one for both calls"
    for each in found:
        assert each["log"] == "1"
        for word in (peer, OWN, "media.advertised_address"):
            assert word in each["message_text"]
