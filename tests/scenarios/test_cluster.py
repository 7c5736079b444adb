"""Three nodes, one PostgreSQL and Kamailio: calls spread, clients found, commands carried over, limits kept."""

import asyncio
import signal
from collections import Counter
from pathlib import Path

import aiohttp
import pytest

from tests.scenarios.conftest import Cluster
from tests.scenarios.harness.application import Application, response
from tests.scenarios.harness.edge_client import registrant
from tests.scenarios.harness.ledger import call_sid, node_of
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.promises import reported
from tests.scenarios.harness.raw_phone import RawCall, RawPhone, WebSocketPhone, sdp
from tests.scenarios.harness.registering import Registrant
from tests.scenarios.harness.rtp_peer import RtpPeer
from tests.scenarios.harness.service import DOMAIN, EDGE_HOST, KAMAILIO, Service
from tests.scenarios.harness.waiting import eventually
from tests.store.cluster import PostgresServer

pytestmark = [
    pytest.mark.skipif(KAMAILIO is None, reason="Kamailio is not installed"),
    pytest.mark.timeout(120),
]


@pytest.fixture
def server(postgresql: PostgresServer) -> PostgresServer:
    """The PostgreSQL server."""
    return postgresql


async def new_client(node: Node, login: str, password: str) -> None:
    """Make a client over REST."""
    status, made = await node.rest("POST", "Clients.json", Login=login, Password=password)
    assert status in {200, 201}, made


async def test_calls_are_spread_and_any_node_answers_for_any_call(cluster: Cluster) -> None:
    service, webhook = cluster.fresh()
    webhook["voice"] = response("<Gather timeout='300'/>")
    webhook["moved"] = response("<Hangup/>")
    async with RawPhone("alice", "127.0.0.20") as alice:
        calls = []
        for _ in range(6):
            call = alice.invite(f"sip:1@{EDGE_HOST}:{service.edge.port}", service.edge.address, body=sdp(9))
            await call.gets("INVITE", 200)
            call.request("ACK")
            calls.append(call)
        sids = [each["CallSid"] for each in webhook.requests if each.path == "voice"]
        owners = Counter([(await node_of(service, each)).name for each in sids])
        assert owners == Counter({"node-1": 2, "node-2": 2, "node-3": 2})
        assert {each["SipSourceIp"] for each in webhook.requests if each.path == "voice"} == {"127.0.0.20"}
        assert not [name for each in webhook.requests for name in each.parameters if "CallAPI" in name]
        listed = {each["sid"] for each in await service.nodes[0].calls(Status="in-progress")}
        assert listed == set(sids)
        for sid in sids:
            owner = await node_of(service, sid)
            foreign = next(each for each in service.nodes if each is not owner)
            status, events = await foreign.rest("GET", f"Calls/{sid}/Events.json")
            assert status == 200
            assert any(each["kind"] == "sip" for each in events["events"]), events
            status, record = await foreign.rest("POST", f"Calls/{sid}.json", Url=webhook.url("moved"))
            assert status == 200, record
        for call in calls:
            await call.gets("BYE")
        await eventually(
            "the callbacks of the ends",
            lambda: len(reported(webhook, "ended")) == 6,
            seen=lambda: dict(reported(webhook, "ended")),
        )
        status, _ = await service.nodes[0].rest("POST", f"Calls/{sids[0]}.json", Status="completed")
        assert status == 400


async def test_a_client_is_rung_from_every_node_over_its_own_connection(
    cluster: Cluster,
) -> None:
    """Digest, Path and bindings: registered once through the edge, by UDP and by WebSocket, reached from all nodes."""
    service, webhook = cluster.fresh()
    for login in ("bob", "web"):
        await new_client(service.nodes[0], login, "Secret-123456")
    async with (
        RawPhone("bob", "127.0.0.21") as bob,
        WebSocketPhone("web", service.edge.ws_url) as web,
        RawPhone("carol", "127.0.0.22") as carol,
    ):
        for phone in (bob, web):
            client = registrant(service, phone, "Secret-123456")
            answer = await client.register(f"<{phone.uri}>;expires=120")
            assert answer.status == 200, answer.start
            again = await client.register(f"<{phone.uri}>;expires=120")
            assert again.status == 200, "a nonce of one node is good on the next"
        for node in service.nodes:
            for phone in (bob, web):
                webhook["voice"] = response(f"<Dial timeout='10'><Client>{phone.name}</Client></Dial>")
                call = carol.invite(node.uri("1"), node.sip_address, body=sdp(9))
                callee = await phone.next_call()
                callee.answer()
                await call.gets("INVITE", 200)
                call.request("ACK")
                await callee.gets("ACK")
                call.request("BYE")
                await callee.gets("BYE")


