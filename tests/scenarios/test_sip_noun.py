"""The vendor's page of the `<Sip>` noun, section by section, each test quoting the sentence that it proves."""

import asyncio
import re
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.scenarios.conftest import PhoneFactory, Server
from tests.scenarios.harness import sipp_scenarios
from tests.scenarios.harness.application import Answer, Webhook, response
from tests.scenarios.harness.raw_phone import RawPhone
from tests.scenarios.harness.sipp import Sipp


async def _notes(server: Server, call_sid: str) -> list[str]:
    status, page = await server.node.rest("GET", f"Calls/{call_sid}/Notifications.json")
    assert status == 200, page
    return [str(each["message_text"]) for each in page["notifications"]]


# ---- statusCallbackEvent


async def test_only_completed_is_sent_by_default(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """ "If a statusCallback is provided and no status callback events are specified the completed event will be sent
    by default." """
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(f'<Dial><Sip statusCallback="status">{bob.uri}</Sip></Dial>')
    webhook["status"] = ""
    call = await alice.invite(server.uri)
    ringing = await bob.next_call()
    await ringing.ring()
    await ringing.answer()
    await call.answered()
    await call.hang_up()
    completed = await webhook.next("status")
    assert completed.method == "POST"
    assert (completed["CallStatus"], completed["SequenceNumber"]) == ("completed", "0")
    await webhook.never("status", within=0.3)


@pytest.mark.parametrize("separator", [",", " ", ", "])
async def test_events_are_separated_by_commas_or_spaces(
    server: Server, phone: PhoneFactory, webhook: Webhook, separator: str
) -> None:
    """ "To specify multiple events separate them with a comma" (the product takes spaces too); only those named come,
    without a gap in their numbers."""
    alice, bob = await phone("alice"), await phone("bob")
    events = separator.join(["ringing", "completed"])
    webhook["voice"] = response(
        f'<Dial><Sip statusCallback="status" statusCallbackEvent="{events}">{bob.uri}</Sip></Dial>'
    )
    webhook["status"] = ""
    await alice.invite(server.uri)
    ringing = await bob.next_call()
    await ringing.ring()
    await ringing.refuse(486)
    got = [await webhook.next("status") for _ in range(2)]
    assert [(each["CallStatus"], each["SequenceNumber"]) for each in got] == [("ringing", "0"), ("busy", "1")]


async def test_status_callback_parameters_to_the_letter(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """ "The parameters [...] include all parameters passed in a synchronous request to retrieve RCML"; the additional
    ones; `statusCallbackMethod` GET."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(
        '<Dial><Sip statusCallback="status" statusCallbackMethod="GET" '
        f'statusCallbackEvent="initiated,ringing,answered,completed">{bob.uri}</Sip></Dial>'
    )
    webhook["status"] = ""
    call = await alice.invite(server.uri)
    voice = await webhook.next("voice")
    ringing = await bob.next_call()
    await ringing.ring()
    await ringing.answer()
    await call.answered()
    await asyncio.sleep(1.1)
    await ringing.hang_up()
    got = [await webhook.next("status") for _ in range(4)]
    assert [each["CallStatus"] for each in got] == ["initiated", "ringing", "in-progress", "completed"]
    for number, each in enumerate(got):
        assert each.method == "GET"
        assert each["AccountSid"] == server.node.account_sid
        assert each["ParentCallSid"] == voice["CallSid"]
        assert each["From"] == voice["From"]
        assert each["To"] == "sip:bob@127.0.0.1"
        assert each["Direction"] == "outbound-dial"
        assert each["ApiVersion"] == voice["ApiVersion"]
        assert each["CallbackSource"] == "call-progress-events"
        assert each["SequenceNumber"] == str(number)
        assert re.fullmatch(
            r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d \+0000", each["Timestamp"]
        )
        assert abs(parsedate_to_datetime(each["Timestamp"]).timestamp() - each.at) < 3
        assert "null" not in each.parameters.values()
    assert got[3]["CallDuration"] in {"1", "2"}
    assert got[3]["SipResponseCode"] == "200"


async def test_a_failed_delivery_is_tried_again_in_order(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """The first callback fails twice: the second waits its turn; each attempt bears the same event id."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(
        f'<Dial><Sip statusCallback="status" statusCallbackEvent="initiated completed">{bob.uri}</Sip></Dial>'
    )
    webhook["status"] = [Answer(status=500), Answer(status=503), Answer()]
    await alice.invite(server.uri)
    await (await bob.next_call()).refuse(486)
    got = [await webhook.next("status", timeout=20) for _ in range(4)]
    assert [each["CallStatus"] for each in got] == ["initiated", "initiated", "initiated", "busy"]
    identifiers = [each.headers["X-CallAPI-Event-Id"] for each in got]
    assert len(set(identifiers[:3])) == 1
    assert identifiers[3] != identifiers[0]


async def test_the_call_never_waits_for_a_callback(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """The status application takes five seconds: the phones are joined long before."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(
        f'<Dial><Sip statusCallback="status" statusCallbackEvent="initiated answered">{bob.uri}</Sip></Dial>'
    )
    webhook["status"] = Answer(delay=5)
    call = await alice.invite(server.uri)
    ringing = await bob.next_call(2)
    await ringing.answer(say=660)
    assert await call.hears(660, timeout=3)
    await call.hang_up()


# ---- Custom headers. "send custom headers by appending them to the SIP URI"


async def test_custom_headers(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """`?name=value&other=value`: percent-decoded, X- put before what has none, the known ones left as they are."""
    alice, bob = await phone("alice"), await phone("bob")
    pairs = ["mycustomheader=foo", "X-Other=b%20a%26r", "User-to-User=00ff%3Bencoding%3Dhex"]
    known = {
        "Remote-Party-ID": "<sip:alice@example.com>;party=calling",
        "P-Preferred-Identity": "<sip:alice@example.com>",
        "P-Asserted-Identity": "<tel:+15550100>",
        "P-Called-Party-ID": "<sip:bob@example.com>",
    }
    pairs += [f"{name}={quote(value)}" for name, value in known.items()]
    query = "&amp;".join([*pairs, "Diversion=%3Csip%3Aeve%40host%3E"])
    webhook["voice"] = response(f"<Dial><Sip>{bob.uri}?{query}</Sip></Dial>")
    await alice.invite(server.uri)
    invite = (await bob.next_call()).invite
    assert invite["X-mycustomheader"] == "foo"
    assert invite["mycustomheader"] is None
    assert invite["X-Other"] == "b a&r"
    assert invite["User-to-User"] == "00ff;encoding=hex"
    assert invite["Diversion"] == "<sip:eve@host>"
    assert {name: invite[name] for name in known} == known
    assert "?" not in invite.request_uri
    assert "?" not in (invite["To"] or "")


async def test_headers_as_found_in_the_wild(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """No value, a name twice, an escaped name, bytes beyond ASCII; none takes the place of the protocol's own."""
    alice, bob = await phone("alice"), await phone("bob")
    pairs = [
        "X-Empty",
        "X-Twice=1",
        "X-Twice=2",
        "X%2DName=z",
        "X-Far=%C3%BC",
        "Via=v",
        "Call-ID=c",
        "x-low=l",
    ]
    webhook["voice"] = response(f"<Dial><Sip>\n  {bob.uri}?{'&amp;'.join(pairs)}\n</Sip></Dial>")
    await alice.invite(server.uri)
    invite = (await bob.next_call()).invite
    assert invite["X-Empty"] == ""
    assert invite.all("X-Twice") == ["1", "2"]
    assert (invite["X-Name"], invite["X-Far"], invite["x-low"]) == ("z", "ü", "l")
    assert (invite["X-Via"], invite["X-Call-ID"]) == ("v", "c")
    assert len(invite.all("Via")) == len(invite.all("Call-ID")) == 1
    assert invite["Call-ID"] != "c"


async def test_the_example_of_the_page_with_a_bare_ampersand(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """The page's example writes `&` where XML wants `&amp;`: it runs as typed."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(f"<Dial><Sip>{bob.uri}?mycustomheader=foo&myotherheader=bar</Sip></Dial>")
    await alice.invite(server.uri)
    invite = (await bob.next_call()).invite
    assert (invite["X-mycustomheader"], invite["X-myotherheader"]) == ("foo", "bar")


@pytest.mark.parametrize("query", ["a%0D%0AX-Evil=1", "X-Fine=a%0D%0AX-Evil%3A%201", "na%20me=x"])
async def test_headers_that_would_break_the_message_fail_the_leg(
    server: Server, phone: PhoneFactory, webhook: Webhook, query: str
) -> None:
    """A name that is not a token or a value with a control character: no INVITE, `failed`, a notification."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(f'<Dial action="after"><Sip>{bob.uri}?{query}</Sip></Dial>')
    webhook["after"] = response("<Hangup/>")
    await alice.invite(server.uri)
    after = await webhook.next("after")
    assert after["DialCallStatus"] == "failed"
    assert not bob.was_called()
    assert await _notes(server, after["CallSid"])


# ---- Character limit. "While the SIP URI itself must be under 255 chars, the headers must be under 1024 characters."


async def test_limits_are_enforced_and_named(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """At 254 and 1023 it rings; one more: no INVITE, `failed`, and a notification says which limit and by how much."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["after"] = response("<Hangup/>")
    stem = f"sip:bob@{bob.udp_address}"
    longest = f"sip:{'b' * (254 - len(stem) + 3)}@{bob.udp_address}"
    assert len(longest) == 254
    headers = "X-H=" + "h" * (1023 - 4)
    for uri, is_good, word in (
        (longest, True, ""),
        (longest.replace("sip:b", "sip:bb", 1), False, "255"),
        (f"{stem}?{headers}", True, ""),
        (f"{stem}?{headers}h", False, "1024"),
    ):
        webhook["voice"] = response(f'<Dial action="after"><Sip>{uri}</Sip></Dial>')
        call = await alice.invite(server.uri)
        if is_good:
            await (await bob.next_call()).refuse(486)
        after = await webhook.next("after")
        assert after["DialCallStatus"] == ("busy" if is_good else "failed")
        await call.ended()
        notes = await _notes(server, after["CallSid"])
        assert bool(notes) is not is_good
        assert all(word in each for each in notes)
    assert not bob.was_called()


# ---- Transport. "Set a parameter on your SIP URI to specify what transport protocol you want to use."


async def test_udp_unless_the_uri_says_otherwise(
    server: Server, phone: PhoneFactory, webhook: Webhook, sipp: Path
) -> None:
    """ "By default, CallAPI sends your SIP INVITE over UDP. Change this by using the transport parameter" """
    alice = await phone("alice")
    for transport in ("udp", "tcp"):
        async with Sipp(sipp, sipp_scenarios.answering(), transport=transport) as uas:
            uri = f"sip:sipp@127.0.0.1:{uas.port}" + (";transport=tcp" if transport == "tcp" else "")
            webhook["voice"] = response(f"<Dial><Sip>{uri}</Sip></Dial>")
            call = await alice.invite(server.uri)
            await call.answered()
            await asyncio.sleep(0.3)
            await call.hang_up()
            await uas.done()
            [invite] = uas.received("INVITE")
            assert (invite["Via"] or "").startswith(f"SIP/2.0/{transport.upper()}")


async def test_an_unknown_transport_fails_the_leg(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """`;transport=sctp`: `failed`, and a notification."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(f'<Dial action="after"><Sip>{bob.uri};transport=sctp</Sip></Dial>')
    webhook["after"] = response("<Hangup/>")
    await alice.invite(server.uri)
    after = await webhook.next("after")
    assert after["DialCallStatus"] == "failed"
    assert await _notes(server, after["CallSid"])


# ---- Authentication. "Send username and password attributes": test_digest.py


# ---- "name"


@pytest.mark.parametrize("content", ['<Video enable="true"/>', "", "overlooked"])
async def test_the_uri_may_stand_in_name(
    server: Server, phone: PhoneFactory, webhook: Webhook, content: str
) -> None:
    """ "Sip URI (name) with <Video> noun nesting." Without one it is still read, and before a text."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = response(f'<Dial><Sip name="{bob.uri}">{content}</Sip></Dial>')
    call = await alice.invite(server.uri)
    await (await bob.next_call()).answer(say=660)
    assert await call.hears(660)


# ---- "Dial Action HTTP parameters"


async def test_dial_action_parameters(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """ "DialSipHeader_: The name/value of any X-headers returned in the final response to the SIP INVITE request." """
    alice = await phone("alice")
    async with RawPhone("eve") as eve:
        webhook["voice"] = response(f'<Dial action="after"><Sip>{eve.uri}</Sip></Dial>')
        webhook["after"] = response("<Hangup/>")
        await alice.invite(server.uri)
        ringing = await eve.next_call()
        ringing.respond(ringing.invite, 180, [("X-Early", "no")])
        ringing.refuse(480, [("X-Reason", "at lunch"), ("X-Back", "14:00")])
        after = await webhook.next("after")
    assert after["DialSipCallId"] == ringing.invite["Call-ID"]
    assert after["DialSipResponseCode"] == "480"
    assert after["DialSipHeader_X-Reason"] == "at lunch"
    assert after["DialSipHeader_X-Back"] == "14:00"
    assert "DialSipHeader_X-Early" not in after


# ---- "A more complex Dial, specifying custom settings as attributes on Dial, including call screening and setting the
# ---- protocol to TCP."


async def test_the_complex_dial_of_the_page(server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """As it would be typed: over several lines, a bare `&`, every URL relative."""
    alice, bob = await phone("alice"), await phone("bob")
    webhook["voice"] = f"""<?xml version="1.0" encoding="UTF-8"?>
<Response>
  <Dial
    record="true"
    timeout="10"
    hangupOnStar="true"
    callerId="alpha.office"
    method="GET"
    action="handle_post_dial">
      <Sip
        method="GET"
        url="handle_screening_on_answer">
          {bob.tcp_uri}?mycustomheader=foo&myotherheader=bar
      </Sip>
  </Dial>
</Response>"""
    webhook["handle_screening_on_answer"] = response('<Gather numDigits="1" action="key"/>', "<Hangup/>")
    webhook["key"] = lambda request: response() if request["Digits"] == "1" else response("<Hangup/>")
    webhook["handle_post_dial"] = response("<Hangup/>")
    call = await alice.invite(server.uri, say=440)
    ringing = await bob.next_call()
    assert (ringing.invite["Via"] or "").startswith("SIP/2.0/TCP")
    assert (ringing.invite["X-mycustomheader"], ringing.invite["X-myotherheader"]) == ("foo", "bar")
    assert ringing.invite.uri("From").startswith("sip:alpha.office@")
    await ringing.answer(say=660)
    assert (await webhook.next("handle_screening_on_answer")).method == "GET"
    await ringing.press("1")
    assert await call.hears(660)
    await call.press("*")
    assert await ringing.ended() == 200
    after = await webhook.next("handle_post_dial")
    assert (after.method, after["DialCallStatus"], after["DialBridged"]) == ("GET", "completed", "true")
    assert after["RecordingUrl"].endswith(after["RecordingSid"])
    assert await call.ended() == 200
