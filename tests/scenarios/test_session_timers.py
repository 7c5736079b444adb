"""Session timers (RFC 4028) over a proxy and over a carrier: agreed on, refreshed, and a call that nothing refreshes.

The node proposes 90 s at least; the far phone answers with seconds, so that none of it takes long.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from tests.scenarios.conftest import Server
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.carrier import IS_INSTALLED, Carrier
from tests.scenarios.harness.proxy import Proxy
from tests.scenarios.harness.raw_phone import RawCall, RawPhone, sdp
from tests.scenarios.harness.service import KAMAILIO
from tests.scenarios.harness.waiting import eventually

REFRESHED = (("Session-Expires", "3;refresher=uac"), ("Require", "timer"))
"""What a 200 says whose sender wants to be refreshed, and below: that its sender will refresh."""
WATCHED = (("Session-Expires", "3;refresher=uas"), ("Require", "timer"))
needs_kamailio = pytest.mark.skipif(KAMAILIO is None, reason="Kamailio is not installed")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def proxy(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Proxy]:
    """One proxy for all tests here."""
    async with Proxy(tmp_path_factory.mktemp("timers")) as proxy:
        yield proxy


@asynccontextmanager
async def dialled(server: Server, webhook: Webhook, uri: str, phone: RawPhone) -> AsyncIterator[RawCall]:
    """The call that reaches `phone` by `uri`; its caller hangs up in the end."""
    webhook["voice"] = response(f"<Dial action='after'><Sip>{uri}</Sip></Dial>")
    webhook["after"] = response("<Hangup/>")
    async with RawPhone("eve") as eve:
        call = eve.invite(server.uri, server.node.sip_address, body=sdp(eve.port))
        await call.gets("INVITE", 200)
        call.request("ACK")
        yield await phone.next_call()
        if not call.count("BYE"):
            call.request("BYE")
            await call.gets("BYE", 200)


@needs_kamailio
async def test_the_node_refreshes_through_a_proxy(server: Server, webhook: Webhook, proxy: Proxy) -> None:
    """422 with a longer Min-SE is followed; at half of the interval the node refreshes, over the Record-Route."""
    user = f"timed{server.number}"
    async with RawPhone("bob") as bob:
        await proxy.put(user, bob.uri)
        async with dialled(server, webhook, proxy.uri(user), bob) as brief:
            assert (brief.invite["Session-Expires"] or "").startswith("1800")
            brief.respond(brief.invite, 422, [("Min-SE", "3600")])
            call = await brief.gets_invite(1)
            assert (call["Session-Expires"], call["Min-SE"]) == ("3600", "3600")
            brief.respond(call, 200, REFRESHED, body=sdp())
            for place in (2, 3):
                again = await brief.gets_invite(place)
                assert len(again.all("Via")) >= 2
                assert (again["Session-Expires"] or "").endswith(";refresher=uac")
                brief.respond(again, 200, REFRESHED, body=sdp())


@needs_kamailio
async def test_a_call_that_its_peer_does_not_refresh_ends(
    server: Server, webhook: Webhook, proxy: Proxy
) -> None:
    """§10: BYE a third of the interval before its end, over the proxy; the Dial has completed."""
    user = f"watched{server.number}"
    async with RawPhone("bob") as bob:
        await proxy.put(user, bob.uri)
        async with dialled(server, webhook, proxy.uri(user), bob) as call:
            call.respond(call.invite, 200, WATCHED, body=sdp())
            bye = await call.gets("BYE")
            assert len(bye.all("Via")) >= 2
            assert (await webhook.next("after"))["DialCallStatus"] == "completed"


@needs_kamailio
async def test_a_caller_behind_a_proxy_proposes_too_little(
    server: Server, webhook: Webhook, proxy: Proxy
) -> None:
    """422 with our Min-SE comes back through the proxy; with that the call is taken, and the peer refreshes."""
    webhook["voice"] = response("<Gather timeout='20'/>")
    number = f"brief{server.number}"
    await proxy.put(number, server.uri)
    async with RawPhone("eve") as eve:
        timer = ("Supported", "timer")
        uri = proxy.uri(number)
        refused = eve.invite(uri, proxy.address, body=sdp(), headers=[timer, ("Session-Expires", "30")])
        answer = await refused.gets_final("INVITE")
        assert (answer.status, answer["Min-SE"]) == (422, "90")
        refused.request("ACK")
        headers = [timer, ("Session-Expires", "90"), ("Min-SE", "90")]
        call = eve.invite(uri, proxy.address, body=sdp(), headers=headers)
        taken = await call.gets("INVITE", 200)
        assert taken["Session-Expires"] == "90;refresher=uac"
        call.request("ACK")
        call.request("UPDATE", headers)
        assert (await call.gets("UPDATE", 200))["Session-Expires"] == "90;refresher=uac"
        call.request("BYE")
        await call.gets("BYE", 200)


@pytest.mark.skipif(not IS_INSTALLED, reason="Sippy's B2BUA is not installed (make carrier)")
async def test_a_carrier_that_knows_no_timers(server: Server, webhook: Webhook, tmp_path: Path) -> None:
    """Sippy leaves the far side's timer out of its 200: the node agrees on none, and refreshes of the far side pass."""
    async with (
        RawPhone("bob") as bob,
        Carrier(tmp_path, f"127.0.0.1:{bob.port}") as carrier,
        dialled(server, webhook, carrier.uri("bob"), bob) as call,
    ):
        call.respond(call.invite, 200, WATCHED, body=sdp())
        await call.gets("ACK")
        for number in (2, 3):
            call.request("INVITE", [("Session-Expires", "3;refresher=uac")], body=sdp(), number=number)
            await _answered(call, number)
            call.request("ACK", number=number)
        assert call.count("INVITE") == 1, "the node refreshes nothing"
        assert not call.count("BYE")


async def _answered(call: RawCall, number: int) -> None:
    wanted = f"{number} INVITE"
    await eventually(
        f"200 to {wanted}",
        lambda: [each for each in call.received if each.status == 200 and each["CSeq"] == wanted],
    )
