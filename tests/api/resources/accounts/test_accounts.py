"""Accounts: subaccounts, suspension, rotation of tokens."""

from typing import Any

import pytest

from tests.api.world import Answer, World


async def _subaccount(world: World) -> dict[str, Any]:
    made = await world.ask("POST", "/2010-04-01/Accounts.json", form={"FriendlyName": "tenant"})
    assert made.status == 201
    return dict(made.json)


async def _as(world: World, shown: dict[str, Any], method: str, path: str, **form: str) -> Answer:
    return await world.ask(
        method,
        f"/2010-04-01/Accounts/{shown['sid']}{path}",
        form=form if method == "POST" else None,
        auth=(shown["sid"], shown["auth_token"]),
    )


async def test_subaccounts(world: World) -> None:
    """Made by the parent, seen by it; a subaccount sees itself alone and has none of its own."""
    tenant = await _subaccount(world)
    assert (tenant["owner_account_sid"], tenant["status"]) == (world.account.sid, "active")
    listed = (await world.get("/2010-04-01/Accounts.json")).json["accounts"]
    assert {each["sid"] for each in listed} == {world.account.sid, tenant["sid"]}
    (found,) = (await world.get("/2010-04-01/Accounts.json?FriendlyName=tenant")).json["accounts"]
    assert found["sid"] == tenant["sid"]
    auth = (tenant["sid"], tenant["auth_token"])
    (itself,) = (await world.get("/2010-04-01/Accounts.json", auth=auth)).json["accounts"]
    assert itself["sid"] == tenant["sid"]
    assert (await world.ask("POST", "/2010-04-01/Accounts.json", form={}, auth=auth)).status == 403
    assert (await world.get(f"/2010-04-01/Accounts/{world.account.sid}.json", auth=auth)).status == 404


async def test_the_parent_acts_in_its_subaccount(world: World) -> None:
    """With its own credentials."""
    tenant = await _subaccount(world)
    made = await world.ask(
        "POST", f"/2010-04-01/Accounts/{tenant['sid']}/Applications.json", form={"FriendlyName": "a"}
    )
    assert made.json["account_sid"] == tenant["sid"]
    assert (await _as(world, tenant, "GET", "/Applications.json")).json["applications"] == [made.json]


@pytest.mark.parametrize("status", ["suspended", "closed"])
async def test_an_inactive_subaccount(world: World, status: str) -> None:
    """Its own credentials are refused; the parent can read, and change nothing but the account."""
    tenant = await _subaccount(world)
    path = f"/2010-04-01/Accounts/{tenant['sid']}"
    assert (await world.ask("POST", f"{path}.json", form={"Status": status})).json["status"] == status
    refused = await _as(world, tenant, "GET", "/Calls.json")
    assert (refused.status, refused.json["code"]) == (403, 20005)
    assert (await world.get(f"{path}/Calls.json")).status == 200
    assert (await world.ask("POST", f"{path}/Applications.json", form={})).status == 403
    again = await world.ask("POST", f"{path}.json", form={"Status": "active"})
    assert again.status == (200 if status == "suspended" else 400)


async def test_an_account_cannot_suspend_itself(world: World) -> None:
    """403; its name it may change."""
    refused = await world.post(f"{world.base}.json", Status="suspended")
    assert (refused.status, refused.json["code"]) == (403, 20006)
    named = await world.post(f"{world.base}.json", FriendlyName="ours", Status="")
    assert (named.json["friendly_name"], named.json["status"]) == ("ours", "active")
    assert (await world.post(f"{world.base}.json", FriendlyName="")).json["friendly_name"] == "ours"


async def test_rotation_of_tokens(world: World) -> None:
    """Both are accepted until the second is promoted; then the first is refused."""
    sid, first = world.account.sid, world.account.auth_token
    made = await world.post(f"{world.base}/AuthTokens/Secondary.json")
    assert made.status == 201
    second = made.json["secondary_auth_token"]
    for token in (first, second):
        assert (await world.get(f"{world.base}.json", auth=(sid, token))).status == 200
    promoted = await world.ask("POST", f"{world.base}/AuthTokens/Promote.json", auth=(sid, second))
    assert (promoted.json["auth_token"], promoted.json["secondary_auth_token"]) == (second, None)
    assert (await world.get(f"{world.base}.json", auth=(sid, first))).status == 401
    assert (await world.get(f"{world.base}.json", auth=(sid, second))).status == 200
    again = await world.ask("POST", f"{world.base}/AuthTokens/Promote.json", auth=(sid, second))
    assert again.status == 400


async def test_dropping_the_second_token(world: World) -> None:
    """It is refused afterwards."""
    made = await world.post(f"{world.base}/AuthTokens/Secondary.json")
    second = made.json["secondary_auth_token"]
    assert (await world.delete(f"{world.base}/AuthTokens/Secondary.json")).status == 204
    assert (await world.get(f"{world.base}.json", auth=(world.account.sid, second))).status == 401
