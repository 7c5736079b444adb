"""Clients: PJSUA2 phones register, call each other by name, and leave; strangers and guessers stay out.

The nodes here trust no network that the phones are in.
"""

import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from tests.scenarios.conftest import NodeFactory
from tests.scenarios.harness import sipp_scenarios
from tests.scenarios.harness.application import Application, Webhook, response
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.phone import Baresip, Phone
from tests.scenarios.harness.raw_phone import RawPhone, sdp
from tests.scenarios.harness.registering import register
from tests.scenarios.harness.sipp import Sipp

OUTSIDE = {"trusted_networks": ["10.99.0.0/16"]}
PASSWORD = "correct horse"

ClientPhones = Callable[..., Awaitable[Phone]]
_TAGS = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Outside:
    """The node, as one test sees it: with logins and an application of its own."""

    node: Node
    webhook: Webhook
    tag: str

    def login(self, name: str) -> str:
        """`name`, as no other test has it."""
        return f"{name}{self.tag}"

    async def make(self, name: str, account: str = "", **form: str) -> str:
        """A new client; its login."""
        login = self.login(name)
        path = f"../{account}/Clients.json" if account else "Clients.json"
        status, made = await self.node.rest("POST", path, **{"Login": login, "Password": PASSWORD, **form})
        assert status == 201, made
        return login


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def outside_node(
    application: Application, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Node]:
    """One node for all tests here that can share it."""
    application.webhook("clients")
    numbers = [{"number": "100", "voice_url": f"{application.base_url}/clients/100"}]
    async with Node(tmp_path_factory.mktemp("outside"), numbers=numbers, settings={"sip": OUTSIDE}) as node:
        yield node


@pytest.fixture
def outside(outside_node: Node, application: Application) -> Outside:
    """The shared node and an application for this test."""
    tag = str(next(_TAGS))
    return Outside(outside_node, application.webhook(f"clients{tag}"), tag)


