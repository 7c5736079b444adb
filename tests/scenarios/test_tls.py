"""`sips:` and `;transport=tls` on the wire: who is believed, who is not, and what the application hears of it."""

import asyncio
import resource
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from callapi.sip.transport import TlsFiles
from callapi.sip.transport.connection import StreamLimits
from tests.scenarios.conftest import PhoneFactory
from tests.scenarios.harness.application import Application, Webhook, response
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.phone import Phone
from tests.scenarios.harness.raw_phone import RawPhone, TlsPhone, sdp
from tests.scenarios.harness.rtp_peer import RtpPeer
from tests.scenarios.harness.waiting import eventually
from tests.sip.transport.certificates import Authority


class Secure:
    """A node with a certificate, the authority that it believes, and its application."""

    def __init__(self, node: Node, webhook: Webhook, authority: Authority) -> None:
        self.node, self.webhook, self.authority = node, webhook, authority

    async def notes(self, sid: str) -> list[dict[str, object]]:
        status, page = await self.node.rest("GET", f"Calls/{sid}/Notifications.json")
        assert status == 200, page
        return list(page["notifications"])


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shared(
    application: Application, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[Node, Authority]]:
    """One node for all tests here."""
    authority = Authority(tmp_path_factory.mktemp("authority"))
    url = application.webhook("tls").url("voice")
    numbers = [{"number": "*", "voice_url": url}]
    folder = tmp_path_factory.mktemp("tls")
    async with Node(folder, numbers=numbers, tls=authority.issue("127.0.0.1")) as node:
        yield node, authority


@pytest.fixture
def secure(shared: tuple[Node, Authority], application: Application) -> Secure:
    """The shared node and a fresh application."""
    return Secure(shared[0], application.webhook("tls"), shared[1])


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
@pytest.mark.parametrize("scheme", ["sips", "transport"])
async def test_a_certificate_that_is_good(
    secure: Secure, phone: PhoneFactory, host: str, scheme: str
) -> None:
    """An INVITE over TLS with a `sips:` Contact where the URI is one; they talk; BYE comes by the same connection."""
    alice = await phone("alice")
    async with TlsPhone("bob", secure.authority.issue(host), host=host) as bob, RtpPeer() as rtp:
        uri = bob.uri if scheme == "sips" else f"sip:bob@{host}:{bob.port};transport=tls"
        secure.webhook["voice"] = response(f'<Dial action="after"><Sip>{uri}</Sip></Dial>')
        secure.webhook["after"] = response("<Hangup/>")
        call = await alice.invite(secure.node.uri("1"), say=440)
        ringing = await bob.next_call()
        assert ringing.invite.request_uri == uri
        assert (ringing.invite["Via"] or "").startswith("SIP/2.0/TLS ")
        assert ringing.invite.uri("Contact").startswith("sips:" if scheme == "sips" else "sip:")
        ringing.ring()
        ringing.answer(port=rtp.port)
        await ringing.gets("ACK")
        assert await rtp.hears(440)
        await call.hang_up()
        await ringing.gets("BYE")
        assert bob.connections == 1
        after = await secure.webhook.next("after")
        assert (after["DialCallStatus"], after["DialSipResponseCode"]) == ("completed", "200")
        assert await secure.notes(after["CallSid"]) == []


def _expired(authority: Authority) -> TlsFiles:
    return authority.issue("127.0.0.1", days=-1)


def _of_another(authority: Authority) -> TlsFiles:
    return authority.issue("bank.example.com")


def _unknown_authority(authority: Authority) -> TlsFiles:
    folder = Path(authority.folder) / "stranger"
    folder.mkdir(exist_ok=True)
    return Authority(folder, "Another Authority").issue("127.0.0.1")


@pytest.mark.parametrize(
    ("files", "why"),
    [
        (_expired, "certificate refused: certificate has expired"),
        (_of_another, "certificate refused: IP address mismatch"),
        (_unknown_authority, "certificate refused: unable to get local issuer certificate"),
        (
            lambda authority: authority.self_signed("127.0.0.1"),
            "certificate refused: self-signed certificate",
        ),
    ],
    ids=["expired", "other name", "unknown authority", "self-signed"],
)
async def test_a_certificate_that_is_bad_fails_the_leg(
    secure: Secure, phone: PhoneFactory, files: object, why: str
) -> None:
    """Not a byte of SIP reaches it, the leg is `failed`, and a notification says why, and where in the document."""
    assert callable(files)
    alice = await phone("alice")
    async with TlsPhone("bob", files(secure.authority)) as bob:
        secure.webhook["voice"] = (
            f'<Response>\n  <Dial action="after">\n    <Sip statusCallback="status">{bob.uri}</Sip>\n'
            "  </Dial>\n</Response>"
        )
        secure.webhook["after"], secure.webhook["status"] = response("<Hangup/>"), ""
        await alice.invite(secure.node.uri("1"))
        after = await secure.webhook.next("after")
        assert after["DialCallStatus"] == "failed"
        assert after["DialBridged"] == "false"
        completed = await secure.webhook.next("status")
        assert (completed["CallStatus"], completed["CallSid"]) == ("failed", after["DialCallSid"])
        [note] = await secure.notes(after["CallSid"])
        assert (note["error_code"], note["document_line"]) == ("32011", 3)
        assert why in str(note["message_text"])
        assert bob.uri in str(note["message_text"])
        assert bob.seen == []


