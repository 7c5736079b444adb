"""Clients: PJSUA2 phones register, call each other by name, and leave; strangers and guessers stay out.

The nodes here trust no network that the phones are in.
"""

import hashlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from tests.scenarios.conftest import NodeFactory
from tests.scenarios.harness.application import response
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.phone import Phone
from tests.scenarios.harness.raw_phone import RawPhone, sdp
from tests.scenarios.harness.waiting import eventually

OUTSIDE = {"trusted_networks": ["10.99.0.0/16"]}
PASSWORD = "correct horse"

ClientPhones = Callable[..., Awaitable[Phone]]


async def _make_client(node: Node, login: str, **form: str) -> None:
    status, made = await node.rest("POST", "Clients.json", Login=login, Password=PASSWORD, **form)
    assert status == 201, made


@pytest_asyncio.fixture(loop_scope="session")
async def client_phone(tmp_path: Path) -> AsyncIterator[ClientPhones]:
    """`await client_phone(node, "alice")`: a softphone that has sent its REGISTER."""
    async with AsyncExitStack() as stack:

        async def start(
            node: Node, login: str, *, password: str = PASSWORD, transport: str = "udp", name: str = ""
        ) -> Phone:
            name = name or login
            folder = tmp_path / name
            folder.mkdir()
            suffix = "" if transport == "udp" else f";transport={transport}"
            address = f"127.0.0.1:{node.sip_port}"
            return await stack.enter_async_context(
                Phone(
                    name,
                    folder,
                    identity=f"sip:{login}@{address}",
                    registrar=f"sip:{address}{suffix}",
                    username=login,
                    password=password,
                )
            )

        yield start


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_two_phones_register_and_call_each_other_by_name(
    new_node: NodeFactory, client_phone: ClientPhones, transport: str
) -> None:
    """Digest on REGISTER and INVITE; `client:` names on both sides; audio both ways; the own URL of the caller."""
    node, webhook = await new_node(sip=OUTSIDE)
    await _make_client(node, "alice", VoiceUrl=webhook.url("alice"))
    await _make_client(node, "bob")
    alice = await client_phone(node, "alice", transport=transport)
    bob = await client_phone(node, "bob", transport=transport)
    assert (await alice.registered(), await bob.registered()) == (200, 200)
    webhook["alice"] = response('<Dial><Client statusCallback="status">bob</Client></Dial>')
    webhook["status"] = ""
    call = await alice.invite(node.uri("bob", transport=transport), say=440)
    ringing = await bob.next_call()
    await ringing.answer(say=660)
    await call.answered()
    assert await call.hears(660)
    assert await ringing.hears(440)
    asked = await webhook.next("alice")
    assert (asked["From"], asked["Direction"]) == ("client:alice", "inbound")
    await call.hang_up()
    await ringing.ended()
    completed = await webhook.next("status")
    assert (completed["From"], completed["To"]) == ("client:alice", "client:bob")
    assert completed["CallStatus"] == "completed"


async def test_every_phone_of_a_client_rings(new_node: NodeFactory, client_phone: ClientPhones) -> None:
    """One is answered, the other is cancelled; after unregistering only the other is left."""
    node, webhook = await new_node(sip=OUTSIDE)
    await _make_client(node, "alice", VoiceUrl=webhook.url("voice"))
    await _make_client(node, "bob")
    alice = await client_phone(node, "alice")
    desk = await client_phone(node, "bob", name="desk")
    mobile = await client_phone(node, "bob", name="mobile", transport="tcp")
    for each in (alice, desk, mobile):
        assert await each.registered() == 200
    webhook["voice"] = response("<Dial><Client>bob</Client></Dial>")
    call = await alice.invite(node.uri("1"))
    on_desk, on_mobile = await desk.next_call(), await mobile.next_call()
    await on_mobile.answer()
    await call.answered()
    await on_desk.ended()
    await call.hang_up()
    await on_mobile.ended()
    assert await mobile.register(on=False) == 200
    second = await alice.invite(node.uri("1"))
    await (await desk.next_call()).answer()
    await second.answered()
    assert not mobile.was_called()
    await second.hang_up()


async def test_a_client_without_a_url_calls_the_numbers_of_its_account(
    new_node: NodeFactory, client_phone: ClientPhones
) -> None:
    node, webhook = await new_node({"number": "100"}, sip=OUTSIDE)
    await _make_client(node, "alice")
    alice = await client_phone(node, "alice")
    assert await alice.registered() == 200
    webhook["voice"] = response("<Pause length='1'/><Say>hello</Say><Pause length='10'/>")
    call = await alice.invite(node.uri("100"))
    await call.answered()
    assert (await webhook.next("voice"))["From"] == "client:alice"
    await call.hang_up()
    assert await (await alice.invite(node.uri("101"))).ended() == 404


async def test_a_wrong_password_and_an_unknown_user_get_the_same(
    new_node: NodeFactory, client_phone: ClientPhones
) -> None:
    node, _ = await new_node(sip=OUTSIDE)
    await _make_client(node, "alice")
    wrong = await client_phone(node, "alice", password="guess", name="wrong")
    unknown = await client_phone(node, "nobody")
    assert (await wrong.registered(), await unknown.registered()) == (403, 403)
    for each in (wrong, unknown):
        call = await each.invite(node.uri("100"))
        assert await call.ended() == 403