@pytest_asyncio.fixture(loop_scope="session")
async def client_phone(tmp_path: Path) -> AsyncIterator[ClientPhones]:
    """`await client_phone(node, "alice")`: a softphone that has sent its REGISTER."""
    async with AsyncExitStack() as stack:

        async def start(
            node: Node,
            login: str,
            *,
            password: str = PASSWORD,
            transport: str = "udp",
            name: str = "",
            make: type[Phone] = Phone,
        ) -> Phone:
            name = name or login
            folder = tmp_path / name
            folder.mkdir()
            suffix = "" if transport == "udp" else f";transport={transport}"
            address = f"127.0.0.1:{node.sip_port}"
            return await stack.enter_async_context(
                make(
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
    outside: Outside, client_phone: ClientPhones, transport: str
) -> None:
    """Digest on REGISTER and INVITE; `client:` names on both sides; audio both ways; the own URL of the caller."""
    node, webhook = outside.node, outside.webhook
    her = await outside.make("alice", VoiceUrl=webhook.url("alice"))
    his = await outside.make("bob")
    alice = await client_phone(node, her, transport=transport)
    bob = await client_phone(node, his, transport=transport)
    assert (await alice.registered(), await bob.registered()) == (200, 200)
    webhook["alice"] = response(f'<Dial><Client statusCallback="status">{his}</Client></Dial>')
    webhook["status"] = ""
    call = await alice.invite(node.uri(his, transport=transport), say=440)
    ringing = await bob.next_call()
    await ringing.answer(say=660)
    await call.answered()
    assert await call.hears(660)
    assert await ringing.hears(440)
    asked = await webhook.next("alice")
    assert (asked["From"], asked["Direction"]) == (f"client:{her}", "inbound")
    await call.hang_up()
    await ringing.ended()
    completed = await webhook.next("status")
    assert (completed["From"], completed["To"]) == (f"client:{her}", f"client:{his}")
    assert completed["CallStatus"] == "completed"


MAKES = {"pjsua2": Phone, "baresip": Baresip}


@pytest.mark.parametrize("transport", ["udp", "tcp"])
@pytest.mark.parametrize(("caller", "callee"), [("baresip", "pjsua2"), ("pjsua2", "baresip")])
async def test_phones_of_two_makes(
    outside: Outside, client_phone: ClientPhones, caller: str, callee: str, transport: str
) -> None:
    """They register by digest, call each other by name, hear each other, and one hangs up on the other."""
    node, webhook = outside.node, outside.webhook
    her = await outside.make("alice", VoiceUrl=webhook.url("alice"))
    his = await outside.make("bob")
    alice = await client_phone(node, her, make=MAKES[caller], transport=transport)
    bob = await client_phone(node, his, make=MAKES[callee])
    assert (await alice.registered(), await bob.registered()) == (200, 200)
    webhook["alice"] = response(f'<Dial action="after"><Client>{his}</Client></Dial>')
    webhook["after"] = response("<Hangup/>")
    call = await alice.invite(node.uri(his, transport=transport), say=440)
    ringing = await bob.next_call()
    await ringing.answer(say=660)
    await call.answered()
    assert await call.hears(660)
    assert await ringing.hears(440)
    await ringing.hang_up()
    assert (await webhook.next("after"))["DialCallStatus"] == "completed"
    await call.ended()
    asked = webhook.all("alice")[0]
    assert (asked["From"], asked["CallStatus"]) == (f"client:{her}", "ringing")


async def test_sipp_as_a_client(outside: Outside, sipp: Path) -> None:
    """It answers the first challenge alone, knows only MD5 (Debian's does), and signs the domain, whomever it calls."""
    node, webhook = outside.node, outside.webhook
    webhook["voice"] = response("<Reject reason='busy'/>")
    login = await outside.make("sipp", Password="long-enough", VoiceUrl=webhook.url("voice"))
    scenario = sipp_scenarios.client(login, "long-enough")
    async with Sipp(sipp, scenario, towards=f"127.0.0.1:{node.sip_port}", number="+15550155") as phone:
        assert (await phone.done()).successful == 1
    assert (await webhook.next("voice"))["From"] == f"client:{login}"


@pytest.mark.parametrize("make", MAKES)
async def test_a_client_calls_a_number_through_a_trunk(
    outside: Outside, client_phone: ClientPhones, sipp: Path, make: str
) -> None:
    """The first gateway answers 503; the second one echoes what the caller says."""
    node, webhook = outside.node, outside.webhook
    number = f"+1555017{outside.tag}"
    her = await outside.make("alice", VoiceUrl=webhook.url("alice"))
    alice = await client_phone(node, her, make=MAKES[make])
    assert await alice.registered() == 200
    webhook["alice"] = response(f'<Dial action="after"><Number>{number}</Number></Dial>')
    webhook["after"] = response("<Hangup/>")
    async with (
        Sipp(sipp, sipp_scenarios.refusing(503)) as first,
        Sipp(sipp, sipp_scenarios.answering(), options=["-rtp_echo"]) as second,
    ):
        for priority, gateway in enumerate((first, second)):
            # by name: a caller from the address of a trunk is admitted, here also the strangers of other tests
            form = {"SipUri": f"sip:localhost:{gateway.port}", "Priority": str(priority), "Pattern": number}
            assert (await node.rest("POST", "Trunks.json", **form))[0] == 201
        call = await alice.invite(node.uri(number), say=440)
        await call.answered()
        assert await call.hears(440)
        await call.hang_up()
        await first.done()
        await second.done()
        assert second.received("INVITE")[0].request_uri == f"sip:{number}@localhost:{second.port}"
    after = await webhook.next("after")
    assert (after["DialCallStatus"], after["DialSipResponseCode"]) == ("completed", "200")


async def test_every_phone_of_a_client_rings(outside: Outside, client_phone: ClientPhones) -> None:
    """One is answered, the other is cancelled; after unregistering only the other is left."""
    node, webhook = outside.node, outside.webhook
    her = await outside.make("alice", VoiceUrl=webhook.url("voice"))
    his = await outside.make("bob")
    alice = await client_phone(node, her)
    desk = await client_phone(node, his, name="desk")
    mobile = await client_phone(node, his, name="mobile", transport="tcp")
    for each in (alice, desk, mobile):
        assert await each.registered() == 200
    webhook["voice"] = response(f"<Dial><Client>{his}</Client></Dial>")
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
    outside: Outside, application: Application, client_phone: ClientPhones
) -> None:
    """A client of another account cannot, as if there were no such number."""
    node = outside.node
    status, sub = await node.rest("POST", "../../Accounts.json", FriendlyName="Other")
    assert status == 201, sub
    alice = await client_phone(node, await outside.make("alice"))
    mallory = await client_phone(node, await outside.make("mallory", sub["sid"]))
    assert (await alice.registered(), await mallory.registered()) == (200, 200)
    webhook = application.webhook("clients")
    webhook["100"] = response("<Pause length='1'/><Reject reason='busy'/>")
    assert await (await alice.invite(node.uri("100"))).ended() == 486
    assert (await webhook.next("100"))["From"] == f"client:{outside.login('alice')}"
    assert await (await alice.invite(node.uri("101"))).ended() == 404
    assert await (await mallory.invite(node.uri("100"))).ended() == 404
    await webhook.never("100", within=0.2)


