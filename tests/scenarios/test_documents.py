"""What the application may answer, how it is asked, and what happens when it does not answer as it should."""

import base64
import hashlib
import hmac
import re

import pytest
from twilio.request_validator import RequestValidator
from twilio.twiml.voice_response import Dial, VoiceResponse

from tests.scenarios.conftest import NodeFactory, PhoneFactory, Server
from tests.scenarios.harness.application import Answer, Request, Webhook, response
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.ports import free_port


async def _notifications(server: Server, call_sid: str) -> list[dict[str, object]]:
    status, page = await server.node.rest("GET", f"Calls/{call_sid}/Notifications.json")
    assert status == 200, page
    return list(page["notifications"])


async def test_a_document_of_twilios_library_runs_unchanged(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """`VoiceResponse().dial(...).sip(...)`, as the helper library writes it."""
    alice, bob = await phone("alice"), await phone("bob")
    document = VoiceResponse()
    dial = Dial(action="after", timeout=10, caller_id="+15550100")
    dial.sip(bob.uri, status_callback="status", status_callback_event="initiated ringing answered completed")
    document.append(dial)
    webhook["voice"] = str(document)
    webhook["after"] = str(VoiceResponse())
    webhook["status"] = ""
    call = await alice.invite(server.uri)
    ringing = await bob.next_call()
    assert ringing.invite.uri("From").startswith("sip:+15550100@")
    await ringing.ring()
    await ringing.answer()
    await call.answered()
    await ringing.hang_up()
    assert (await webhook.next("after"))["DialCallStatus"] == "completed"
    statuses = [(await webhook.next("status"))["CallStatus"] for _ in range(4)]
    assert statuses == ["initiated", "ringing", "in-progress", "completed"]
    assert await call.ended() == 200


async def test_requests_are_signed(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """Twilio's own validator accepts X-Twilio-Signature; X-CallAPI-Signature covers time, URL and body."""
    alice = await phone("alice")
    webhook["voice"] = response("<Reject/>")
    await (await alice.invite(server.uri)).ended()
    voice = await webhook.next("voice")
    token = server.node.auth_token
    assert RequestValidator(token).validate(
        voice.url, dict(voice.parameters), voice.headers["X-Twilio-Signature"]
    )
    assert not RequestValidator("other").validate(
        voice.url, dict(voice.parameters), voice.headers["X-Twilio-Signature"]
    )
    match = re.fullmatch(r"t=(\d+),v1=([0-9a-f]{64})", voice.headers["X-CallAPI-Signature"])
    assert match
    stamp, signature = match.groups()
    assert abs(int(stamp) - voice.at) < 5
    signed = f"{stamp}.{voice.url}.{voice.body}".encode()
    assert hmac.new(token.encode(), signed, hashlib.sha256).hexdigest() == signature


async def test_relative_urls_follow_a_redirect(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """The document came from another folder by HTTP redirect: `action` is resolved there."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = Answer(status=307, headers={"Location": "deep/er/voice"})
    webhook["deep/er/voice"] = response(f'<Dial action="after?x=1"><Sip>{bob.uri}</Sip></Dial>')
    webhook["deep/er/after"] = response()
    await alice.invite(server.uri)
    ringing = await bob.next_call()
    assert (await webhook.next("deep/er/voice")).method == "POST"
    await ringing.refuse(486)
    after = await webhook.next("deep/er/after")
    assert after["x"] == "1"
    assert after["DialCallStatus"] == "busy"


async def test_get_puts_the_parameters_into_the_query(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """`method="GET"` on the action."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(f'<Dial action="after?keep=1" method="GET"><Sip>{bob.uri}</Sip></Dial>')
    webhook["after"] = response()
    await alice.invite(server.uri)
    await (await bob.next_call()).refuse(603)
    after = await webhook.next("after")
    assert after.method == "GET"
    assert after.body == ""
    assert (after["keep"], after["DialCallStatus"]) == ("1", "busy")


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer(status=500, body="oops"), "11200"),
        (Answer(status=404), "11200"),
        (Answer(body="<Response><Dial></Response>"), "12100"),
        (Answer(body="<Response><Dance/></Response>"), "12200"),
        (Answer(body="{}", content_type="application/json"), "12300"),
    ],
)
async def test_the_fallback_is_asked(
    fallback_node: tuple[Node, Webhook], phone: PhoneFactory, answer: Answer, code: str
) -> None:
    """4xx, 5xx, bad XML, an unknown verb, a wrong type: the fallback URL gets ErrorCode and ErrorUrl, and decides."""
    alice = await phone("alice")
    node, webhook = fallback_node
    webhook["voice"] = answer
    webhook["fallback"] = response('<Reject reason="busy"/>')
    call = await alice.invite(node.uri("1"))
    fallback = await webhook.next("fallback")
    assert fallback["ErrorCode"] == code
    assert fallback["ErrorUrl"] == webhook.url("voice")
    assert fallback["CallSid"] == (await webhook.next("voice"))["CallSid"]
    assert await call.ended() == 486


