"""Clients and trunks of the store, as the registrar and the doorman see them."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime

import pytest
from msgspec.structs import replace

from callapi.adapters.registrations import Registrations
from callapi.base.ids import new_account_sid, new_client_sid, new_trunk_sid
from callapi.sip import Binding, KeepAlive, NameAddr
from callapi.store import AccountRecord, ClientRecord, Put, Store, TrunkRecord, digest_secrets

NOW = datetime(2026, 11, 17, 10, 0, 0, tzinfo=UTC)
LATER = datetime(2999, 1, 1, tzinfo=UTC).timestamp()
REALM = "node.example"
ACCOUNT = AccountRecord(new_account_sid(), "Main", "0" * 32, NOW, NOW)
SECRETS = digest_secrets("bob", REALM, "correct horse")
BOB = ClientRecord(
    sid=new_client_sid(),
    account_sid=ACCOUNT.sid,
    login="bob",
    friendly_name="Bob",
    realm=REALM,
    ha1_md5=SECRETS.md5,
    ha1_sha256=SECRETS.sha256,
    ha1_sha512_256=SECRETS.sha512_256,
    date_created=NOW,
    date_updated=NOW,
    api_version="2012-04-24",
    voice_url="http://app/voice",
)
TRUNK = TrunkRecord(
    new_trunk_sid(), ACCOUNT.sid, "T", "sip:198.51.100.7:5080;transport=tcp", NOW, NOW, "2012-04-24"
)


def binding(contact: str, source: str = "udp:192.0.2.1:5060", expires_at: float = LATER) -> Binding:
    return Binding(contact, expires_at, "call", 1, source=source, path=("<sip:p;lr>",))


def alone(_login: str) -> None:
    """There are no other nodes."""


def new_keep_alive() -> KeepAlive:
    return KeepAlive(NameAddr.parse("<sip:node.example>"), lambda: 0.0)


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    async with Store.in_memory() as store:
        await store.commit(Put(ACCOUNT), Put(BOB))
        yield store


async def test_bindings_are_kept_replaced_and_found_after_a_start(store: Store) -> None:
    before = await Registrations.open(store, REALM, new_keep_alive(), alone, node="here")
    one, two = binding("sip:bob@192.0.2.1"), binding("sip:bob@192.0.2.2", "tcp:[2001:db8::1]:5060")
    assert not before.has_registered("bob")
    await before.replace_bindings("bob", [one, two])
    assert set(await before.bindings_of("bob")) == {one, two}
    await store.flush()
    after = await Registrations.open(store, REALM, new_keep_alive(), alone, node="here")
    assert after.has_registered("bob")
    assert set(await after.bindings_of("bob")) == {one, two}
    client = await after.client("bob")
    assert client is not None
    assert client.hosts == {"192.0.2.1", "2001:db8::1"}
    assert client.route is not None
    assert client.route.document.url == "http://app/voice"
    renewed = replace(two, cseq=2)
    await after.replace_bindings("bob", [renewed])
    assert list(await after.bindings_of("bob")) == [renewed]
    await after.replace_bindings("bob", [])
    assert not after.has_registered("bob")
    assert list(await after.bindings_of("bob")) == []


async def test_an_expired_binding_authenticates_no_caller(store: Store) -> None:
    registrations = await Registrations.open(store, REALM, new_keep_alive(), alone, node="here")
    await registrations.replace_bindings("bob", [binding("sip:bob@192.0.2.1", expires_at=1.0)])
    client = await registrations.client("bob")
    assert client is not None
    assert client.hosts == frozenset()


async def test_what_is_kept_of_a_password(store: Store) -> None:
    registrations = await Registrations.open(store, REALM, new_keep_alive(), alone, node="here")
    assert await registrations.secrets_of("bob") == {
        "MD5": SECRETS.md5,
        "SHA-256": SECRETS.sha256,
        "SHA-512-256": SECRETS.sha512_256,
    }
    assert await registrations.secrets_of("nobody") == {}


@pytest.mark.parametrize(
    "change",
    [replace(BOB, status="disabled"), replace(ACCOUNT, status="suspended")],
    ids=["client", "account"],
)
async def test_who_may_not_register(store: Store, change: ClientRecord | AccountRecord) -> None:
    registrations = await Registrations.open(store, REALM, new_keep_alive(), alone, node="here")
    await store.commit(Put(change))
    assert await registrations.secrets_of("bob") == {}
    assert await registrations.client("bob") is None


async def test_a_password_of_another_realm_is_logged_for_the_operator(
    store: Store, caplog: pytest.LogCaptureFixture
) -> None:
    registrations = await Registrations.open(store, "elsewhere.example", new_keep_alive(), alone, node="here")
    await registrations.secrets_of("bob")
    assert "set it again" in caplog.text


async def test_gateways_are_known_by_their_addresses(store: Store) -> None:
    registrations = await Registrations.open(store, REALM, new_keep_alive(), alone, node="here")
    assert await registrations.gateway_of("198.51.100.7") == frozenset()
    await store.commit(Put(replace(TRUNK, networks=("192.0.2.0/28", "2001:db8::/64"))))
    for host in ("198.51.100.7", "192.0.2.9", "2001:db8::7"):
        assert await registrations.gateway_of(host) == {ACCOUNT.sid}
    assert await registrations.gateway_of("192.0.2.99") == frozenset()
    await store.commit(Put(replace(TRUNK, uri="sip:[2001:db8:1::1]:5060")))
    assert await registrations.gateway_of("2001:db8:1::1") == {ACCOUNT.sid}
    await store.commit(Put(replace(TRUNK, status="disabled")))
    assert await registrations.gateway_of("198.51.100.7") == frozenset()


async def test_websockets_of_an_earlier_process_are_gone_and_those_of_other_nodes_are_not_ours(
    store: Store,
) -> None:
    """Only its client can open a WebSocket anew; the other node removes its own."""
    sockets = {
        "here": replace(binding("sip:a@1.invalid;transport=ws", "ws:192.0.2.7:40000"), path=()),
        "there": replace(binding("sip:b@2.invalid;transport=ws", "wss:192.0.2.8:40000"), path=()),
    }
    for number, (node, each) in enumerate(sockets.items()):
        registrations = await Registrations.open(store, REALM, new_keep_alive(), alone, node=node)
        await registrations.replace_bindings(f"user{number}", [each])
    await store.flush()
    again = await Registrations.open(store, REALM, new_keep_alive(), alone, node="here")
    await store.flush()
    assert list(await again.bindings_of("user0")) == []
    assert list(await again.bindings_of("user1")) == [sockets["there"]]


async def test_a_device_is_remembered(store: Store) -> None:
    """RFC 5626: so that it replaces its binding after a restart of the node too."""
    registrations = await Registrations.open(store, REALM, new_keep_alive(), alone, node="here")
    phone = replace(binding("sip:bob@192.0.2.1"), instance="<urn:uuid:1>", reg_id=1)
    await registrations.replace_bindings("bob", [phone])
    await store.flush()
    again = await Registrations.open(store, REALM, new_keep_alive(), alone, node="here")
    assert list(await again.bindings_of("bob")) == [phone]
