"""Who may ask for what: Basic authentication, and walls between accounts on every operation."""

import base64
import re

import pytest

from callapi.api.operation import Operation
from callapi.api.resources import OPERATIONS
from tests.api.everything import one_of_each, path_of
from tests.api.world import TOKEN, World, account

FORM = {
    "To": "1000",
    "From": "1000",
    "Url": "http://127.0.0.1/",
    "PhoneNumber": "5",
    "Login": "eve",
    "Password": "correct horse",
    "SipUri": "sip:gateway",
}


def _name(operation: Operation) -> str:
    return f"{operation.method} {operation.path} {'sound' if operation.shows is None else ''}"


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic ",
        "Basic !!!",
        "Bearer abc",
        "Basic " + base64.b64encode(b"nobody").decode(),
        "Basic " + base64.b64encode(b"\xff\xfe:\xff").decode(),
        "Basic " + base64.b64encode(("AC" + "0" * 32 + ":" + TOKEN).encode()).decode(),
        "Basic " + base64.b64encode(("AC" + "0" * 32 + ":" + "0" * 32).encode()).decode(),
    ],
)
async def test_unknown_credentials(world: World, header: str) -> None:
    """401 with 20003, and the challenge."""
    answer = await world.get("Calls.json", auth=("", ""), headers={"Authorization": header})
    assert (answer.status, answer.json["code"]) == (401, 20003)
    assert answer.headers["www-authenticate"].startswith("Basic")


@pytest.mark.parametrize("token", ["", "wrong", TOKEN.upper(), TOKEN + "0", "0" * 32])
async def test_wrong_token(world: World, token: str) -> None:
    """The same as an unknown account."""
    answer = await world.get("Calls.json", auth=(world.account.sid, token))
    assert (answer.status, answer.json["code"]) == (401, 20003)


@pytest.mark.parametrize("operation", OPERATIONS, ids=_name)
async def test_nothing_without_authentication(world: World, operation: Operation) -> None:
    """On every operation."""
    path = path_of(operation, world.account.sid, await one_of_each(world, world.account.sid))
    answer = await world.ask(operation.method, path, auth=("", ""))
    assert answer.status == 401


@pytest.mark.parametrize("status", ["suspended", "closed"])
async def test_an_inactive_account(world: World, status: str) -> None:
    """403 with 20005, even with its token."""
    inactive = account(status=status)
    await world.keep(inactive)
    path = f"/2010-04-01/Accounts/{inactive.sid}.json"
    refused = await world.get(path, auth=(inactive.sid, TOKEN))
    assert (refused.status, refused.json["code"]) == (403, 20005)
    assert (await world.get(path, auth=(inactive.sid, "wrong"))).status == 401


SIP_FORM = {
    "Username": "anna",
    "Password": "correct Horse1",
    "FriendlyName": "x",
    "IpAddress": "192.0.2.1",
    "CredentialListSid": "CL" + "0" * 32,
    "IpAccessControlListSid": "AL" + "0" * 32,
}


@pytest.mark.parametrize("operation", [each for each in OPERATIONS if "{" in each.path], ids=_name)
async def test_an_account_sees_nothing_of_another(world: World, operation: Operation) -> None:
    """Neither below the other's path nor by the other's sids below its own; nothing of it changes."""
    victim, stranger = world.account, account()
    await world.keep(stranger)
    sids = await one_of_each(world, victim.sid, "victim")
    own = await one_of_each(world, stranger.sid, "stranger")
    auth = (stranger.sid, stranger.auth_token)
    form = None
    if operation.method in {"POST", "PUT"}:
        runs_beside = re.search(
            r"/(Calls|Conferences)/.*/(Streams|Transcriptions|Recordings)/", operation.path
        )
        status = "stopped" if runs_beside else "completed"
        form = FORM | SIP_FORM | ({"Status": status} if runs_beside or "Calls" in operation.path else {})
    below_theirs = path_of(operation, victim.sid, sids)
    assert (await world.ask(operation.method, below_theirs, form=form, auth=auth)).status == 404
    below_own = path_of(operation, stranger.sid, sids)
    answer = await world.ask(operation.method, below_own, form=form, auth=auth)
    if any(
        key in operation.path
        for key in (
            "{Sid}",
            "{CallSid}",
            "{Room}",
            "{QueueSid}",
            "{ConferenceSid}",
            "{RecordingSid}",
            "{DomainSid}",
            "{ListSid}",
        )
    ):
        assert answer.status == 404, answer.body
    else:
        theirs = {victim.sid, *sids.values()}
        assert not any(sid in answer.body.decode() for sid in theirs)
        assert operation.method != "GET" or any(
            sid in answer.body.decode() for sid in (stranger.sid, *own.values())
        )
    assert world.calls.modified == []
    for resource in ("Calls", "Recordings", "Clients", "Trunks", "Applications", "IncomingPhoneNumbers"):
        assert (await world.get(f"{resource}/{sids[resource]}.json")).status == 200


async def test_a_call_cannot_reach_through_to_anothers_recording(world: World) -> None:
    """Below an own call, the other's recording is not there either."""
    stranger = account()
    await world.keep(stranger)
    theirs = await one_of_each(world, world.account.sid, "victim")
    own = await one_of_each(world, stranger.sid, "stranger")
    path = f"/2010-04-01/Accounts/{stranger.sid}/Calls/{own['CallSid']}/Recordings/{theirs['Recordings']}.wav"
    assert (await world.get(path, auth=(stranger.sid, stranger.auth_token))).status == 404
