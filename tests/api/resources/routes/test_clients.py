"""Clients: SIP users. The password goes in and never comes out."""

from datetime import timedelta
from hashlib import md5

import pytest
from msgspec.structs import replace

from callapi.store import BindingRecord
from tests.api.world import NOW, World

SECRET = "correct horse"


async def _make(world: World, login: str = "alice") -> str:
    made = await world.post("Clients.json", Login=login, Password=SECRET)
    assert made.status == 201, made.body
    assert SECRET not in made.body.decode()
    assert "password" not in made.json
    return str(made.json["sid"])


def _binding(login: str) -> BindingRecord:
    return BindingRecord(
        login, f"sip:{login}@192.0.2.1", "call-id", 1, expires_at=NOW + timedelta(days=9999), date_updated=NOW
    )


async def test_create_keeps_what_digest_needs(world: World) -> None:
    """H(login:realm:password), and the login as name if there is no other."""
    sid = await _make(world)
    client = await world.store.clients.by_login("alice")
    assert client is not None
    assert client.ha1_md5 == md5(b"alice:callapi:correct horse").hexdigest()
    shown = (await world.get(f"Clients/{sid}.json")).json
    assert (shown["login"], shown["friendly_name"], shown["status"]) == ("alice", "alice", "enabled")


async def test_another_password(world: World) -> None:
    """The old one is no longer valid: neither is what was registered with it."""
    sid = await _make(world)
    before = await world.store.clients.by_login("alice")
    await world.keep(_binding("alice"))
    assert (await world.post(f"Clients/{sid}.json", Password="another horse")).status == 200
    after = await world.store.clients.by_login("alice")
    assert before is not None
    assert after is not None
    assert after.ha1_sha256 != before.ha1_sha256
    assert replace(after, ha1_md5="", ha1_sha256="", ha1_sha512_256="", date_updated=NOW) == replace(
        before, ha1_md5="", ha1_sha256="", ha1_sha512_256="", date_updated=NOW
    )
    assert await world.store.bindings.of("alice") == ()


@pytest.mark.parametrize("status", ["disabled", "0"])
async def test_disabled(world: World, status: str) -> None:
    """Restcomm writes 0 and 1."""
    sid = await _make(world)
    await world.keep(_binding("alice"))
    assert (await world.post(f"Clients/{sid}.json", Status=status)).json["status"] == "disabled"
    assert await world.store.bindings.of("alice") == ()
    assert (await world.post(f"Clients/{sid}.json", Status="1")).json["status"] == "enabled"


async def test_a_login_exists_once(world: World) -> None:
    """On the whole node: 409."""
    await _make(world)
    taken = await world.post("Clients.json", Login="alice", Password=SECRET)
    assert (taken.status, taken.json["code"]) == (409, 20409)


async def test_delete(world: World) -> None:
    """With its registrations; another's stay."""
    sid = await _make(world)
    await _make(world, "bob")
    await world.keep(_binding("alice"), _binding("bob"))
    assert (await world.delete(f"Clients/{sid}.json")).status == 204
    assert await world.store.clients.by_login("alice") is None
    assert await world.store.bindings.of("alice") == ()
    assert await world.store.bindings.of("bob") != ()


@pytest.mark.parametrize(
    "form",
    [
        {"Login": "alice"},
        {"Password": SECRET},
        {"Login": "a@b", "Password": SECRET},
        {"Login": "alice", "Password": "short"},
        {"Login": "alice", "Password": SECRET, "Status": "sleepy"},
    ],
)
async def test_bad_parameters(world: World, form: dict[str, str]) -> None:
    """400 with 20001."""
    answer = await world.ask("POST", "Clients.json", form=form)
    assert (answer.status, answer.json["code"]) == (400, 20001)


async def test_list_by_login(world: World) -> None:
    """`Login`."""
    for login in ("alice", "bob"):
        await _make(world, login)
    (found,) = (await world.get("Clients.json?Login=bob")).json["clients"]
    assert found["login"] == "bob"
