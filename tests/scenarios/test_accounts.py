"""Accounts of one node: each behind its wall, and a token that is rotated while calls and callbacks go on."""

import asyncio
import re
from collections.abc import Mapping
from typing import Any

import aiohttp
import pytest
from twilio.request_validator import RequestValidator

from tests.scenarios.conftest import NodeFactory, PhoneFactory
from tests.scenarios.harness.application import Answer, Request, response
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.waiting import WAIT_S

_IN_PATH = re.compile(r"(\w+)/\{(\w+)\}")
UNPLAYABLE = "<Response><Play>http://127.0.0.1:9/nothing.wav</Play></Response>"
FORM = {
    "To": "sip:nobody@127.0.0.1:9",
    "From": "1",
    "Url": "http://127.0.0.1:9/",
    "PhoneNumber": "+15550199",
    "Login": "eve",
    "Password": "correct horse",
    "SipUri": "sip:127.0.0.1:9",
    "Username": "eve",
    "FriendlyName": "office",
    "IpAddress": "192.0.2.9",
    "DomainName": "eve.example.com",
    "CredentialListSid": "CL" + 32 * "0",
    "IpAccessControlListSid": "AL" + 32 * "0",
}


def _is_signed(request: Request, token: str) -> bool:
    signature = request.headers["X-Twilio-Signature"]
    return bool(RequestValidator(token).validate(request.url, dict(request.parameters), signature))


@pytest.mark.timeout(60)
async def test_a_token_is_rotated_without_a_gap(new_node: NodeFactory, phone: PhoneFactory) -> None:
    """Both are accepted while there are two; the first signs, until the second is promoted.

    From then on that signs: also a number's callback that was refused before and is tried again.
    """
    node, webhook = await new_node()
    webhook["status"] = webhook["voice"] = response("<Reject/>")
    await node.rest(
        "POST",
        "IncomingPhoneNumbers.json",
        PhoneNumber="200",
        VoiceUrl=webhook.url("voice"),
        StatusCallback=webhook.url("status"),
    )
    alice = await phone("alice")

    async def signed_by() -> tuple[str | None, str | None]:
        """The tokens that the document's request and the number's callback were signed with."""
        await (await alice.invite(node.uri("200"))).ended()
        asked = [await webhook.next(path) for path in ("voice", "status")]
        tokens = (first, second)
        found = [
            next((each for each in tokens if each and _is_signed(request, each)), None) for request in asked
        ]
        return found[0], found[1]

    first, second = node.auth_token, None
    assert await signed_by() == (first, first)
    status, made = await node.rest("POST", "AuthTokens/Secondary.json")
    assert status == 201
    second = made["secondary_auth_token"]
    assert [await _status(node, token) for token in (first, second)] == [200, 200]
    assert await signed_by() == (first, first)

    webhook["status"] = [Answer(status=503), Answer()]
    await (await alice.invite(node.uri("200"))).ended()
    refused = await webhook.next("status")
    assert _is_signed(refused, first)
    status, promoted = await node.rest("POST", "AuthTokens/Promote.json")
    assert (status, promoted["auth_token"], promoted["secondary_auth_token"]) == (200, second, None)
    again = await webhook.next("status")
    assert again.headers["X-CallAPI-Event-Id"] == refused.headers["X-CallAPI-Event-Id"]
    assert _is_signed(again, second)
    assert [await _status(node, token) for token in (first, second)] == [401, 200]
    await webhook.next("voice")
    assert await signed_by() == (second, second)


async def _status(node: Node, token: str) -> int:
    headers = {"Authorization": aiohttp.encode_basic_auth(node.account_sid, token)}
    url = f"{node.http_url}/2010-04-01/Accounts/{node.account_sid}/Calls.json"
    async with aiohttp.ClientSession(headers=headers) as session, session.get(url) as answer:
        return answer.status