async def test_strangers_cannot_dial_out(new_node: NodeFactory, client_phone: ClientPhones) -> None:
    """Neither without credentials, nor under a client's name, nor as a client that is suspended."""
    node, webhook = await new_node(sip=OUTSIDE)
    webhook["voice"] = response("<Dial>+15550100</Dial>")
    await _make_client(node, "alice")
    async with RawPhone("stranger") as stranger:
        for user in ("stranger", "alice", "1000"):
            call = stranger.invite(node.uri("+15550100"), node.sip_address, body=sdp(), user=user)
            assert (await call.gets("INVITE", 403))["Reason"]
        alice = await client_phone(node, "alice")
        assert await alice.registered() == 200
        call = stranger.invite(node.uri("+15550100"), node.sip_address, body=sdp(), user="alice")
        challenged = await call.gets("INVITE", 407)
        algorithms = re.findall(r"algorithm=([\w-]+)", " ".join(challenged.all("Proxy-Authenticate")))
        assert algorithms == ["SHA-256", "SHA-512-256", "MD5"]
    await webhook.never("voice", within=0.2)


async def test_a_client_of_a_suspended_account_is_a_stranger(
    new_node: NodeFactory, client_phone: ClientPhones
) -> None:
    node, _ = await new_node(sip=OUTSIDE)
    _, clients = await node.rest("POST", "Clients.json", Login="alice", Password=PASSWORD)
    alice = await client_phone(node, "alice")
    assert await alice.registered() == 200
    status, _ = await node.rest("POST", f"Clients/{clients['sid']}.json", Status="disabled")
    assert status == 200
    assert await alice.register() == 403
    assert await (await alice.invite(node.uri("100"))).ended() == 403


async def test_bindings_survive_a_restart(new_node: NodeFactory, client_phone: ClientPhones) -> None:
    node, webhook = await new_node(sip=OUTSIDE)
    await _make_client(node, "bob", VoiceUrl=webhook.url("voice"))
    bob = await client_phone(node, "bob")
    assert await bob.registered() == 200
    await node.process.stop()
    await node.start()
    webhook["voice"] = response("<Pause/>")
    status, call = await node.rest(
        "POST", "Calls.json", From="+15550199", To="client:bob", Url=webhook.url("voice")
    )
    assert status == 201, call
    ringing = await bob.next_call()
    await ringing.answer()
    assert (await webhook.next("voice"))["To"] == "client:bob"
    await ringing.ended()


async def test_a_phone_behind_a_nat_is_rung_where_it_came_from(new_node: NodeFactory) -> None:
    """Its Contact is a private address of its own network; OPTIONS keeps the way open."""
    node, webhook = await new_node(sip={"trusted_networks": ["127.0.0.0/8"]})
    await _make_client(node, "bob")
    webhook["voice"] = response("<Pause length='5'/>")
    async with RawPhone("bob") as bob:
        await _register(node, bob, contact="sip:bob@10.1.2.3:5062")
        await node.rest("POST", "Calls.json", From="1", To="client:bob", Url=webhook.url("voice"))
        call = await bob.next_call()
        assert call.invite.start == "INVITE sip:bob@10.1.2.3:5062 SIP/2.0"
        call.answer()
        await call.gets("ACK")
        call.request("BYE")
        await call.gets("BYE", 200)


async def _register(node: Node, phone: RawPhone, *, contact: str) -> None:
    """REGISTER by hand, with an MD5 digest."""

    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    realm = f"127.0.0.1:{node.sip_port}"
    uri = f"sip:{realm}"
    authorization = ""
    for number in (1, 2):
        phone.send(
            "\r\n".join(
                [
                    f"REGISTER {uri} SIP/2.0",
                    f"Via: SIP/2.0/UDP 10.1.2.3:5062;rport;branch=z9hG4bKreg{number}{phone.port}",
                    f"From: <sip:{phone.name}@{realm}>;tag=1",
                    f"To: <sip:{phone.name}@{realm}>",
                    f"Call-ID: register-{phone.port}",
                    f"CSeq: {number} REGISTER",
                    "Max-Forwards: 70",
                    f"Contact: <{contact}>;expires=60",
                    *([authorization] if authorization else []),
                    "Content-Length: 0",
                    "",
                    "",
                ]
            ),
            node.sip_address,
        )

        def answered(cseq: str = f"{number} REGISTER") -> list[object]:
            return [each for _, arrow, each in phone.seen if arrow == "<--" and each["CSeq"] == cseq]

        await eventually("the answer to REGISTER", answered)
        answer = [each for _, arrow, each in phone.seen if arrow == "<--"][-1]
        if number == 2:
            assert answer.status == 200, answer.start
            return
        assert answer.status == 401
        challenge = next(each for each in answer.all("WWW-Authenticate") if "algorithm=MD5" in each)
        nonce = re.findall(r'nonce="([^"]+)"', challenge)[0]
        ha1, ha2 = md5(f"{phone.name}:{realm}:{PASSWORD}"), md5(f"REGISTER:{uri}")
        computed = md5(f"{ha1}:{nonce}:00000001:cn:auth:{ha2}")
        authorization = (
            f'Authorization: Digest username="{phone.name}", realm="{realm}", nonce="{nonce}", uri="{uri}", '
            f'response="{computed}", algorithm=MD5, qop=auth, nc=00000001, cnonce="cn"'
        )
