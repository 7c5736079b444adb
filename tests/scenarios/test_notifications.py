"""Each rule that was broken is a notification: its code, its sentence, the line of the document; read over REST.

Codes with a scenario of their own are not repeated here: 13201 (screening), 32011 and 60017 (outcomes, TLS), 60016
(digest), 60001 and 60002 (extensions).
"""

import asyncio
import json
from typing import Any

import pytest

from tests.scenarios.conftest import NodeFactory, Server
from tests.scenarios.harness.application import Answer, Webhook, response
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.ports import free_rtp_range
from tests.scenarios.harness.raw_phone import RawPhone, sdp

LONG_URI = f"sip:{'a' * 300}@127.0.0.1"
LONG_HEADER = f"sip:bob@127.0.0.1?X-Long={'a' * 1100}"


async def _notes(node: Node, sid: str) -> list[dict[str, Any]]:
    status, page = await node.rest("GET", f"Calls/{sid}/Notifications.json")
    assert status == 200, page
    return list(page["notifications"])


@pytest.mark.parametrize(
    ("noun", "code", "sentence"),
    [
        ("<Sip>tel:+15550100</Sip>", "13224", "not a SIP URI"),
        ("<Sip>sip:bob@127.0.0.1:99999</Sip>", "13224", "no such port: 99999"),
        (f"<Sip>{LONG_HEADER}</Sip>", "21227", "must be under 1024: 84 too many"),
        ("<Client>absent</Client>", "32009", "'absent' is not registered"),
        (f"<Sip>{LONG_URI}</Sip>", "60010", "must be under 255: 60 too many"),
        ("<Sip>sip:bob@127.0.0.1?na%20me=x</Sip>", "60011", "'na me' cannot be the name of a SIP header"),
        (
            "<Sip>sip:bob@127.0.0.1?X-A=1%0A2</Sip>",
            "60011",
            "the value of the header X-A has a control character",
        ),
        (
            "<Sip>sip:bob@127.0.0.1;transport=sctp</Sip>",
            "60012",
            "transport=sctp is not one of udp, tcp, tls",
        ),
        ("<Number>+15550100</Number>", "60013", "no trunk carries the number '+15550100'"),
    ],
)
async def test_a_noun_that_cannot_be_called(
    server: Server, webhook: Webhook, noun: str, code: str, sentence: str
) -> None:
    """That leg is `failed`; the notification stands at the call that ran the Dial, with the noun's line."""
    webhook["voice"] = f'<Response>\n <Dial action="after">\n  {noun}\n </Dial>\n</Response>'
    webhook["after"] = response("<Hangup/>")
    async with RawPhone("alice") as alice:
        call = alice.invite(server.uri, server.node.sip_address, body=sdp())
        after = await webhook.next("after")
        assert after["DialCallStatus"] == "failed"
        [note] = await _notes(server.node, after["CallSid"])
        assert (note["error_code"], note["log"], note["document_line"]) == (code, "0", 3)
        assert sentence in note["message_text"]
        assert note["call_sid"] == after["CallSid"]
        assert note["more_info"].endswith(f"/docs/errors/{code}")
        call.request("ACK")
        await call.gets("BYE")


@pytest.mark.parametrize(
    ("verbs", "code", "log", "line", "sentence"),
    [
        ("\n<Dial><Sip>sip:a@b.invalid?x=1&y=2</Sip></Dial>", "12100", "1", 2, "bare &"),
        ('\n<Pause length="0" volume="9"/>', "12200", "1", 2, "unknown attribute volume"),
        ("\n\n<Play>missing.wav</Play>", "13520", "0", 3, "missing.wav"),
    ],
)
async def test_what_is_read_all_the_same_or_skipped(  # noqa: PLR0917 - fixtures and a table
    server: Server, webhook: Webhook, verbs: str, code: str, log: str, line: int, sentence: str
) -> None:
    """Warnings of a document as found in the wild, audio that cannot be had: the document goes on."""
    webhook["voice"] = f"<Response>{verbs}<Redirect>next</Redirect></Response>"
    webhook["next"] = response("<Hangup/>")
    async with RawPhone("alice") as alice:
        call = alice.invite(server.uri, server.node.sip_address, body=sdp())
        sid = (await webhook.next("next"))["CallSid"]
        note = (await _notes(server.node, sid))[-1]
        assert (note["error_code"], note["log"], note["document_line"]) == (code, log, line)
        assert sentence in note["message_text"]
        if call.final_status == 200:
            call.request("ACK")