@pytest.mark.timeout(60)
async def _recorded(node: Node, sid: str) -> None:
    """Until the record of a recording does not change any more."""
    async with asyncio.timeout(WAIT_S):
        while (await node.rest("GET", f"Recordings/{sid}.json"))[1]["status"] == "in-progress":  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def test_a_second_account_sees_nothing_of_the_first(new_node: NodeFactory, phone: PhoneFactory) -> None:
    """Every path and method of the OpenAPI document: below the first account, and by its sids below the own."""
    node, _ = await new_node()
    bob = await phone("bob")
    sids = {"Accounts": node.account_sid}
    for collection, form in (
        ("Applications", {"FriendlyName": "ivr"}),
        ("Clients", {"Login": "carol", "Password": "correct horse"}),
        ("IncomingPhoneNumbers", {"PhoneNumber": "+15550123"}),
        ("Trunks", {"SipUri": "sip:127.0.0.1:9"}),
        ("Keys", {"FriendlyName": "ci"}),
        ("Calls", {"To": bob.uri, "From": "1", "Twiml": UNPLAYABLE, "Record": "true"}),
    ):
        status, made = await node.rest("POST", f"{collection}.json", **form)
        assert status == 201, made
        sids[collection] = made["sid"]
    await (await bob.next_call()).answer(say=440)
    await node.final(sids["Calls"])
    for collection in ("Recordings", "Notifications"):
        _, page = await node.rest("GET", f"{collection}.json")
        sids[collection] = page[collection.lower()][0]["sid"]
    await _recorded(node, sids["Recordings"])
    status, stranger = await node.rest("POST", "../../Accounts.json")
    assert status == 201, stranger
    async with aiohttp.ClientSession(
        headers={"Authorization": aiohttp.encode_basic_auth(stranger["sid"], stranger["auth_token"])}
    ) as session:
        before = await _everything(node, sids)
        document = await _ask(session, "get", f"{node.http_url}/openapi.json")
        tried = 0
        for path, methods in document[1]["paths"].items():
            for method in methods.keys() & {"get", "post", "put", "delete"}:
                if "{" not in path:
                    continue
                tried += 1
                theirs = f"{node.http_url}/2010-04-01{_filled(path, sids)}"
                assert (await _ask(session, method, theirs))[0] == 404, (method, path)
                own = f"{node.http_url}/2010-04-01{_filled(path, {**sids, 'Accounts': stranger['sid']})}"
                status, answered = await _ask(session, method, own)
                assert status == 404 or "Sid}" not in path.replace("{AccountSid}", ""), (method, path, status)
                if (
                    status != 404
                ):  # which repeats the path that was asked for; whose subaccount it is, it may know
                    leaked = [
                        name for name, sid in sids.items() if sid in str(answered) and name != "Accounts"
                    ]
                    assert not leaked, (method, path, answered)
        assert tried > 40
        assert await _everything(node, sids) == before


def _filled(path: str, sids: Mapping[str, str]) -> str:
    """The path with the sid of what was made in each collection; one that no account has where nothing was made."""
    return _IN_PATH.sub(lambda match: f"{match[1]}/{sids.get(match[1], 'XX' + 32 * '0')}", path)


async def _ask(session: aiohttp.ClientSession, method: str, url: str) -> tuple[int, Any]:
    ended = "stopped" if re.search(r"/(Streams|Transcriptions|Recordings)/", url) else "completed"
    form = (
        FORM | ({"Status": ended} if re.search(r"/(Calls|Conferences)/", url) else {})
        if method in {"post", "put"}
        else None
    )
    async with session.request(method, url, data=form) as answer:
        is_json = answer.content_type == "application/json"
        return answer.status, await answer.json() if is_json else await answer.read()


async def _everything(node: Node, sids: Mapping[str, str]) -> list[Any]:
    return [
        await node.rest("GET", f"{collection}/{sid}.json")
        for collection, sid in sids.items()
        if collection != "Accounts"
    ]
