"""The registrar on the wire: bindings and what they are granted, Path, digest, NAT, and what a restart keeps."""

import re
import secrets
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from tests.scenarios.conftest import NodeFactory
from tests.scenarios.harness.application import Application, Webhook, response
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.raw_phone import RawPhone
from tests.scenarios.harness.registering import Registrant
from tests.scenarios.harness.waiting import eventually
from tests.scenarios.harness.wire import SipMessage

OUTSIDE = {"trusted_networks": ["10.99.0.0/16"]}
PASSWORD = "correct horse"
HIDDEN = "10.1.2.3:5062"
"""Where a phone behind a NAT believes to be."""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def node(application: Application, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Node]:
    """One node for all tests here that can share it."""
    async with Node(tmp_path_factory.mktemp("registrar"), settings={"sip": OUTSIDE}) as node:
        yield node


@pytest.fixture
def webhook(application: Application) -> Webhook:
    """The application that REST calls ask."""
    webhook = application.webhook(f"registrar{secrets.token_hex(4)}")
    webhook["voice"] = response("<Hangup/>")
    return webhook


async def _client(node: Node) -> str:
    login = f"bob{secrets.token_hex(4)}"
    status, made = await node.rest("POST", "Clients.json", Login=login, Password=PASSWORD)
    assert status == 201, made
    return login


async def _call(node: Node, webhook: Webhook, login: str) -> tuple[int, str]:
    """Call a client over REST: the status of the answer, and the sid."""
    status, made = await node.rest(
        "POST", "Calls.json", From="1", To=f"client:{login}", Url=webhook.url("voice")
    )
    return status, made.get("sid", "")


def _bindings(answer: SipMessage) -> list[tuple[str, int]]:
    """The contacts of a 200, and for how many seconds they hold."""
    assert answer.status == 200, answer.start
    values = [each for value in answer.all("Contact") for each in value.split(", ")]
    return [(re.findall("<(.*)>", each)[0], int(re.findall(r"expires=(\d+)", each)[0])) for each in values]


async def test_what_is_granted_kept_and_taken_away(node: Node) -> None:
    """RFC 3261 §10.3: too brief is 423 and changes nothing, too long is cut, `*` takes all away and stands alone."""
    login = await _client(node)
    async with RawPhone(login) as phone:
        bob = Registrant(node, phone, PASSWORD)
        desk, mobile = f"sip:{login}@127.0.0.1:7001", f"sip:{login}@127.0.0.1:7002"
        brief = await bob.register(f"<{desk}>;expires=10")
        assert (brief.status, brief["Min-Expires"]) == (423, "30")
        assert _bindings(await bob.register()) == []
        both = await bob.register(
            f"<{desk}>;q=0.5", f"<{mobile}>;expires=60;q=0.9", headers=[("Expires", "99999")]
        )
        assert _bindings(both) == [(mobile, 60), (desk, 3600)]
        found = dict(_bindings(await bob.register()))
        assert found.keys() == {desk, mobile}
        assert found[mobile] <= 60
        assert [each for each, _ in _bindings(await bob.register(f"<{desk}>;expires=0"))] == [mobile]
        assert (await bob.register("*", headers=[("Expires", "60")])).status == 400
        assert (await bob.register("*", f"<{desk}>", headers=[("Expires", "0")])).status == 400
        assert len(_bindings(await bob.register())) == 1
        assert _bindings(await bob.register("*", headers=[("Expires", "0")])) == []
        assert _bindings(await bob.register()) == []