async def test_one_target_without_tls_and_the_others_ring(secure: Secure, phone: PhoneFactory) -> None:
    """A TCP server that has never heard of TLS: that noun fails, the other is joined."""
    alice, carol = await phone("alice"), await phone("carol")
    async with TlsPhone("bob", None) as bob:
        secure.webhook["voice"] = response(f"<Dial><Sip>{bob.uri}</Sip><Sip>{carol.uri}</Sip></Dial>")
        call = await alice.invite(secure.node.uri("1"))
        await (await carol.next_call()).answer(say=660)
        assert await call.hears(660)
        assert bob.calls == {}


async def test_sips_never_leaves_tls(secure: Secure, phone: PhoneFactory) -> None:
    """`sips:` with `transport=udp` contradicts itself (RFC 3261 §26.2.2): `failed`, nothing is sent in the clear."""
    alice = await phone("alice")
    async with RawPhone("bob") as bob:
        uri = f"sips:bob@127.0.0.1:{bob.port};transport=udp"
        secure.webhook["voice"] = response(f'<Dial action="after"><Sip>{uri}</Sip></Dial>')
        secure.webhook["after"] = response("<Hangup/>")
        await alice.invite(secure.node.uri("1"))
        after = await secure.webhook.next("after")
        assert after["DialCallStatus"] == "failed"
        [note] = await secure.notes(after["CallSid"])
        assert "sips over udp" in str(note["message_text"])
        assert bob.seen == []


async def test_a_caller_over_tls(secure: Secure, phone: PhoneFactory) -> None:
    """The `tls://` listener: it shows its certificate, the caller's `sips:` call is answered there and joined."""
    bob = await phone("bob")
    secure.webhook["voice"] = response(f"<Dial><Sip>{bob.uri}</Sip></Dial>")
    node = ("127.0.0.1", secure.node.tls_port)
    async with TlsPhone("alice", secure.authority.issue("127.0.0.1")) as alice, RtpPeer() as rtp:
        await alice.connect(node, secure.authority.path)
        call = alice.invite(f"sips:1@127.0.0.1:{node[1]}", node, body=sdp(rtp.port))
        ringing = await bob.next_call()
        await ringing.answer(say=660)
        accepted = await call.gets("INVITE", 200)
        assert accepted.uri("Contact").startswith("sips:")
        call.request("ACK")
        assert await rtp.hears(660)
        await ringing.hang_up()
        await call.gets("BYE")
        voice = await secure.webhook.next("voice")
        assert voice["From"] == "sip:alice@127.0.0.1"


async def test_two_softphones_talk_over_tls(secure: Secure, tmp_path: Path) -> None:
    """PJSUA2 on both ends, each verifying the node's certificate as the node does theirs; both hear each other."""
    async with AsyncExitStack() as stack:
        phones = []
        for name in ("ann", "ben"):
            (tmp_path / name).mkdir()
            files = secure.authority.issue("127.0.0.1")
            paths = {
                "certificate": str(files.certificate),
                "private_key": str(files.private_key),
                "ca": str(secure.authority.path),
            }
            phones.append(await stack.enter_async_context(Phone(name, tmp_path / name, **paths)))
        ann, ben = phones
        secure.webhook["voice"] = response(f"<Dial><Sip>{ben.tls_uri}</Sip></Dial>")
        call = await ann.invite(f"sips:1@127.0.0.1:{secure.node.tls_port}", say=440)
        ringing = await ben.next_call()
        assert (ringing.invite["Via"] or "").startswith("SIP/2.0/TLS")
        await ringing.answer(say=660)
        assert await call.hears(660)
        assert await ringing.hears(440)
        await call.hang_up()
        assert await ringing.ended() == 200


async def test_peers_that_shake_no_hands(secure: Secure) -> None:
    """One source opens more connections than it may have and says nothing: another is still served."""
    node, limit, excess = secure.node, StreamLimits().from_one_source, 50
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    before = node.census()
    try:
        async with AsyncExitStack() as stack:
            readers = []
            for _ in range(limit + excess):
                reader, writer = await asyncio.open_connection(
                    "127.0.0.1", node.tls_port, local_addr=("127.0.0.66", 0)
                )
                stack.callback(writer.close)
                readers.append(reader)
            await eventually(
                "the excess to be closed",
                lambda: sum(each.at_eof() or each.exception() is not None for each in readers) >= excess,
            )
            assert node.census().descriptors - before.descriptors <= limit
            context = ssl.create_default_context(cafile=str(secure.authority.path))
            reader, writer = await asyncio.open_connection("127.0.0.1", node.tls_port, ssl=context)
            stack.callback(writer.close)
            writer.write(
                b"OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:9;branch=z9hG4bKo\r\n"
                b"From: <sip:o@127.0.0.1>;tag=o\r\nTo: <sip:o@127.0.0.1>\r\nCall-ID: o\r\nCSeq: 1 OPTIONS\r\n"
                b"Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
            )
            async with asyncio.timeout(10):
                assert (await reader.readline()).split()[1] == b"200"
        await node.settles(before)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