async def test_a_document_without_fallback_ends_the_call(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """Not answered yet: 500. A notification names the code, the line, what was asked and what came."""
    alice = await phone("alice")
    webhook["voice"] = "<Response>\n  <Dail>sip:bob@127.0.0.1</Dail>\n</Response>"
    call = await alice.invite(server.uri)
    assert await call.ended() == 500
    [note] = await _notifications(server, (await webhook.next("voice"))["CallSid"])
    assert note["error_code"] == "12200"
    assert "Dail" in str(note["message_text"])
    assert note["request_url"] == webhook.url("voice")
    assert "<Dail>" in str(note["response_body"])


async def test_an_answered_call_is_hung_up_when_its_action_fails(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """Answered already: BYE."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(f'<Dial action="after"><Sip>{bob.uri}</Sip></Dial>')
    webhook["after"] = Answer(status=500)
    call = await alice.invite(server.uri)
    await (await bob.next_call()).refuse(486)
    await call.answered()
    assert await call.ended() == 200


async def test_an_application_that_is_down(new_node: NodeFactory, phone: PhoneFactory) -> None:
    """The port of the voice URL is closed: the call never hangs."""
    alice = await phone("alice")
    node, _ = await new_node(number={"voice_url": f"http://127.0.0.1:{free_port()}/voice"})
    call = await alice.invite(node.uri("1"))
    assert await call.ended(5) == 500


async def test_an_application_that_is_slow(new_node: NodeFactory, phone: PhoneFactory) -> None:
    """`webhooks.timeout_s` is kept, and the call ends."""
    alice = await phone("alice")
    node, webhook = await new_node(webhooks={"timeout_s": 1})
    webhook["voice"] = Answer(response("<Hangup/>"), delay=4)
    call = await alice.invite(node.uri("1"))
    assert await call.ended(3) == 500


async def test_private_networks_can_be_forbidden(new_node: NodeFactory, phone: PhoneFactory) -> None:
    """`allow_private_networks = false`: not a byte goes to 127.0.0.1."""
    alice = await phone("alice")
    node, webhook = await new_node(webhooks={"allow_private_networks": False})
    call = await alice.invite(node.uri("1"))
    assert await call.ended() == 500
    assert webhook.requests == []


async def test_an_empty_answer_is_an_empty_document(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """204 without a body: the call ends."""
    alice = await phone("alice")
    webhook["voice"] = Answer(status=204)
    call = await alice.invite(server.uri)
    assert await call.ended() >= 400
    assert not call.answered_at


async def test_pause_redirect_and_reject_do_not_answer(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """The caller is answered by the first verb that plays or listens, not before."""
    alice = await phone("alice")
    webhook["voice"] = response('<Pause length="1"/>', "<Redirect>second</Redirect>")
    webhook["second"] = response('<Reject reason="busy"/>')
    call = await alice.invite(server.uri)
    assert await call.ended() == 486
    assert not call.answered_at
    first, second = await webhook.next("voice"), await webhook.next("second")
    assert 0.9 <= second.at - first.at <= 2.0
    assert second["CallStatus"] == "ringing"


async def test_redirects_without_end(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """At most 100 redirects in a row without media; then the call ends."""
    alice = await phone("alice")
    webhook["voice"] = response("<Redirect>voice</Redirect>")
    call = await alice.invite(server.uri)
    assert await call.ended(20) == 500
    assert 100 <= len(webhook.all("voice")) <= 102


async def test_the_application_may_need_a_password(new_node: NodeFactory, phone: PhoneFactory) -> None:
    """`http://user:password@host/` becomes an Authorization header."""
    alice = await phone("alice")
    _, webhook = await new_node()
    secret = webhook.url("voice").replace("http://", "http://joe:s3cret@")
    node, _ = await new_node(number={"voice_url": secret})
    webhook["voice"] = response("<Reject/>")
    await (await alice.invite(node.uri("1"))).ended()
    voice: Request = await webhook.next("voice")
    assert voice.headers["Authorization"] == "Basic " + base64.b64encode(b"joe:s3cret").decode()