async def test_a_wrong_password_and_an_unknown_user_get_the_same(
    outside: Outside, client_phone: ClientPhones
) -> None:
    node = outside.node
    wrong = await client_phone(node, await outside.make("alice"), password="guess")
    unknown = await client_phone(node, outside.login("nobody"))
    assert (await wrong.registered(), await unknown.registered()) == (403, 403)
    for each in (wrong, unknown):
        call = await each.invite(node.uri("100"))
        assert await call.ended() == 403


async def test_strangers_cannot_dial_out(outside: Outside, client_phone: ClientPhones) -> None:
    """Neither without credentials, nor under a client's name: it gets them a challenge at the client's own address."""
    node, webhook = outside.node, outside.webhook
    webhook["voice"] = response("<Dial>+15550100</Dial>")
    her = await outside.make("alice", VoiceUrl=webhook.url("voice"))
    async with RawPhone("stranger") as stranger:
        for user in ("stranger", her, "1000"):
            call = stranger.invite(node.uri("100"), node.sip_address, body=sdp(), user=user)
            assert (await call.gets("INVITE", 403))["Reason"]
        alice = await client_phone(node, her)
        assert await alice.registered() == 200
        call = stranger.invite(node.uri("100"), node.sip_address, body=sdp(), user=her)
        challenged = await call.gets("INVITE", 407)
        algorithms = re.findall(r"algorithm=([\w-]+)", " ".join(challenged.all("Proxy-Authenticate")))
        assert algorithms == ["MD5", "SHA-256"]
    await webhook.never("voice", within=0.2)


async def test_who_is_disabled_or_suspended_is_a_stranger(
    outside: Outside, client_phone: ClientPhones
) -> None:
    """From that moment, though still registered."""
    node = outside.node
    _, sub = await node.rest("POST", "../../Accounts.json", FriendlyName="Late payer")
    alice = await client_phone(node, await outside.make("alice"))
    carol = await client_phone(node, await outside.make("carol", sub["sid"]))
    assert (await alice.registered(), await carol.registered()) == (200, 200)
    _, page = await node.rest("GET", "Clients.json", Login=outside.login("alice"))
    status, _ = await node.rest("POST", f"Clients/{page['clients'][0]['sid']}.json", Status="disabled")
    assert status == 200
    status, _ = await node.rest("POST", f"../{sub['sid']}.json", Status="suspended")
    assert status == 200
    for each in (alice, carol):
        assert await each.register() == 403
        assert await (await each.invite(node.uri("100"))).ended() == 403


async def test_the_limits_of_an_account(new_node: NodeFactory) -> None:
    """One call too many is 503 with the rule, one more by REST 503; a blocked number is not dialled."""
    node, webhook = await new_node(sip={}, limits={"calls_per_account": 1, "blocked_prefixes": ["+979"]})
    webhook["voice"] = response("<Dial action='after'>00979 123</Dial>")
    webhook["after"] = response("<Play loop='0'>http://127.0.0.1:9/none.wav</Play><Pause length='20'/>")
    async with RawPhone("one") as one:
        first = one.invite(node.uri("100"), node.sip_address, body=sdp())
        await first.gets("INVITE", 200)
        after = await webhook.next("after")
        assert after["DialCallStatus"] == "failed"
        _, page = await node.rest("GET", f"Calls/{after['CallSid']}/Notifications.json")
        assert any("limits.blocked_prefixes" in each["message_text"] for each in page["notifications"])
        first.request("ACK")
        second = one.invite(node.uri("100"), node.sip_address, body=sdp())
        refused = await second.gets("INVITE", 503)
        assert "limits.calls_per_account" in (refused["Reason"] or "")
        status, error = await node.rest("POST", "Calls.json", From="1", To=one.uri, Url=webhook.url("voice"))
        assert status == 503, error
        first.request("BYE")
        await first.gets("BYE", 200)


@pytest.mark.timeout(90)
async def test_bindings_survive_a_restart(new_node: NodeFactory, client_phone: ClientPhones) -> None:
    node, webhook = await new_node(sip=OUTSIDE)
    his = await Outside(node, webhook, "").make("bob")
    bob = await client_phone(node, his)
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


async def test_a_phone_behind_a_nat_is_rung_where_it_came_from(outside: Outside) -> None:
    """Its Contact is a private address of its own network, which we cannot reach."""
    node, webhook = outside.node, outside.webhook
    his = await outside.make("bob")
    webhook["voice"] = response("<Pause length='5'/>")
    async with RawPhone(his) as bob:
        await register(node, bob, PASSWORD, contact=f"sip:{his}@10.1.2.3:5062")
        await node.rest("POST", "Calls.json", From="1", To=f"client:{his}", Url=webhook.url("voice"))
        call = await bob.next_call()
        assert call.invite.start == f"INVITE sip:{his}@10.1.2.3:5062 SIP/2.0"
        call.answer()
        await call.gets("ACK")
        call.request("BYE")
        await call.gets("BYE", 200)