async def test_a_path_is_gone_back(node: Node, webhook: Webhook) -> None:
    """RFC 3327: repeated in the 200, and the Route of the calls to this phone; the Request-URI is its Contact."""
    login = await _client(node)
    async with RawPhone(login) as phone, RawPhone("edge") as edge:
        contact = f"sip:{login}@10.1.2.3:5062"
        path = f"<sip:127.0.0.1:{edge.port};lr;ob>"
        answer = await Registrant(node, phone, PASSWORD).register(
            f"<{contact}>;expires=60", headers=[("Supported", "path"), ("Path", path)], via=HIDDEN
        )
        assert _bindings(answer)[0][0] == contact
        assert answer.all("Path") == [path]
        status, sid = await _call(node, webhook, login)
        assert status == 201
        call = await edge.next_call()
        assert call.invite.request_uri == contact
        assert call.invite.all("Route") == [path]
        call.refuse(486)
        assert (await node.final(sid))["status"] == "busy"
        assert not phone.calls


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256"])
async def test_digest(node: Node, algorithm: str) -> None:
    """A count is good once (RFC 7616 §3.4); what is old but right is stale, what is wrong is 403, old or not."""
    login = await _client(node)
    async with RawPhone(login) as phone:
        bob = Registrant(node, phone, PASSWORD, algorithm=algorithm)
        contact = f"<{phone.uri}>;expires=60"
        challenge = await bob.ask(contact)
        assert challenge.status == 401
        assert "stale" not in (challenge["WWW-Authenticate"] or "")
        assert (await bob.ask(contact, headers=[bob.answer(challenge)])).status == 200
        replayed = await bob.ask(contact, headers=[bob.answer(challenge)])
        assert replayed.status == 401
        assert all("stale=true" in each for each in replayed.all("WWW-Authenticate"))
        assert (await bob.ask(contact, headers=[bob.answer(challenge, count=2)])).status == 200
        assert (await bob.ask(contact, headers=[bob.answer(replayed)])).status == 200
        strange = await bob.ask(contact, headers=[bob.answer(challenge, nonce="a-b-" + "0" * 32)])
        assert strange.status == 401
        assert "stale=true" in (strange["WWW-Authenticate"] or "")
        bob.password = "guess"
        wrong = [bob.answer(challenge), bob.answer(strange), bob.answer(challenge, nonce="a-b-" + "0" * 32)]
        for each in wrong:
            assert (await bob.ask(contact, headers=[each])).status == 403


async def test_the_way_back_through_a_nat(node: Node, webhook: Webhook) -> None:
    """The answers go to where the requests came from and say so (RFC 3581), and so do the calls."""
    login = await _client(node)
    async with RawPhone(login) as phone:
        answer = await Registrant(node, phone, PASSWORD).register(f"<sip:{login}@{HIDDEN}>", via=HIDDEN)
        via = answer["Via"] or ""
        assert via.startswith(f"SIP/2.0/UDP {HIDDEN};")
        assert ";received=127.0.0.1" in via
        assert f";rport={phone.port}" in via
        assert (await _call(node, webhook, login))[0] == 201
        call = await phone.next_call()
        assert call.invite.request_uri == f"sip:{login}@{HIDDEN}"
        call.refuse(486)


@pytest.mark.timeout(90)
async def test_what_a_restart_keeps(new_node: NodeFactory) -> None:
    """Bindings that have not run out; the ways through NATs are opened at once. One that runs out is not rung."""
    node, webhook = await new_node(sip=OUTSIDE)
    webhook["voice"] = response("<Hangup/>")
    login = await _client(node)
    async with RawPhone(login) as phone, RawPhone(login) as other:
        for each, via in ((phone, HIDDEN), (other, "")):
            contact = f"sip:{login}@{via or f'127.0.0.1:{other.port}'}"
            answer = await Registrant(node, each, PASSWORD).register(f"<{contact}>;expires=600", via=via)
            assert answer.status == 200
        await node.process.stop()
        soon = datetime.now(UTC) - timedelta(seconds=1)
        with closing(sqlite3.connect(node.folder / "data" / "callapi.db")) as database, database:
            changed = database.execute(
                "UPDATE bindings SET expires_at = ? WHERE contact = ?",
                (soon.isoformat(" ", "microseconds"), f"sip:{login}@127.0.0.1:{other.port}"),
            )
            assert changed.rowcount == 1
        await node.start()

        def asked() -> list[SipMessage]:
            return [each for _, arrow, each in phone.seen if arrow == "<--" and each.method == "OPTIONS"]

        await eventually("an OPTIONS that keeps the NAT open", asked)
        assert asked()[0].request_uri == f"sip:{login}@{HIDDEN}"
        status, sid = await _call(node, webhook, login)
        assert status == 201
        (await phone.next_call()).refuse(486)
        assert (await node.final(sid))["status"] == "busy"
        assert not other.calls
