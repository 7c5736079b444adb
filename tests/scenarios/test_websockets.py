"""Phones in browsers: SIP over WebSocket on the HTTP port and on a listener; a device has one binding."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
import pytest_asyncio

from tests.scenarios.harness.application import Application, Webhook, response
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.ports import free_port
from tests.scenarios.harness.raw_phone import RawPhone, WebSocketPhone, sdp
from tests.scenarios.harness.registering import Registrant

PASSWORD = "correct horse"
ORIGIN = "https://phones.example.com"
DEVICE = '+sip.instance="<urn:uuid:3ce3ae96-7a0e-4f0c-8a0b-9b2b9f8d1c11>";reg-id=1'


class Browsers:
    """A node that takes WebSockets in both ways, and its application."""

    def __init__(self, node: Node, webhook: Webhook, listener: int) -> None:
        self.node, self.webhook = node, webhook
        self.urls = {
            "http": f"ws://127.0.0.1:{node.http_port}/sip",
            "listener": f"ws://127.0.0.1:{listener}/",
        }

    async def make(self, login: str) -> None:
        """A client whose phone, played by hand, speaks no DTLS."""
        status, made = await self.node.rest(
            "POST", "Clients.json", Login=login, Password=PASSWORD, Srtp="off"
        )
        assert status == 201, made


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared(
    application: Application, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Node, int]]:
    """One node for all tests here; nothing is trusted, so that everything is challenged."""
    listener, sip = free_port(), free_port()
    settings = {
        "sip": {
            "listen": [f"udp://127.0.0.1:{sip}", f"ws://127.0.0.1:{listener}"],
            "trusted_networks": ["127.0.0.1/32"],
        },
        "http": {"allowed_origins": [ORIGIN]},
    }
    numbers = [{"number": "*", "voice_url": application.webhook("ws").url("voice")}]
    node = Node(tmp_path_factory.mktemp("ws"), numbers=numbers, settings=settings)
    node.sip_port = sip
    async with node:
        yield node, listener


@pytest.fixture
def browsers(shared: tuple[Node, int], application: Application) -> Browsers:
    """The shared node and a fresh application."""
    return Browsers(shared[0], application.webhook("ws"), shared[1])


@pytest.mark.parametrize("way", ["http", "listener"])
async def test_a_browser_registers_is_called_and_hangs_up(browsers: Browsers, way: str) -> None:
    """One MD5 challenge; the INVITE, our ACK and the BYE go by its socket, never to the Contact."""
    login = f"web{way}"
    await browsers.make(login)
    browsers.webhook["voice"] = response(f"<Dial><Client>{login}</Client></Dial>")
    async with WebSocketPhone(login, browsers.urls[way]) as web, RawPhone("caller") as caller:
        registrant = Registrant(browsers.node, web, PASSWORD)
        contact = f"<{web.uri}>;{DEVICE};expires=600"
        challenge = await registrant.ask(contact)
        assert challenge.status == 401
        [only] = challenge.all("WWW-Authenticate")
        assert "algorithm=MD5" in only
        accepted = await registrant.ask(contact, headers=[registrant.answer(challenge)])
        assert accepted.status == 200
        [listed] = accepted.all("Contact")
        assert listed.startswith(f"<{web.uri}>")
        assert DEVICE in listed
        assert re.search(r"expires=(59\d|600)", listed)

        call = caller.invite(browsers.node.uri("1000"), browsers.node.sip_address, body=sdp())
        rung = await web.next_call()
        rung.ring()
        rung.answer(port=40000)
        await rung.gets("ACK")
        ok = await call.gets("INVITE", 200)
        call.request("ACK")
        assert ok.status == 200
        rung.request("BYE")
        await rung.gets("BYE", 200)
        await call.gets("BYE")


@pytest.mark.parametrize("ringing", [True, False], ids=["ringing", "talking"])
async def test_a_socket_that_breaks_ends_its_calls_and_its_binding(browsers: Browsers, ringing: bool) -> None:
    login = "gone" if ringing else "lost"
    await browsers.make(login)
    document = response(f'<Dial action="after"><Client>{login}</Client></Dial>')
    browsers.webhook["voice"] = document
    browsers.webhook["after"] = response("<Hangup/>")
    async with RawPhone("caller") as caller:
        async with WebSocketPhone(login, browsers.urls["http"]) as web:
            answer = await Registrant(browsers.node, web, PASSWORD).register(f"<{web.uri}>;{DEVICE}")
            assert answer.status == 200
            call = caller.invite(browsers.node.uri("1000"), browsers.node.sip_address, body=sdp())
            rung = await web.next_call()
            rung.ring()
            await call.gets("INVITE", 200)  # <Dial> answers its caller
            call.request("ACK")
            if not ringing:
                rung.answer(port=40000)
                await rung.gets("ACK")
            web.cut()
            await call.gets("BYE")
            asked = await browsers.webhook.next("after")
            assert asked.parameters["DialCallStatus"] == ("failed" if ringing else "completed")
        again = caller.invite(browsers.node.uri("1000"), browsers.node.sip_address, body=sdp())
        await again.gets("INVITE", 200)
        again.request("ACK")
        await again.gets("BYE")
        asked = await browsers.webhook.next("after")
        assert asked.parameters["DialCallStatus"] == "failed"
        assert (
            "DialSipCallId" not in asked.parameters
        )  # nothing was sent: the client is not registered any more


async def test_a_tab_that_is_reloaded_replaces_its_binding(browsers: Browsers) -> None:
    await browsers.make("tab")
    browsers.webhook["voice"] = response("<Dial><Client>tab</Client></Dial>")
    async with (
        WebSocketPhone("tab", browsers.urls["http"]) as old,
        WebSocketPhone("tab", browsers.urls["listener"]) as new,
        RawPhone("caller") as caller,
    ):
        assert (
            await Registrant(browsers.node, old, PASSWORD).register(f"<{old.uri}>;{DEVICE}")
        ).status == 200
        answer = await Registrant(browsers.node, new, PASSWORD).register(f"<{new.uri}>;{DEVICE}")
        assert len(answer.all("Contact")) == 1
        call = caller.invite(browsers.node.uri("1000"), browsers.node.sip_address, body=sdp())
        rung = await new.next_call()
        rung.refuse(486)
        await call.gets("INVITE", 200)
        call.request("ACK")
        await call.gets("BYE")
        assert not old.calls


async def test_a_browser_calls(browsers: Browsers) -> None:
    """From a socket of the HTTP port; the caller hangs up with its page."""
    browsers.webhook["voice"] = response("<Play digits='1'/>", "<Pause length='60'/>")
    async with WebSocketPhone("visitor", browsers.urls["http"]) as web:
        call = web.invite(browsers.node.uri("1000"), browsers.node.sip_address, body=sdp())
        sid = (await browsers.webhook.next("voice")).parameters["CallSid"]
        ok = await call.gets("INVITE", 200)
        assert "transport=ws" in (ok["Contact"] or "")
        call.request("ACK")
        web.cut()
        assert (await browsers.node.final(sid))["status"] == "completed"


async def test_who_may_open_a_socket_on_the_http_port(browsers: Browsers) -> None:
    url = browsers.urls["http"]
    own = f"http://127.0.0.1:{browsers.node.http_port}"
    async with aiohttp.ClientSession() as client:
        for origin, status in ((own, 101), (ORIGIN, 101), ("https://evil.example", 403), ("null", 403)):
            if status == 101:
                async with client.ws_connect(url, protocols=["sip"], headers={"Origin": origin}) as socket:
                    assert socket.protocol == "sip"
                continue
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await client.ws_connect(url, protocols=["sip"], headers={"Origin": origin})
            assert refused.value.status == status
        for protocols in ([], ["chat"]):
            with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
                await client.ws_connect(url, protocols=protocols)
            assert 400 <= refused.value.status < 500
        with pytest.raises(aiohttp.WSServerHandshakeError) as refused:
            await client.ws_connect(f"{own}/elsewhere", protocols=["sip"])
        assert refused.value.status == 404
    assert await browsers.node.health() == 200


async def test_a_browser_that_calls_from_outside_gets_one_challenge(
    application: Application, tmp_path: Path
) -> None:
    """407 with MD5 alone, whatever `sip.digest_algorithms` says: the libraries read the last of several."""
    webhook = application.webhook("outside")
    webhook["voice"] = response("<Reject/>")
    numbers = [{"number": "*", "voice_url": webhook.url("voice")}]
    settings = {"sip": {"trusted_networks": ["10.99.0.0/16"], "digest_algorithms": ["SHA-256", "MD5"]}}
    async with Node(tmp_path, numbers=numbers, settings=settings) as node:
        await Browsers(node, webhook, 0).make("alice")
        async with WebSocketPhone("alice", f"ws://127.0.0.1:{node.http_port}/sip") as web:
            registrant = Registrant(node, web, PASSWORD)
            assert (await registrant.register(f"<{web.uri}>;{DEVICE}")).status == 200
            call = web.invite(node.uri("1000"), node.sip_address, body=sdp())
            refused = await call.gets("INVITE", 407)
            call.request("ACK")
            [only] = refused.all("Proxy-Authenticate")
            assert "algorithm=MD5" in only
            answer = registrant.answer(refused, method="INVITE", uri=node.uri("1000"))
            again = web.invite(node.uri("1000"), node.sip_address, body=sdp(), headers=[answer])
            await again.gets("INVITE", 603)
            again.request("ACK")
        async with RawPhone("alice") as phone:
            challenge = await Registrant(node, phone, PASSWORD, algorithm="SHA-256").ask(f"<{phone.uri}>")
            assert len(challenge.all("WWW-Authenticate")) == 2