async def test_a_digest_that_one_node_has_accepted_is_refused_by_the_others(
    cluster: Cluster,
) -> None:
    """A thief who has read a REGISTER in the clear and repeats it is challenged; the client itself goes on."""
    service, _ = cluster.fresh()
    await new_client(service.nodes[0], "rosa", "Secret-123456")
    async with RawPhone("rosa", "127.0.0.21") as rosa, RawPhone("thief", "127.0.0.22") as thief:
        client = Registrant(service.nodes[0], rosa, "Secret-123456", realm=DOMAIN)
        challenge = await client.ask(f"<{rosa.uri}>")
        used = client.answer(challenge)
        assert (await client.ask(f"<{rosa.uri}>", headers=[used])).status == 200
        await asyncio.sleep(0.5)  # the others hear of it within milliseconds
        replay = Registrant(service.nodes[0], thief, "", login="rosa", realm=DOMAIN)
        for node in service.nodes:
            replay.turn_to(node)
            answer = await replay.ask(f"<{thief.uri}>", headers=[used])
            assert answer.status == 401
            assert "stale=true" in (answer["WWW-Authenticate"] or "")
        client.turn_to(service.nodes[1])
        again = await client.ask(f"<{rosa.uri}>", headers=[client.answer(challenge, count=2)])
        assert again.status == 200, "the next count of the same nonce is good at every node"


async def test_who_may_call_is_judged_by_the_address_that_the_edge_saw(
    application: Application, server: PostgresServer, tmp_path: Path
) -> None:
    """From outside the trusted networks it is 403 through the edge too, whatever header the caller writes."""
    webhook = application.webhook("outside")
    webhook["voice"] = response("<Reject/>")
    numbers = [{"number": "*", "voice_url": webhook.url("voice")}]
    settings = {"sip": {"trusted_networks": ["127.0.0.20/32", "127.0.0.10/32"]}}
    spoofed = [("X-CallAPI-Source", "udp:127.0.0.20:5060")]
    async with (
        Service(tmp_path, server, numbers, count=1, settings=settings) as service,
        RawPhone("friend", "127.0.0.20") as friend,
        RawPhone("stranger", "127.0.0.66") as stranger,
    ):
        edge, node = service.edge.address, service.nodes[0]
        uri = f"sip:1@{edge[0]}:{edge[1]}"
        assert (await friend.invite(uri, edge, body=sdp()).gets_final("INVITE")).status == 603
        # A request that claims a dialog and names another destination is not relayed there.
        async with RawPhone("victim", "127.0.0.67") as victim:
            route = [("Route", f"<sip:{edge[0]}:{edge[1]};lr>")]
            relayed = stranger.invite(victim.uri, edge, body=sdp(), headers=route, to_tag="t")
            assert (await relayed.gets_final("INVITE")).status == 403
            assert not victim.calls
        for headers in ([], spoofed):
            through = stranger.invite(uri, edge, body=sdp(), headers=headers)
            assert (await through.gets_final("INVITE")).status == 403
            directly = stranger.invite(node.uri("1"), node.sip_address, body=sdp(), headers=headers)
            assert (await directly.gets_final("INVITE")).status == 403


async def _refuse_all(phone: RawPhone) -> None:
    while True:
        (await phone.next_call(60)).refuse(486)


async def admitted(phone: RawPhone, node: Node) -> RawCall:
    """A call that is answered; a node that is behind with its work is called again."""
    async with asyncio.timeout(30):
        while True:
            call = phone.invite(node.uri("1"), node.sip_address, body=sdp(9))
            answer = await call.gets_final("INVITE")
            if answer.status == 200:
                call.request("ACK")
                return call
            assert "overload" in (answer["Reason"] or ""), answer.start
            await asyncio.sleep(1)


