"""API keys: made, used in place of the account's token, and revoked."""

import pytest

from tests.api.world import World, account


@pytest.mark.parametrize("name", ["Keys", "SigningKeys"])
async def test_life_of_a_key(world: World, name: str) -> None:
    """The secret comes once, at the creation; the key can be listed, fetched, renamed and revoked."""
    created = await world.post(f"{name}.json", FriendlyName="ci")
    assert created.status == 201
    key = created.json
    assert key["sid"].startswith("SK")
    assert len(key["secret"]) >= 32
    path = f"{name}/{key['sid']}.json"
    fetched = (await world.get(path)).json
    assert (fetched["friendly_name"], "secret" in fetched) == ("ci", False)
    plural = "keys" if name == "Keys" else "signing_keys"
    (listed,) = (await world.get(f"{name}.json")).json[plural]
    assert listed == fetched
    assert (await world.post(path, FriendlyName="build")).json["friendly_name"] == "build"
    assert (await world.delete(path)).status == 204
    assert (await world.get(path)).status == 404
    assert (await world.get(path, auth=(key["sid"], key["secret"]))).status == 401


async def test_a_key_signs_in_like_the_token_until_it_is_revoked(world: World) -> None:
    """In its own account and that account's subaccounts, and with its own secret only."""
    sub = account(parent_sid=world.account.sid)
    stranger = account()
    await world.keep(sub, stranger)
    key = (await world.post("Keys.json")).json
    auth = (key["sid"], key["secret"])
    assert (await world.get("Calls.json", auth=auth)).status == 200
    assert (await world.post("Applications.json", FriendlyName="x")).status == 201
    assert (await world.get(f"/2010-04-01/Accounts/{sub.sid}/Calls.json", auth=auth)).status == 200
    assert (await world.get(f"/2010-04-01/Accounts/{stranger.sid}/Calls.json", auth=auth)).status == 404
    for wrong in ("", "0" * 64, key["secret"].upper(), world.account.auth_token):
        assert (await world.get("Calls.json", auth=(key["sid"], wrong))).status == 401
    await world.delete(f"Keys/{key['sid']}.json")
    refused = await world.get("Calls.json", auth=auth)
    assert (refused.status, refused.json["code"]) == (401, 20003)


async def test_a_key_of_a_suspended_account_is_refused(world: World) -> None:
    """403, as with the account's token."""
    sub = account(parent_sid=world.account.sid)
    await world.keep(sub)
    base = f"/2010-04-01/Accounts/{sub.sid}"
    key = (await world.ask("POST", f"{base}/Keys.json", form={})).json
    auth = (key["sid"], key["secret"])
    assert (await world.get(f"{base}/Calls.json", auth=auth)).status == 200
    await world.ask("POST", f"{base}.json", form={"Status": "suspended"})
    refused = await world.get(f"{base}/Calls.json", auth=auth)
    assert (refused.status, refused.json["code"]) == (403, 20005)


async def test_the_secret_is_not_kept(world: World) -> None:
    """Only its digest is in the store."""
    key = (await world.post("Keys.json")).json
    record = await world.store.keys.fetch(key["sid"])
    assert record is not None
    assert key["secret"] not in (record.secret_sha256, record.friendly_name)
    assert "secret_sha256" not in repr(record)
