"""How a conversation ends, and what the application and the records say of it."""

import re
from email.utils import parsedate_to_datetime

from tests.scenarios.conftest import PhoneFactory, Server
from tests.scenarios.harness.application import Webhook, response


async def test_callee_hangup_returns_to_action(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """The callee's BYE leads to the action URL, with everything there is to know; its document goes on."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(f'<Dial action="after"><Sip>{bob.uri}</Sip></Dial>')
    webhook["after"] = response("<Hangup/>")

    call = await alice.invite(server.uri, say=440, headers=[("X-Account", "42")])
    voice = await webhook.next("voice")
    ringing = await bob.next_call()
    await ringing.ring()
    await ringing.answer(say=660, headers=[("X-Agent", "seven")])
    assert await ringing.hears(440, seconds=1.2)
    await ringing.hang_up()

    after = await webhook.next("after")
    assert after.method == "POST"
    assert after["CallSid"] == voice["CallSid"]
    assert after["CallStatus"] == "in-progress"
    assert after["DialCallStatus"] == "completed"
    assert after["DialBridged"] == "true"
    assert 1 <= int(after["DialCallDuration"]) <= 4
    assert after["DialSipCallId"] == ringing.sip_call_id
    assert after["DialSipResponseCode"] == "200"
    assert after["DialSipHeader_X-Agent"] == "seven"
    assert re.fullmatch(r"CA[0-9a-f]{32}", after["DialCallSid"])
    assert after["DialCallSid"] != voice["CallSid"]
    assert "null" not in after.parameters.values()
    assert await call.ended() == 200
    assert len(webhook.all("after")) == 1


async def test_voice_request_says_who_calls(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """product: the voice request of an inbound SIP call, parameter by parameter."""
    alice = await phone("alice")
    webhook["voice"] = response("<Reject/>")
    call = await alice.invite(server.uri, headers=[("X-Account", "42"), ("X-Note", "a b&c=ü")])
    voice = await webhook.next("voice")
    assert await call.ended() == 603
    assert voice.method == "POST"
    assert voice.headers["Content-Type"].startswith("application/x-www-form-urlencoded")
    assert re.fullmatch(r"CA[0-9a-f]{32}", voice["CallSid"])
    assert voice["AccountSid"] == server.node.account_sid
    assert voice["From"] == "sip:alice@127.0.0.1"
    assert voice["To"] == f"sip:{server.number}@127.0.0.1"
    assert voice["CallStatus"] == "ringing"
    assert voice["Direction"] == "inbound"
    assert voice["ApiVersion"]
    assert voice["SipCallId"] == call.sip_call_id
    assert voice["SipSourceIp"] == "127.0.0.1"
    assert voice["SipHeader_X-Account"] == "42"
    assert voice["SipHeader_X-Note"] == "a b&c=ü"
    for absent in ("CallerName", "ForwardedFrom", "ParentCallSid"):
        assert absent not in voice


async def test_without_action_the_next_verb_follows(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """No action: after the callee's BYE the document goes on with the next verb."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(f"<Dial><Sip>{bob.uri}</Sip></Dial>", "<Redirect>onward</Redirect>")
    webhook["onward"] = response()
    call = await alice.invite(server.uri)
    ringing = await bob.next_call()
    await ringing.answer()
    await call.answered()
    await ringing.hang_up()
    await webhook.next("onward")
    assert await call.ended() == 200


async def test_caller_hangup_ends_the_callee_and_the_records(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """The caller's BYE: the callee gets one, the action is requested once, its answer unused; records are final."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(
        f'<Dial action="after"><Sip statusCallback="status" '
        f'statusCallbackEvent="initiated ringing answered completed">{bob.uri}</Sip></Dial>',
        "<Redirect>never</Redirect>",
    )
    webhook["after"] = response("<Redirect>never</Redirect>")
    webhook["status"] = ""
    call = await alice.invite(server.uri, say=440)
    voice = await webhook.next("voice")
    ringing = await bob.next_call()
    await ringing.ring()
    await ringing.answer()
    assert await ringing.hears(440, seconds=1.0)
    await call.hang_up()
    assert await ringing.ended() == 200
    assert [each.method for each in ringing.received if each.is_request] == ["INVITE", "BYE"]

    after = await webhook.next("after")
    assert after["DialCallStatus"] == "completed"
    callbacks = [await webhook.next("status") for _ in range(4)]
    assert [each["CallStatus"] for each in callbacks] == ["initiated", "ringing", "in-progress", "completed"]
    assert [each["SequenceNumber"] for each in callbacks] == ["0", "1", "2", "3"]
    assert {each["CallSid"] for each in callbacks} == {after["DialCallSid"]}
    assert {each["ParentCallSid"] for each in callbacks} == {voice["CallSid"]}
    assert {each["CallbackSource"] for each in callbacks} == {"call-progress-events"}
    assert len({each.headers["X-CallAPI-Event-Id"] for each in callbacks}) == 4
    last = callbacks[-1]
    assert 1 <= int(last["CallDuration"]) <= 4
    assert last["SipResponseCode"] == "200"
    assert parsedate_to_datetime(last["Timestamp"]).tzinfo is not None
    assert last["Timestamp"].endswith("+0000")
    assert all("CallDuration" not in each for each in callbacks[:-1])

    parent, child = await server.node.final(voice["CallSid"]), await server.node.final(after["DialCallSid"])
    assert (parent["status"], child["status"]) == ("completed", "completed")
    assert child["parent_call_sid"] == parent["sid"]
    assert (parent["direction"], child["direction"]) == ("inbound", "outbound-dial")
    assert 1 <= int(child["duration"]) <= 4
    assert int(parent["duration"]) >= int(child["duration"])
    await webhook.never("never", within=0.3)
    assert len(webhook.all("after")) == 1


async def test_the_caller_gone_while_it_rang_cancels(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """The caller leaves before anybody answers: CANCEL, `canceled`, and the action is still requested once."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(f'<Dial action="after"><Sip statusCallback="status">{bob.uri}</Sip></Dial>')
    webhook["after"] = response()
    webhook["status"] = ""
    call = await alice.invite(server.uri)
    ringing = await bob.next_call()
    await ringing.ring()
    await call.hang_up()
    assert await ringing.ended() == 487
    after = await webhook.next("after")
    assert after["DialCallStatus"] == "canceled"
    assert after["DialBridged"] == "false"
    assert after["DialCallDuration"] == "0"
    completed = await webhook.next("status")
    assert completed["CallStatus"] == "canceled"
    assert completed["SequenceNumber"] == "0"
    assert (await server.node.final(completed["CallSid"]))["status"] == "canceled"


async def test_the_caller_hears_ringing_until_joined(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """While Bob's phone rings Alice hears the American ringing tone (440 and 480 Hz); once joined, Bob alone."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(f"<Dial><Sip>{bob.uri}</Sip></Dial>")
    call = await alice.invite(server.uri)
    ringing = await bob.next_call()
    await ringing.ring()
    assert await call.hears(440, 480, seconds=0.5)
    await ringing.answer(say=660)
    assert await call.hears(660, seconds=1.0)
