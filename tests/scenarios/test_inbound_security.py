"""Who is let in, on the wire: nothing to be learnt, nothing to be guessed, nothing to be dialled for free.

The nodes here trust no network that the phones are in. Failures count by address, so each test calls from its own.
"""

import asyncio
import itertools
import re
import secrets
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest
import pytest_asyncio

from tests.scenarios.conftest import NodeFactory
from tests.scenarios.harness.application import Application, response
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.raw_phone import RawPhone, sdp
from tests.scenarios.harness.registering import Registrant
from tests.scenarios.harness.wire import SipMessage

OUTSIDE = {"trusted_networks": ["10.99.0.0/16"]}
PASSWORD = "correct horse"
_HOSTS = (f"127.0.1.{number}" for number in itertools.count(1))


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def node(application: Application, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Node]:
    """One node for all tests here that can share it."""
    async with Node(tmp_path_factory.mktemp("security"), settings={"sip": OUTSIDE}) as node:
        yield node


@pytest.fixture
def host() -> str:
    """An address of the loopback that no other test calls from."""
    return next(_HOSTS)


async def _client(node: Node, account: str = "", **form: str) -> str:
    login = f"bob{secrets.token_hex(4)}"
    path = f"../{account}/Clients.json" if account else "Clients.json"
    status, made = await node.rest("POST", path, Login=login, Password=PASSWORD, **form)
    assert status == 201, made
    return login


async def _subaccount(node: Node) -> str:
    status, made = await node.rest("POST", "../../Accounts.json", FriendlyName="Another")
    assert status == 201, made
    return str(made["sid"])


def _shape(answer: SipMessage, login: str) -> list[tuple[str, str]]:
    """An answer without what must differ: names, branches, tags, numbers."""
    lines = [("", answer.start), *(each for each in answer.headers if each[0] != "Call-ID")]
    return [
        (name, re.sub(r"(branch|tag|nonce|rport)=[^;, ]+|[0-9]+", "", value.replace(login, "")))
        for name, value in lines
    ]


@pytest.mark.timing
async def test_a_wrong_password_looks_like_no_such_user(node: Node) -> None:
    """Nor a disabled client, nor one of a suspended account: the same challenge, the same refusal, in the same time."""
    sub = await _subaccount(node)
    known, disabled, late = await _client(node), await _client(node), await _client(node, sub)
    _, page = await node.rest("GET", "Clients.json", Login=disabled)
    await node.rest("POST", f"Clients/{page['clients'][0]['sid']}.json", Status="disabled")
    await node.rest("POST", f"../{sub}.json", Status="suspended")
    logins = {
        "wrong": known,
        "disabled": disabled,
        "suspended": late,
        "unknown": f"eve{secrets.token_hex(4)}",
    }
    shapes: dict[str, object] = {}
    took: dict[str, list[float]] = defaultdict(list)
    async with AsyncExitStack() as stack:
        guessers = {
            kind: Registrant(
                node,
                await stack.enter_async_context(RawPhone(login, next(_HOSTS))),
                "guess" if kind == "wrong" else PASSWORD,
            )
            for kind, login in logins.items()
        }
        for _ in range(7):
            for kind, guesser in guessers.items():
                started = time.perf_counter()
                challenge = await guesser.ask()
                refused = await guesser.ask(headers=[guesser.answer(challenge)])
                took[kind].append(time.perf_counter() - started)
                assert (challenge.status, refused.status) == (401, 403)
                shapes[kind] = (_shape(challenge, guesser.login), _shape(refused, guesser.login))
    assert all(each == shapes["unknown"] for each in shapes.values()), shapes
    quickest = {kind: min(each) for kind, each in took.items()}
    assert max(quickest.values()) < min(quickest.values()) * 3 + 0.05, quickest


async def test_an_invite_reveals_no_names(node: Node, host: str) -> None:
    """Known or not, with a wrong answer to a challenge that was not sent or without: the same 403."""
    login = await _client(node)
    shapes = []
    async with RawPhone("eve", host) as eve, RawPhone(login, next(_HOSTS)) as bob:
        assert (await Registrant(node, bob, PASSWORD).register(f"<{bob.uri}>")).status == 200
        for user in (login, "nobody"):
            for headers in ((), (("Proxy-Authorization", _invented(node, user)),)):
                call = eve.invite(node.uri("1"), node.sip_address, body=sdp(), user=user, headers=headers)
                shapes.append(_shape(await call.gets("INVITE", 403), user))
    assert [name for name, _ in shapes[0]] == [name for name, _ in shapes[1]]
    assert (shapes[0], shapes[1]) == (shapes[2], shapes[3])


def _invented(node: Node, user: str) -> str:
    realm = f"127.0.0.1:{node.sip_port}"
    return (
        f'Digest username="{user}", realm="{realm}", nonce="1-1-{"0" * 32}", uri="sip:1@{realm}", '
        f'response="{"0" * 32}", algorithm=MD5'
    )


async def test_repeated_failures_are_slowed_down(node: Node, host: str) -> None:
    """After ten wrong passwords the right one is not looked at, by REGISTER or INVITE; another address is served."""
    login = await _client(node)
    async with RawPhone(login, host) as phone, RawPhone(login, next(_HOSTS)) as honest:
        guesser = Registrant(node, phone, "guess")
        challenge = await guesser.ask()
        attempts = [guesser.ask(headers=[guesser.answer(challenge)]) for _ in range(10)]
        assert {each.status for each in await asyncio.gather(*attempts)} == {403}
        guesser.password = PASSWORD
        refused = await guesser.ask(headers=[guesser.answer(challenge)])
        assert (refused.status, refused["Retry-After"]) == (503, "10")
        call = phone.invite(node.uri("1"), node.sip_address, body=sdp())
        assert (await call.gets("INVITE", 503))["Retry-After"] == "10"
        assert (await Registrant(node, honest, PASSWORD).register(f"<{honest.uri}>")).status == 200


