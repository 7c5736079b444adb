"""Calls over REST, with Twilio's own library against our address."""

import asyncio
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.rest import Client

from tests.scenarios.conftest import PhoneFactory, Server
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.raw_phone import RawPhone, sdp
from tests.scenarios.harness.rtp_peer import RtpPeer
from tests.scenarios.harness.waiting import WAIT_S


class _HereInstead(TwilioHttpClient):  # type: ignore[misc]  # the library has no types
    """Twilio's client, pointed at the node."""

    def __init__(self, base_url: str) -> None:
        super().__init__(timeout=10)
        self._base_url = base_url

    def request(self, method: str, url: str, *arguments: Any, **more: Any) -> Any:
        """Send what the library wants to send, to the node."""
        return super().request(
            method, url.replace("https://api.twilio.com", self._base_url), *arguments, **more
        )


def _twilio(server: Server) -> Client:
    node = server.node
    return Client(node.account_sid, node.auth_token, http_client=_HereInstead(node.http_url))


async def test_an_application_calls_a_phone(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """create -> the phone rings, is answered, hears the document; status callbacks in order; fetch, list, filters."""
    bob = await phone("bob")
    client = _twilio(server)
    webhook["outbound"] = response(f"<Dial><Sip>{(await phone('alice')).uri}</Sip></Dial>")
    webhook["status"] = ""
    created = await asyncio.to_thread(
        client.calls.create,
        to=bob.uri,
        from_="+15550199",
        url=webhook.url("outbound"),
        status_callback=webhook.url("status"),
        status_callback_event=["initiated", "ringing", "answered", "completed"],
    )
    assert created.status in {"queued", "initiated"}
    assert created.direction == "outbound-api"
    ringing = await bob.next_call()
    assert ringing.invite.uri("From").startswith("sip:+15550199@")
    await ringing.ring()
    await ringing.answer(say=660)
    request = await webhook.next("outbound")
    assert request["CallSid"] == created.sid
    assert (request["Direction"], request["CallStatus"]) == ("outbound-api", "in-progress")
    assert request["From"] == "+15550199"
    alice = await phone("alice")
    other = await alice.next_call()
    await other.answer(say=440)
    assert await ringing.hears(440)
    assert await other.hears(660)
    fetched = await asyncio.to_thread(client.calls(created.sid).fetch)
    assert fetched.status == "in-progress"
    children = await asyncio.to_thread(client.calls.list, parent_call_sid=created.sid)
    assert [each.status for each in children] == ["in-progress"]
    await ringing.hang_up()
    assert await other.ended() == 200
    statuses = [await webhook.next("status") for _ in range(4)]
    assert [each["CallStatus"] for each in statuses] == ["initiated", "ringing", "in-progress", "completed"]
    assert [each["SequenceNumber"] for each in statuses] == ["0", "1", "2", "3"]
    assert (await server.node.final(created.sid))["status"] == "completed"
    assert created.sid in {
        each.sid for each in await asyncio.to_thread(client.calls.list, status="completed")
    }


async def test_a_call_with_its_document_in_the_request(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """`Twiml`: no URL is asked for the first document."""
    bob = await phone("bob")
    await asyncio.to_thread(
        _twilio(server).calls.create,
        to=bob.uri,
        from_="+15550199",
        twiml=f"<Response><Redirect>{webhook.url('onward')}</Redirect></Response>",
    )
    webhook["onward"] = response("<Hangup/>")
    ringing = await bob.next_call()
    await ringing.answer()
    await webhook.next("onward")
    assert await ringing.ended() == 200


@pytest.mark.parametrize(
    ("code", "status"), [(486, "busy"), (603, "busy"), (404, "failed"), (480, "no-answer")]
)
async def test_a_called_phone_that_refuses(
    server: Server, phone: PhoneFactory, code: int, status: str
) -> None:
    """The record and the callback say how it ended."""
    bob = await phone("bob")
    created = await asyncio.to_thread(
        _twilio(server).calls.create, to=bob.uri, from_="+15550199", twiml="<Response/>"
    )
    await (await bob.next_call()).refuse(code)
    assert (await server.node.final(created.sid))["status"] == status


async def test_no_answer_for_the_application(server: Server, phone: PhoneFactory) -> None:
    """`Timeout`: the phone gets CANCEL, the record says `no-answer`."""
    bob = await phone("bob")
    created = await asyncio.to_thread(
        _twilio(server).calls.create, to=bob.uri, from_="+15550199", twiml="<Response/>", timeout=1
    )
    ringing = await bob.next_call()
    await ringing.ring()
    assert await ringing.ended() == 487
    assert (await server.node.final(created.sid))["status"] == "no-answer"


async def test_a_ringing_call_is_canceled(server: Server, phone: PhoneFactory) -> None:
    """`Status=canceled` before the answer: CANCEL, `canceled`; afterwards it can no longer be changed."""
    bob = await phone("bob")
    client = _twilio(server)
    created = await asyncio.to_thread(client.calls.create, to=bob.uri, from_="+15550199", twiml="<Response/>")
    ringing = await bob.next_call()
    await ringing.ring()
    await asyncio.to_thread(client.calls(created.sid).update, status="canceled")
    assert await ringing.ended() == 487
    assert (await server.node.final(created.sid))["status"] == "canceled"
    with pytest.raises(TwilioRestException) as refused:
        await asyncio.to_thread(client.calls(created.sid).update, status="completed")
    assert refused.value.status == 400
    assert refused.value.code == 21220


async def test_a_live_call_gets_another_document(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """`Url` on a parent that talks: it leaves the bridge for the new document; the callee is hung up."""
    alice, bob, carol = await phone("alice"), await phone("bob"), await phone("carol")
    webhook["voice"] = response(f'<Dial action="after"><Sip>{bob.uri}</Sip></Dial>')
    webhook["other"] = response(f"<Dial><Sip>{carol.uri}</Sip></Dial>")
    webhook["after"] = response()
    call = await alice.invite(server.uri, say=440)
    ringing = await bob.next_call()
    await ringing.answer()
    assert await ringing.hears(440)
    sid = (await webhook.next("voice"))["CallSid"]
    await asyncio.to_thread(_twilio(server).calls(sid).update, url=webhook.url("other"), method="POST")
    transferred = await carol.next_call()
    await transferred.answer(say=880)
    assert await call.hears(880)
    assert await transferred.hears(440)
    assert await ringing.ended() == 200
    assert (await webhook.next("other"))["CallSid"] == sid
    await call.hang_up()


async def test_a_live_call_is_ended(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """`Status=completed`: both phones get BYE."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(f"<Dial><Sip>{bob.uri}</Sip></Dial>")
    call = await alice.invite(server.uri)
    ringing = await bob.next_call()
    await ringing.answer()
    await call.answered()
    sid = (await webhook.next("voice"))["CallSid"]
    await asyncio.to_thread(_twilio(server).calls(sid).update, status="completed")
    assert await call.ended() == 200
    assert await ringing.ended() == 200
    assert (await server.node.final(sid))["status"] == "completed"


async def test_what_rest_refuses(server: Server) -> None:
    """A wrong token, an unknown sid, missing and bad parameters: 401, 404, 400, with Twilio's codes."""
    node = server.node
    stranger = Client(node.account_sid, "wrong", http_client=_HereInstead(node.http_url))
    for action, status, code in (
        (lambda: stranger.calls("CA" + "0" * 32).fetch(), 401, 20003),
        (lambda: _twilio(server).calls("CA" + "0" * 32).fetch(), 404, 20404),
        (lambda: _twilio(server).calls.create(to="", from_="+1", url="http://127.0.0.1/"), 400, 21201),
        (lambda: _twilio(server).calls.create(to="sip:bob@127.0.0.1", from_="+1"), 400, 21205),
    ):
        with pytest.raises(TwilioRestException) as refused:
            await asyncio.to_thread(action)
        assert (refused.value.status, refused.value.code) == (status, code)


async def test_events_cover_the_whole_call(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """`Calls/{sid}/Events`: SIP messages and HTTP exchanges of the call, in order, those after its end included."""
    alice = await phone("alice")
    webhook["voice"] = response("<Reject/>")
    await (await alice.invite(server.uri)).ended()
    sid = (await webhook.next("voice"))["CallSid"]
    await server.node.final(sid)
    kinds, firsts = await _reported(server, sid)
    async with asyncio.timeout(WAIT_S):
        while firsts[-1] != "ACK":  # it may still be on its way
            await asyncio.sleep(0.05)
            kinds, firsts = await _reported(server, sid)
    assert "http" in kinds
    assert firsts == ["INVITE", "100", "603", "ACK"]


async def _reported(server: Server, sid: str) -> tuple[set[str], list[str]]:
    """The kinds of a call's events so far; of its SIP messages the method or the status."""
    status, page = await server.node.rest("GET", f"Calls/{sid}/Events.json")
    assert status == 200
    words = [each["data"]["message"].split() for each in page["events"] if each["kind"] == "sip"]
    firsts = [second if first == "SIP/2.0" else first for first, second, *_ in words]
    return {each["kind"] for each in page["events"]}, firsts


async def test_a_call_to_a_domain(server: Server, webhook: Webhook) -> None:
    """Whatever its user; and Twilio's library reads what the resources answer."""
    client = _twilio(server)
    webhook["domain"] = response("<Hangup/>")

    def make() -> None:
        domain = client.sip.domains.create(domain_name="acme.example", voice_url=webhook.url("domain"))
        users = client.sip.credential_lists.create(friendly_name="phones")
        client.sip.credential_lists(users.sid).credentials.create(username="anna", password="Correct horse 1")
        mapped = client.sip.domains(domain.sid).auth.calls.credential_list_mappings.create(users.sid)
        assert mapped.sid == users.sid
        (shown,) = client.sip.domains(domain.sid).credential_list_mappings.list()
        assert shown.friendly_name == "phones"
        places = client.sip.ip_access_control_lists.create("places")
        client.sip.ip_access_control_lists(places.sid).ip_addresses.create("here", "192.0.2.9")
        client.sip.domains(domain.sid).ip_access_control_list_mappings.create(places.sid)

    await asyncio.to_thread(make)
    async with RawPhone("keys") as caller, RtpPeer() as rtp:
        call = caller.invite("sip:anyone@ACME.example", server.node.sip_address, body=sdp(rtp.port))
        await call.gets("INVITE", 603)
        request = await webhook.next("domain")
        assert (request["SipDomain"], request["To"]) == ("ACME.example", "sip:anyone@ACME.example")
