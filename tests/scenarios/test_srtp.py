"""SRTP with keys in SDP (RFC 4568): phones of two makes, both directions, TLS and trusted UDP; and who is refused."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from callapi.sip.transport import TlsFiles
from tests.scenarios.conftest import PhoneFactory
from tests.scenarios.harness.application import Application, Webhook, response
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.packet_tap import PacketTap, as_pcmu, may_capture
from tests.scenarios.harness.phone import Baresip, Phone
from tests.scenarios.harness.ports import free_port
from tests.sip.transport.certificates import Authority

MAKES = {"pjsua2": Phone, "baresip": Baresip}
KEY = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
CRYPTO = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}\r\n"


class Secure:
    """A node with TLS, and an application of the test's own."""

    def __init__(self, node: Node, webhook: Webhook, files: TlsFiles) -> None:
        self.node, self.webhook, self.files = node, webhook, files

    def uri(self, transport: str) -> str:
        """Where to call it."""
        port = self.node.tls_port if transport == "tls" else self.node.sip_port
        return f"sip:1@127.0.0.1:{port};transport={transport}"


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared(
    application: Application, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Node, TlsFiles]]:
    """One node for all tests here."""
    files = Authority(tmp_path_factory.mktemp("authority")).issue("127.0.0.1")
    numbers = [{"number": "*", "voice_url": application.webhook("srtp").url("voice")}]
    async with Node(tmp_path_factory.mktemp("srtp"), numbers=numbers, tls=files) as node:
        yield node, files


@pytest.fixture
def secure(shared: tuple[Node, TlsFiles], application: Application) -> Secure:
    """The shared node and a fresh application."""
    return Secure(shared[0], application.webhook("srtp"), shared[1])


SecurePhones = Callable[[str, str, str, str], Awaitable[Phone]]


@pytest_asyncio.fixture(loop_scope="session")
async def secure_phone(secure: Secure, tmp_path: Path) -> AsyncIterator[SecurePhones]:
    """`await secure_phone("alice", "pjsua2", "required", "tls")`: a phone of that make, policy and transport."""
    async with AsyncExitStack() as stack:

        async def start(name: str, make: str, srtp: str, transport: str) -> Phone:
            folder = tmp_path / name
            folder.mkdir()
            files = {
                "certificate": str(secure.files.certificate),
                "private_key": str(secure.files.private_key),
                "ca": str(secure.files.ca),
            }
            if make == "baresip":
                port = free_port()
                files |= {"udp_port": str(port), "tls_port": str(port + 1)}
                files["registrar"] = f"sip:127.0.0.1;transport={transport}"
            return await stack.enter_async_context(MAKES[make](name, folder, srtp=srtp, **files))

        yield start


async def records(secure: Secure, sid: str) -> tuple[str, str]:
    """`srtp` of a caller's record and of its child's."""
    status, page = await secure.node.rest("GET", "Calls.json", ParentCallSid=sid)
    assert status == 200, page
    return (await secure.node.call(sid))["srtp"], page["calls"][0]["srtp"]


@pytest.mark.parametrize("transport", ["udp", "tls"])
@pytest.mark.parametrize("srtp", ["optional", "required"])
@pytest.mark.parametrize("make", ["pjsua2", "baresip"])
async def test_a_caller_with_srtp_talks_with_a_plain_phone(
    secure: Secure, phone: PhoneFactory, secure_phone: SecurePhones, make: str, srtp: str, transport: str
) -> None:
    """Tone sent is tone heard, both ways; the wire holds noise on one side and the plain tone on the other."""
    alice, bob = await secure_phone("alice", make, srtp, transport), await phone("bob")
    secure.webhook["voice"] = response(f'<Dial action="after"><Sip srtp="off">{bob.uri}</Sip></Dial>')
    secure.webhook["after"] = response("<Hangup/>")
    async with AsyncExitStack() as stack:
        tap = await stack.enter_async_context(PacketTap()) if may_capture() else None
        call = await alice.invite(secure.uri(transport), say=440)
        ringing = await bob.next_call()
        assert "a=crypto" not in ringing.invite.body
        await ringing.answer(say=660)
        await call.answered()
        assert await call.hears(660)
        assert await ringing.hears(440)
        await ringing.hang_up()
        after = await secure.webhook.next("after")
        if tap is not None:
            flows = [as_pcmu(flow) for flow in tap.between(range(*secure.node.rtp_ports))]
            is_plain = [heard.share_of(440) > 0.5 or heard.share_of(660) > 0.5 for heard in flows]
            assert (len(flows), sum(is_plain)) == (4, 2), [heard.score() for heard in flows]
    assert after["DialSrtp"] == "none"
    assert await records(secure, after["CallSid"]) == ("sdes", "none")


@pytest.mark.parametrize("transport", ["udp", "tls"])
@pytest.mark.parametrize("srtp", ["optional", "required"])
@pytest.mark.parametrize("make", ["pjsua2", "baresip"])
async def test_a_phone_with_srtp_is_called(
    secure: Secure, phone: PhoneFactory, secure_phone: SecurePhones, make: str, srtp: str, transport: str
) -> None:
    """`optional` finds it by AVP with keys, `required` by SAVP; both hear each other."""
    alice, bob = await phone("alice"), await secure_phone("bob", make, srtp, transport)
    address = bob.tls_address if transport == "tls" else bob.udp_address
    uri = f"sip:bob@{address};transport={transport}"
    policy = "required" if srtp == "required" else "optional"
    secure.webhook["voice"] = response(f'<Dial action="after"><Sip srtp="{policy}">{uri}</Sip></Dial>')
    secure.webhook["after"] = response("<Hangup/>")
    call = await alice.invite(secure.uri("udp"), say=440)
    ringing = await bob.next_call()
    await ringing.answer(say=660)
    await call.answered()
    assert await call.hears(660)
    assert await ringing.hears(440)
    await ringing.hang_up()
    after = await secure.webhook.next("after")
    assert after["DialSrtp"] == "sdes"
    assert await records(secure, after["CallSid"]) == ("none", "sdes")


def offer(port: int, profile: str, *lines: str) -> str:
    """A phone's description."""
    return "\r\n".join(
        (
            "v=0",
            "o=phone 1 1 IN IP4 127.0.0.1",
            "s=-",
            "c=IN IP4 127.0.0.1",
            "t=0 0",
            f"m=audio {port} {profile} 0",
            *lines,
            "",
        )
    )


async def test_a_phone_with_dtls_calls(
    secure: Secure, phone: PhoneFactory, secure_phone: SecurePhones
) -> None:
    """DTLS-SRTP without ICE (RFC 5763): tone sent is tone heard."""
    other = await phone("alice")
    carol = await secure_phone("carol", "baresip", "dtls", "udp")
    secure.webhook["voice"] = response(f'<Dial action="after"><Sip>{other.uri}</Sip></Dial>')
    secure.webhook["after"] = response("<Hangup/>")
    call = await carol.invite(secure.uri("udp"), say=440)
    ringing = await other.next_call()
    await ringing.answer(say=660)
    await call.answered()
    assert await call.hears(660)
    assert await ringing.hears(440)
    await ringing.hang_up()
    after = await secure.webhook.next("after")
    assert await records(secure, after["CallSid"]) == ("dtls", "none")
