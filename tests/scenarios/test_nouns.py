"""The nouns of Dial beside and among each other: `Sip`, `Client` and `Number` in one group, each with its own."""

import asyncio
import json
import secrets
import time
from contextlib import AsyncExitStack

import pytest

from tests.scenarios.conftest import PhoneFactory, Server
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.raw_phone import RawPhone, sdp
from tests.scenarios.harness.registering import register
from tests.scenarios.harness.rtp_peer import RtpPeer
from tests.scenarios.harness.waiting import WAIT_S

PASSWORD = "correct horse"


async def _client(server: Server, *phones: RawPhone) -> str:
    """A client that is registered from each of these phones, which bear its name."""
    name = phones[0].name
    status, made = await server.node.rest("POST", "Clients.json", Login=name, Password=PASSWORD)
    assert status == 201, made
    for each in phones:
        await register(server.node, each, PASSWORD)
    return name


async def _trunk(server: Server, gateway: RawPhone) -> str:
    """A number that leaves through this gateway."""
    number = f"+1556{server.number}"
    form = {"SipUri": f"sip:127.0.0.1:{gateway.port}", "Pattern": number}
    status, made = await server.node.rest("POST", "Trunks.json", **form)
    assert status == 201, made
    return number


def _login() -> str:
    return f"bob{secrets.token_hex(4)}"


