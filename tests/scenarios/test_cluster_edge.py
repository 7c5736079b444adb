"""Clients of other makers that register through the edge over UDP, TCP, TLS and secure WebSockets."""

import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.scenarios.conftest import Cluster, Measured
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.browser_phone import Browser, BrowserPage, missing
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.phone import Phone
from tests.scenarios.harness.raw_phone import RawPhone, sdp
from tests.scenarios.harness.service import DOMAIN, EDGE_HOST, KAMAILIO, Service
from tests.sip.transport.certificates import Authority

pytestmark = [
    pytest.mark.skipif(KAMAILIO is None, reason="Kamailio is not installed"),
    pytest.mark.timeout(120),
]
PASSWORD = "Secret-123456"
BACK_S = 30.0
"""How soon after a restart of the edge each client is to be rung again."""


async def ring(
    node: Node, webhook: Webhook, login: str, timeout: int, rung: Callable[[], Awaitable[bool]]
) -> bool:
    """Have `node` call a client, which answers and is hung up; whether it rang within `timeout`."""
    webhook["voice"] = response(f"<Dial timeout='{timeout}'><Client>{login}</Client></Dial>")
    async with RawPhone("carol", "127.0.0.22") as carol:
        call = carol.invite(node.uri("1"), node.sip_address, body=sdp(9))
        if not await rung():
            await call.gets("INVITE", 200)  # the ringing tone
            call.request("ACK")
            call.request("BYE")
            await call.gets("BYE", 200)
            return False
        await call.gets("INVITE", 200)
        call.request("ACK")
        call.request("BYE")
        await call.gets("BYE", 200)
        return True


def by_phone(phone: Phone, timeout: float) -> Callable[[], Awaitable[bool]]:
    """The phone rings, and answers."""

    async def rung() -> bool:
        try:
            call = await phone.next_call(timeout)
        except AssertionError:
            return False
        await call.answer()
        return True

    return rung


def by_page(page: BrowserPage, timeout: float) -> Callable[[], Awaitable[bool]]:
    """The page rings, and answers."""

    async def rung() -> bool:
        try:
            await page.event("incoming", timeout)
        except AssertionError:
            return False
        await page.run("answer")
        await page.event("answered")
        return True

    return rung


Ringing = Callable[[float], Callable[[], Awaitable[bool]]]


async def clients(
    service: Service, authority: Authority, folder: Path, stack: AsyncExitStack
) -> dict[str, Ringing]:
    """Registered clients, each over another transport: how each is found to ring."""
    files = authority.issue("127.0.0.1")
    tls = {"certificate": str(files.certificate), "private_key": str(files.private_key), "ca": str(files.ca)}
    edge = service.edge
    ways = {
        "udp": (f"sip:{EDGE_HOST}:{edge.port}", {}),
        "tcp": (f"sip:{EDGE_HOST}:{edge.port};transport=tcp", {}),
        "tls": (f"sip:{EDGE_HOST}:{edge.tls_port};transport=tls", tls),
    }
    found: dict[str, Ringing] = {}
    for login, (registrar, more) in ways.items():
        await new_client(service.nodes[0], login)
        identity = f"sip:{login}@{registrar.removeprefix('sip:')}"
        phone = Phone(
            login, folder, registrar=registrar, identity=identity, username=login, password=PASSWORD, **more
        )
        await stack.enter_async_context(phone)
        assert await phone.registered() == 200
        found[login] = lambda timeout, phone=phone: by_phone(phone, timeout)  # type: ignore[misc]
    if missing() is None:
        await new_client(service.nodes[0], "wss")
        browser = await stack.enter_async_context(Browser(folder, 700))
        page = await browser.open(
            "wss", library="jssip", uri=f"sip:wss@{DOMAIN}", password=PASSWORD, server=edge.wss_url
        )
        assert (await page.event("registered"))["code"] == 200
        found["wss"] = lambda timeout: by_page(page, timeout)
    return found


async def new_client(node: Node, login: str) -> None:
    """Make a client over REST."""
    status, made = await node.rest("POST", "Clients.json", Login=login, Password=PASSWORD)
    assert status in {200, 201}, made


async def test_clients_are_rung_from_every_node_and_again_after_the_edge_was_restarted(
    cluster: Cluster, tmp_path: Path, measured: Measured
) -> None:
    service, webhook = cluster.fresh()
    async with AsyncExitStack() as stack:
        found = await clients(service, cluster.authority, tmp_path, stack)
        for node in service.nodes:
            for login, ringing in found.items():
                assert await ring(node, webhook, login, 8, ringing(6)), (
                    f"{login} is not rung from {node.name}"
                )
        began = time.monotonic()
        await service.restart_edge()
        back: dict[str, float] = {}
        while len(back) < len(found):
            for login in found.keys() - back.keys():
                if await ring(service.nodes[len(back) % 3], webhook, login, 2, found[login](1.5)):
                    back[login] = round(time.monotonic() - began, 1)
            assert time.monotonic() - began < BACK_S, f"{found.keys() - back.keys()} are not back; {back}"
        measured(f"cluster: seconds from the stop of the edge until each client rings again: {back}")
