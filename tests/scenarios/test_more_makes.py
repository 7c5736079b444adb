"""Phones of two more makers as clients of the node: Linphone (belle-sip, mediastreamer2) and Net::SIP (Perl)."""

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.scenarios.conftest import PhoneFactory, Server
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.audio import tone
from tests.scenarios.harness.command_phone import LINPHONE, Linphone, NetSip, has_net_sip
from tests.scenarios.harness.network import default_route
from tests.scenarios.harness.rtp_peer import PCMU, encode

A, B = 440.0, 660.0
linphone_only = pytest.mark.skipif(
    LINPHONE is None, reason="Linphone is not installed (Debian: linphone-cli)"
)
net_sip_only = pytest.mark.skipif(
    not has_net_sip(), reason="Net::SIP is not installed (Debian: libnet-sip-perl)"
)


@dataclass(frozen=True, slots=True)
class Client:
    """A client of the node."""

    login: str
    registrar: str


@pytest_asyncio.fixture(loop_scope="session")
async def client(server: Server, webhook: Webhook) -> Client:
    """A client that no other test has; what it dials is answered by `webhook["dialled"]`."""
    login = f"desk{server.number}"
    status, made = await server.node.rest(
        "POST", "Clients.json", Login=login, Password="correcthorse", VoiceUrl=webhook.url("dialled")
    )
    assert status == 201, made
    return Client(login, f"127.0.0.1:{server.node.sip_port}")


@pytest.fixture(scope="module")
def network() -> Iterator[None]:
    """A default route, as Linphone wants one before it opens a port: the suite's own namespace has loopback alone."""
    with default_route():
        yield


@pytest_asyncio.fixture(loop_scope="session")
async def linphone(network: None, tmp_path: Path) -> AsyncIterator[Linphone]:
    """Linphone, ready, speaking B."""
    async with Linphone(tmp_path) as phone:
        yield await phone.begins(B)


@linphone_only
@pytest.mark.parametrize("who", ["caller", "callee"])
async def test_linphone_is_called(
    server: Server, webhook: Webhook, phone: PhoneFactory, linphone: Linphone, client: Client, who: str
) -> None:
    """It registers with Digest, rings for `<Client>`, and both hear each other; it presses keys; either ends."""
    await linphone.registers(client.login, "correcthorse", client.registrar)
    alice = await phone("alice")
    webhook["voice"] = response(f"<Dial action='after'><Client>{client.login}</Client></Dial>")
    webhook["after"] = response("<Hangup/>")
    call = await alice.invite(server.uri, say=A)
    await linphone.says("incoming call")
    linphone.order("answer")
    assert await call.hears(B)
    assert await linphone.hears(A)
    linphone.order("7")
    await call.pressed("7")
    if who == "caller":
        await call.hang_up()
        await linphone.says("ended")
    else:
        linphone.order("terminate")
        assert (await webhook.next("after"))["DialCallStatus"] == "completed"
        await call.ended()


@linphone_only
async def test_linphone_calls(
    server: Server, webhook: Webhook, phone: PhoneFactory, linphone: Linphone, client: Client
) -> None:
    """Its INVITE answers the challenge; keys for `<Gather>`; `<Dial><Sip>` to another make; hold and resume."""
    await linphone.registers(client.login, "correcthorse", client.registrar)
    bob = await phone("bob")
    webhook["dialled"] = response(
        "<Gather numDigits='2' action='pressed' timeout='5'><Pause length='1'/></Gather>"
    )
    webhook["pressed"] = response(f"<Dial><Sip>{bob.uri}</Sip></Dial>")
    linphone.order(f"call sip:{server.number}@{client.registrar}")
    await linphone.says("connected")
    assert (await webhook.next("dialled"))["From"] == f"client:{client.login}"
    linphone.order("42")
    assert (await webhook.next("pressed"))["Digits"] == "42"
    ringing = await bob.next_call()
    await ringing.answer(say=A)
    assert await ringing.hears(B)
    assert await linphone.hears(A)
    linphone.order("pause")
    await linphone.says("is now paused")
    assert await ringing.hears(B), "its music on hold is the same WAV"
    linphone.order("resume")
    await linphone.says("streams established")
    assert await linphone.hears(A)
    await ringing.hang_up()
    await linphone.says("ended")


@net_sip_only
async def test_net_sip_is_called(
    server: Server, webhook: Webhook, phone: PhoneFactory, client: Client, tmp_path: Path
) -> None:
    """It registers with Digest and rings for `<Client>`; what alice says comes back to her."""
    alice = await phone("alice")
    webhook["voice"] = response(f"<Dial action='after'><Client>{client.login}</Client></Dial>")
    webhook["after"] = response("<Hangup/>")
    async with NetSip(tmp_path, client.login, "correcthorse", client.registrar) as desk:
        await desk.says("registered")
        call = await alice.invite(server.uri, say=A)
        await desk.says("answered")
        assert await call.hears(A)
        await call.hang_up()
        await desk.says("ended")


@net_sip_only
async def test_net_sip_calls(
    server: Server, webhook: Webhook, phone: PhoneFactory, client: Client, tmp_path: Path
) -> None:
    """Its INVITE answers the challenge; its keys reach `<Gather>`; the dialled phone hears it."""
    bob = await phone("bob")
    webhook["dialled"] = response("<Gather numDigits='2' action='pressed' timeout='5'/>")
    spoken = tmp_path / "spoken.ulaw"
    spoken.write_bytes(encode(tone(B, 2.0), PCMU))
    webhook["pressed"] = response(f"<Dial><Sip>{bob.uri}</Sip></Dial>")
    uri = f"sip:{server.number}@{client.registrar}"
    async with NetSip(tmp_path, client.login, "correcthorse", client.registrar, uri, spoken) as desk:
        await desk.says("answered")
        assert (await webhook.next("pressed"))["Digits"] == "42"
        ringing = await bob.next_call()
        await ringing.answer(say=A)
        assert await ringing.hears(B)
        await ringing.hang_up()
        await desk.says("ended")