async def test_a_group_of_every_noun(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """ "Up to 10 nouns, of any mixture, ring together": each with headers of its own, the first to accept is joined."""
    alice = await phone("alice")
    async with AsyncExitStack() as stack:
        one, two, three = [
            await stack.enter_async_context(RawPhone(name)) for name in (_login(), "gateway", "carol")
        ]
        client, number = await _client(server, one), await _trunk(server, two)
        webhook["voice"] = response(
            f'<Dial action="after"><Client>{client}?X-Who=client</Client><Number>{number}?X-Who=number</Number>'
            f"<Sip>{three.uri}?X-Who=sip</Sip></Dial>"
        )
        webhook["after"] = response("<Hangup/>")
        call = await alice.invite(server.uri)
        calls = [await each.next_call() for each in (one, two, three)]
        assert [each.invite["X-Who"] for each in calls] == ["client", "number", "sip"]
        assert calls[1].invite.request_uri.startswith(f"sip:{number}@")
        for each in calls:
            each.ring()
        calls[1].answer()
        await calls[1].gets("ACK")
        for each in (calls[0], calls[2]):
            await each.gets("CANCEL")
            each.refuse(487)
        await call.answered()
        calls[1].request("BYE")
        after = await webhook.next("after")
    assert after["DialCallStatus"] == "completed"
    branches = json.loads(after["DialBranches"])
    assert [(each["target"], each["status"]) for each in branches] == [
        (f"client:{client}", "canceled"),
        (number, "completed"),
        (three.uri, "canceled"),
    ]
    assert branches[1]["call_sid"] == after["DialCallSid"]


@pytest.mark.parametrize("is_answered", [True, False])
async def test_a_client_on_two_phones_is_one_object(
    server: Server, phone: PhoneFactory, webhook: Webhook, *, is_answered: bool
) -> None:
    """`DialBranches` has "one object per noun": the phone that was joined speaks for it, else the best outcome.

    To status callbacks each phone is a leg of its own.
    """
    alice, name = await phone("alice"), _login()
    async with RawPhone(name) as desk, RawPhone(name) as mobile:
        client = await _client(server, desk, mobile)
        webhook["voice"] = response(
            f'<Dial action="after"><Client statusCallback="status" statusCallbackEvent="initiated completed">'
            f"{client}</Client></Dial>"
        )
        webhook["after"], webhook["status"] = response("<Hangup/>"), ""
        await alice.invite(server.uri)
        first, second = await desk.next_call(), await mobile.next_call()
        first.refuse(404)
        await first.gets("ACK")
        if is_answered:
            second.answer()
            await second.gets("ACK")
            second.request("BYE")
        else:
            second.refuse(486)
        after = await webhook.next("after")
        reported = [await webhook.next("status") for _ in range(4)]
    outcome, code = ("completed", 200) if is_answered else ("busy", 486)
    assert after["DialCallStatus"] == outcome
    [branch] = json.loads(after["DialBranches"])
    assert (branch["target"], branch["status"], branch["sip_code"]) == (f"client:{client}", outcome, code)
    assert branch["call_sid"] == after["DialCallSid"]
    assert after["DialSipCallId"] == second.invite["Call-ID"]
    ends = {each["CallSid"]: each["CallStatus"] for each in reported if each["CallStatus"] != "initiated"}
    assert ends.pop(after["DialCallSid"]) == outcome
    assert list(ends.values()) == ["failed"]


async def test_digits_are_sent_before_the_called_party_is_screened(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """`sendDigits`: an extension is dialled once the number has answered; the screening of `Number` follows."""
    alice = await phone("alice")
    async with RawPhone("gateway") as gateway, RtpPeer() as rtp:
        number = await _trunk(server, gateway)
        webhook["voice"] = response(
            f'<Dial action="after"><Number sendDigits="ww12w#" url="screen" method="GET">{number}</Number></Dial>'
        )
        heard_by_then: list[str] = []

        async def screen(_: object) -> str:
            await asyncio.sleep(0.2)  # what was sent before may still be on its way
            heard_by_then.append(rtp.digits)
            return response("<Hangup/>")

        webhook["screen"] = screen
        webhook["after"] = response("<Hangup/>")
        await alice.invite(server.uri)
        called = await gateway.next_call()
        called.answer(port=rtp.port)
        asked = await webhook.next("screen")
        assert (asked.method, asked["To"], asked["Direction"]) == ("GET", number, "outbound-dial")
        await called.gets("BYE")
        assert heard_by_then == ["12#"]
        assert (await webhook.next("after"))["DialCallStatus"] == "no-answer"


async def test_ten_may_be_called_and_not_eleven(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """An eleventh noun makes the document invalid: no phone rings, and the notification says how many there may be."""
    alice = await phone("alice")
    async with RawPhone("bob") as bob:
        webhook["voice"] = response("<Dial>" + f"<Sip>{bob.uri}</Sip>" * 11 + "</Dial>")
        call = await alice.invite(server.uri)
        assert await call.ended() == 500
        sid = (await webhook.next("voice"))["CallSid"]
        _, page = await server.node.rest("GET", f"Calls/{sid}/Notifications.json")
        [note] = page["notifications"]
        assert note["error_code"] == "12200"
        assert "calls 11 at once; at most 10" in note["message_text"]
        assert bob.seen == []


async def test_a_number_that_dials_itself_comes_to_an_end(server: Server, webhook: Webhook) -> None:
    """RFC 7332: each leg has a hop less than its caller had; where none is left, the leg fails and says why."""
    webhook["voice"] = response(f'<Dial action="after"><Sip>{server.uri}</Sip></Dial>')
    webhook["after"] = response("<Hangup/>")
    async with RawPhone("alice") as alice:
        call = alice.invite(server.uri, server.node.sip_address, body=sdp(), hops=4)
        innermost = await webhook.next("after")
        assert innermost["DialCallStatus"] == "failed"
        _, page = await server.node.rest("GET", f"Calls/{innermost['CallSid']}/Notifications.json")
        assert [each["error_code"] for each in page["notifications"]] == ["60018"]
        call.request("ACK")
        await call.gets("BYE")
        assert len(webhook.all("voice")) == 4


@pytest.mark.parametrize(
    ("attribute", "code"),
    [
        ('statusCallback="http://[bad"', "15003"),
        ('url="http://[bad"', "11100"),
    ],
)
async def test_a_url_that_is_none_harms_its_own_request_alone(
    server: Server, webhook: Webhook, attribute: str, code: str
) -> None:
    """Nothing to ask there: a callback is lost, a screening declines; the Dial goes on to its action."""
    webhook["after"] = response("<Hangup/>")
    async with RawPhone("alice") as alice, RawPhone("bob") as bob:
        webhook["voice"] = response(f'<Dial action="after"><Sip {attribute}>{bob.uri}</Sip></Dial>')
        call = alice.invite(server.uri, server.node.sip_address, body=sdp())
        ringing = await bob.next_call()
        ringing.answer()
        await ringing.gets("ACK")
        if code == "15003":
            ringing.request("BYE")
        after = await webhook.next("after")
        assert after["DialCallStatus"] == ("completed" if code == "15003" else "no-answer")
        notes: list[dict[str, object]] = []
        deadline = time.monotonic() + WAIT_S
        while not notes and time.monotonic() < deadline:
            _, page = await server.node.rest("GET", f"Calls/{after['DialCallSid']}/Notifications.json")
            notes = page["notifications"]
            await asyncio.sleep(0.05)
        [note] = notes
        assert note["error_code"] == code
        assert note["request_url"] == "http://[bad"
        call.request("ACK")
        await call.gets("BYE")