async def test_a_request_that_failed_is_shown_with_its_answer(server: Server, webhook: Webhook) -> None:
    """11200: what was asked, with which parameters, and what came back."""
    webhook["voice"] = Answer(
        "<h1>Oops</h1>", status=503, content_type="text/html", headers={"X-Proxy": "a1"}
    )
    async with RawPhone("alice") as alice:
        call = alice.invite(server.uri, server.node.sip_address, body=sdp())
        await call.gets("INVITE", 500)
        call.request("ACK")
        sid = (await webhook.next("voice"))["CallSid"]
        [note] = await _notes(server.node, sid)
        assert (note["error_code"], note["request_method"]) == ("11200", "POST")
        assert note["request_url"] == webhook.url("voice")
        assert f"CallSid={sid}" in note["request_variables"]
        assert note["response_status"] == 503
        assert "X-Proxy: a1" in note["response_headers"]
        assert note["response_body"] == "<h1>Oops</h1>"


async def test_a_redirect_loop_and_a_type_that_is_none(server: Server, webhook: Webhook) -> None:
    """60020 after 100 documents without media; 12300 for JSON."""
    webhook["voice"] = response("<Redirect>voice</Redirect>")
    async with RawPhone("alice") as alice:
        call = alice.invite(server.uri, server.node.sip_address, body=sdp())
        await call.gets("INVITE", 500, timeout=20)
        [note] = await _notes(server.node, (await webhook.next("voice"))["CallSid"])
        assert (note["error_code"], note["message_text"]) == (
            "60020",
            "100 redirects in a row without media",
        )
        webhook["voice"] = Answer("{}", content_type="application/json")
        call = alice.invite(server.uri, server.node.sip_address, body=sdp())
        await call.gets("INVITE", 500)
        [note] = await _notes(server.node, webhook.all("voice")[-1]["CallSid"])
        assert (note["error_code"], note["response_body"]) == ("12300", "{}")


async def test_a_call_that_was_refused(server: Server) -> None:
    """60050: the caller hears why in a Reason header; the account's notifications name the number and the rule."""
    async with RawPhone("alice") as alice:
        call = alice.invite(server.node.uri("7654321"), server.node.sip_address, body=sdp())
        refused = await call.gets("INVITE", 404)
        call.request("ACK")
        assert "cause=404" in (refused["Reason"] or "")

        async def written() -> list[str]:
            status, page = await server.node.rest("GET", "Notifications.json", ErrorCode="60050")
            assert status == 200, page
            return [
                each["message_text"] for each in page["notifications"] if "7654321" in each["message_text"]
            ]

        for _ in range(50):
            if texts := await written():
                break
            await asyncio.sleep(0.1)
        [text] = texts
        assert "404" in text


ACCOUNT_FULL = ("60015", "the account has all the calls up that it may have")
BLOCKED = ("13227", "'+97912345' may not be called")
NO_PORT = ("60014", "all 2 RTP port pairs are taken")


@pytest.mark.parametrize("is_of_the_account", [True, False])
async def test_the_bounds_of_a_node(new_node: NodeFactory, *, is_of_the_account: bool) -> None:
    """A number that is blocked, no call more for the account, no port for another leg: that leg is `failed`."""
    first, last = free_rtp_range(4)
    settings = {"limits": {"calls_per_account": 2, "blocked_prefixes": ["+979"]}}
    expected = {BLOCKED, ACCOUNT_FULL}
    if not is_of_the_account:
        settings, expected = {"media": {"rtp_ports": f"{first}-{last}"}}, {NO_PORT}
    node, webhook = await new_node(**settings)
    async with RawPhone("alice") as alice, RawPhone("bob") as bob:
        blocked = "<Number>+97912345</Number>" if is_of_the_account else ""
        webhook["voice"] = response(f'<Dial action="after">{f"<Sip>{bob.uri}</Sip>" * 2}{blocked}</Dial>')
        webhook["after"] = response("<Hangup/>")
        call = alice.invite(node.uri("1"), node.sip_address, body=sdp())
        (await bob.next_call()).refuse(486)
        after = await webhook.next("after")
        statuses = [each["status"] for each in json.loads(after["DialBranches"])]
        assert sorted(statuses) == ["busy", *(["failed"] * len(expected))]
        notes = {each["error_code"]: each["message_text"] for each in await _notes(node, after["CallSid"])}
        assert notes.keys() == {code for code, _ in expected}
        assert all(sentence in notes[code] for code, sentence in expected)
        await call.gets("INVITE", 200)
        call.request("ACK")
        await call.gets("BYE")