async def test_no_call_goes_out_without_a_document(node: Node, host: str) -> None:
    """Client or stranger, by number, by the gateway's own URI, by Route or REFER: no INVITE reaches the gateway."""
    number = "+15550188"
    login = await _client(node)
    async with RawPhone("gateway", next(_HOSTS)) as gateway, RawPhone(login, host) as bob:
        form = {"SipUri": f"sip:{gateway.host}:{gateway.port}", "Pattern": "*"}
        status, trunk = await node.rest("POST", "Trunks.json", **form)
        assert status == 201, trunk
        registrant = Registrant(node, bob, PASSWORD)
        assert (await registrant.register(f"<{bob.uri}>")).status == 200
        there = f"sip:{number}@{gateway.host}:{gateway.port}"
        route = ("Route", f"<sip:127.0.0.1:{node.sip_port};lr>, <sip:{gateway.host}:{gateway.port};lr>")
        for target, extra in ((node.uri(number), ()), (there, ()), (there, (route,))):
            assert await _calls(registrant, node, bob, target, extra) == 404
            call = bob.invite(target, node.sip_address, body=sdp(), user="eve", headers=extra)
            await call.gets("INVITE", 403)
            call.request("REFER", [("Refer-To", f"<{there}>")])
            await call.gets("REFER", 481)
        assert not gateway.calls
        await node.rest("DELETE", f"Trunks/{trunk['sid']}.json")


async def _calls(
    registrant: Registrant, node: Node, phone: RawPhone, target: str, extra: tuple[tuple[str, str], ...]
) -> int:
    """The final status of a call with the client's own credentials."""
    call = phone.invite(target, node.sip_address, body=sdp(), headers=extra)
    challenge = await call.gets("INVITE", 407)
    answer = registrant.answer(challenge, method="INVITE", uri=target)
    again = phone.invite(target, node.sip_address, body=sdp(), headers=(*extra, answer))
    return (await again.gets_final("INVITE")).status


async def test_the_calls_of_an_inactive_account_get_403(new_node: NodeFactory) -> None:
    """To its numbers, from its gateway, from its client, suspended or closed; active again it is served again."""
    node, webhook = await new_node(sip={"trusted_networks": ["127.0.0.1/32"]})
    webhook["voice"] = response("<Reject reason='busy'/>")
    sub = await _subaccount(node)
    form = {"PhoneNumber": "+15550123", "VoiceUrl": webhook.url("voice")}
    assert (await node.rest("POST", f"../{sub}/IncomingPhoneNumbers.json", **form))[0] == 201
    form = {"SipUri": "sip:gateway.example", "Networks": "127.0.2.1"}
    assert (await node.rest("POST", f"../{sub}/Trunks.json", **form))[0] == 201
    login = await _client(node, sub, VoiceUrl=webhook.url("voice"))
    async with (
        RawPhone("neighbour") as neighbour,
        RawPhone("gateway", "127.0.2.1") as gateway,
        RawPhone(login, "127.0.2.2") as bob,
    ):
        registrant = Registrant(node, bob, PASSWORD)
        assert (await registrant.register(f"<{bob.uri}>")).status == 200

        async def statuses() -> list[int]:
            calls = [
                each.invite(node.uri("+15550123"), node.sip_address, body=sdp())
                for each in (neighbour, gateway, bob)
            ]
            return [(await each.gets_final("INVITE")).status for each in calls]

        assert await _calls(registrant, node, bob, node.uri("+15550123"), ()) == 486
        for state, expected in (
            ("active", [486, 486, 407]),
            ("suspended", [403, 403, 403]),
            ("active", [486, 486, 407]),
            ("closed", [403, 403, 403]),
        ):
            assert (await node.rest("POST", f"../{sub}.json", Status=state))[0] == 200
            assert await statuses() == expected, state
            assert (await registrant.register()).status == (200 if state == "active" else 403)


async def test_an_account_has_its_share_of_new_calls(new_node: NodeFactory) -> None:
    """Of ten calls at once two are admitted and the rest refused with the rule; another account's number is reached."""
    node, webhook = await new_node(limits={"calls_per_second_per_account": 2})
    webhook["voice"] = response("<Reject reason='busy'/>")
    sub = await _subaccount(node)
    form = {"PhoneNumber": "+15550123", "VoiceUrl": webhook.url("voice")}
    assert (await node.rest("POST", f"../{sub}/IncomingPhoneNumbers.json", **form))[0] == 201
    async with RawPhone("alice") as alice:
        calls = [alice.invite(node.uri("1"), node.sip_address, body=sdp()) for _ in range(10)]
        other = alice.invite(node.uri("+15550123"), node.sip_address, body=sdp())
        finals = [await each.gets_final("INVITE") for each in calls]
        assert (await other.gets_final("INVITE")).status == 486
        refused = [each for each in finals if each.status == 503]
        assert {each.status for each in finals} == {486, 503}
        assert 4 <= len(refused) <= 8, [each.start for each in finals]
        assert all(each["Retry-After"] for each in refused)
        assert any("limits.calls_per_second_per_account" in (each["Reason"] or "") for each in refused)