async def test_limits_hold_over_all_nodes_and_the_queue_of_one_that_dies_is_placed_by_another(
    application: Application, server: PostgresServer, tmp_path: Path
) -> None:
    webhook = application.webhook("queue")
    webhook["voice"] = response("<Gather timeout='300'/>")
    webhook["ended"] = webhook["rest-ended"] = ""
    limits = {"rest_calls_per_second_per_account": 2, "queued_calls_per_account": 8, "calls_per_account": 3}
    numbers = [{"number": "*", "voice_url": webhook.url("voice")}]
    async with (
        Service(tmp_path, server, numbers, count=2, settings={"limits": limits}, has_edge=False) as service,
        RawPhone("alice", "127.0.0.29") as alice,
        RawPhone("bob", "127.0.0.28") as bob,
    ):
        first, second = service.nodes
        calls = [await admitted(alice, node) for node in (first, first, second)]
        for node in (first, second):
            refused = alice.invite(node.uri("1"), node.sip_address, body=sdp(9))
            assert (await refused.gets_final("INVITE")).status == 503
        for call in calls:
            call.request("BYE")
            await call.gets("BYE", 200)
        await asyncio.sleep(1.5)

        refusing = asyncio.create_task(_refuse_all(bob))
        form = {
            "To": bob.uri,
            "From": "1000",
            "Url": webhook.url("voice"),
            "StatusCallback": webhook.url("rest-ended"),
        }
        made = [await first.rest("POST", "Calls.json", **form) for _ in range(6)]
        assert [status for status, _ in made] == [201] * 6
        more = [await second.rest("POST", "Calls.json", **form) for _ in range(6)]
        assert 429 in [status for status, _ in more], "an account has its places over all nodes"
        first.process.signal(signal.SIGKILL)
        sids = [record["sid"] for status, record in (*made, *more) if status == 201]
        records = [await second.final(sid, timeout=30) for sid in sids]
        # The one call that was on its way as its node died may have failed with it.
        assert [each["status"] for each in records].count("busy") >= len(sids) - 1, records
        await eventually(
            "every callback",
            lambda: len(reported(webhook, "rest-ended")) == len(sids),
            15,
            seen=lambda: dict(reported(webhook, "rest-ended")),
        )
        assert all(len(set(events)) == 1 for events in reported(webhook, "rest-ended").values())
        assert len(bob.calls) <= len(sids), "a call was placed twice"
        refusing.cancel()
        await asyncio.gather(refusing, return_exceptions=True)


async def test_the_feed_of_one_node_has_the_calls_of_all(cluster: Cluster) -> None:
    service, webhook = cluster.fresh()
    webhook["voice"] = response("<Reject/>")
    reader, caller = service.nodes[1], service.nodes[0]
    seen: list[str] = []
    url = f"{reader.http_url}/2010-04-01/Accounts/{service.account_sid}/Feed"
    login = {"Authorization": aiohttp.encode_basic_auth(service.account_sid, service.auth_token)}
    async with (
        aiohttp.ClientSession(headers=login) as session,
        session.get(url) as feed,
        RawPhone("alice", "127.0.0.32") as alice,
    ):

        async def read() -> None:
            while line := await feed.content.readline():
                seen.append(line.decode())

        reading = asyncio.create_task(read())
        await asyncio.sleep(1)  # the reader's node asks the others for their events
        call = alice.invite(caller.uri("1"), caller.sip_address, body=sdp(9))
        assert (await call.gets_final("INVITE")).status == 603
        sid = call_sid(webhook)
        await eventually(
            "its end in the feed", lambda: any(sid in each and "call-ended" in each for each in seen)
        )
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)


async def test_a_recording_is_had_from_every_node(cluster: Cluster) -> None:
    service, webhook = cluster.fresh()
    webhook["voice"] = response("<Record action='after' maxLength='2' timeout='5'/>")
    webhook["after"] = response("<Hangup/>")
    maker, other = service.nodes[0], service.nodes[1]
    async with RawPhone("alice", "127.0.0.30") as alice, RtpPeer() as rtp:
        call = alice.invite(maker.uri("1"), maker.sip_address, body=sdp(rtp.port))
        answer = await call.gets("INVITE", 200)
        call.request("ACK")
        assert answer.audio
        rtp.speak(answer.audio, 440)
        await eventually("the recording", lambda: [each for each in webhook.requests if each.path == "after"])
        sid = next(each for each in webhook.requests if each.path == "after")["RecordingSid"]
    path = f"2010-04-01/Accounts/{service.account_sid}/Recordings/{sid}.wav"
    sound = await maker.download(f"{maker.http_url}/{path}")
    assert await other.download(f"{other.http_url}/{path}") == sound
    assert (await other.rest("DELETE", f"Recordings/{sid}.json"))[0] == 204
    assert (await maker.rest("GET", f"Recordings/{sid}.json"))[0] == 404
    assert not list((maker.folder / "data" / "recordings").glob(f"{sid}*"))
