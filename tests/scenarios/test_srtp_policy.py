"""Who is encrypted and who is refused: `media.srtp`, trunks, `<Sip srtp>`, `;secure=true`; what is shown of keys."""

from typing import Any

import pytest

from tests.scenarios.conftest import NodeFactory, PhoneFactory
from tests.scenarios.harness.application import response
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.phone import Phone
from tests.scenarios.harness.raw_phone import RawPhone
from tests.scenarios.harness.wire import SipMessage
from tests.sip.transport.certificates import Authority

KEY = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
CRYPTO = f"a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20"
UNKNOWN = "a=crypto:1 F8_128_HMAC_SHA1_80 inline:WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz"
SAVP, AVP = "RTP/SAVP", "RTP/AVP"


def offer(profile: str, *lines: str) -> str:
    """A phone's description, with G.711 at a closed port."""
    head = ("v=0", "o=raw 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0")
    return "\r\n".join((*head, f"m=audio 9 {profile} 0", *lines, ""))


async def final(node: Node, profile: str, *lines: str) -> SipMessage:
    """The final response to an INVITE with this offer; a call that was taken is hung up."""
    async with RawPhone("eve") as eve:
        call = eve.invite(node.uri("1"), ("127.0.0.1", node.sip_port), body=offer(profile, *lines))
        answer = await call.gets_final("INVITE")
        call.request("ACK")
        if answer.status == 200:
            call.request("BYE")
            await call.gets("BYE", 200)
        return answer


IN_KIND = "m=audio PORT {} 0"
OFFERS = {
    "optional": [
        (SAVP, [CRYPTO], 200, IN_KIND.format(SAVP)),
        (AVP, [CRYPTO], 200, IN_KIND.format(AVP)),
        (SAVP, [UNKNOWN], 488, "302"),
        (SAVP, [], 488, "302"),
    ],
    "required": [(SAVP, [CRYPTO], 200, IN_KIND.format(SAVP)), (AVP, [], 488, "399")],
    "off": [(SAVP, [CRYPTO], 488, "302")],
}


@pytest.mark.parametrize("policy", OFFERS)
async def test_an_offer_is_answered_by_policy(kept_node: NodeFactory, policy: str) -> None:
    """In kind, or 488 with the reason in a Warning."""
    node, webhook = await kept_node(media={"srtp": policy})
    webhook["voice"] = response("<Play>x</Play>")
    for profile, lines, status, said in OFFERS[policy]:
        answer = await final(node, profile, *lines)
        assert answer.status == status, (profile, lines)
        if status == 488:
            assert (answer["Warning"] or "").startswith(said)
            continue
        port = answer.body.split("m=audio ")[1].split()[0]
        assert said.replace("PORT", port) in answer.body
        assert "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" in answer.body
        assert KEY not in answer.body


async def test_off_answers_keys_with_plain(kept_node: NodeFactory) -> None:
    """The keys beside AVP are overlooked, and the record says `none`."""
    node, webhook = await kept_node(media={"srtp": "off"})
    webhook["voice"] = response("<Play>x</Play>")
    answer = await final(node, AVP, CRYPTO)
    assert (answer.status, "a=crypto" in answer.body) == (200, False)
    record = await node.call((await webhook.next("voice"))["CallSid"])
    assert record["srtp"] == "none"


async def test_keys_that_came_unencrypted_are_not_taken(new_node: NodeFactory) -> None:
    """From a gateway outside the trusted networks, by UDP: SAVP gets 488, AVP stays plain with a warning."""
    node, webhook = await new_node(sip={"trusted_networks": ["192.0.2.0/24"]})
    webhook["voice"] = response("<Play>x</Play>")
    status, trunk = await node.rest("POST", "Trunks.json", SipUri="sip:127.0.0.1:9")
    assert status == 201, trunk
    refused = await final(node, SAVP, CRYPTO)
    assert (refused.status, (refused["Warning"] or "")[:3]) == (488, "302")
    answer = await final(node, AVP, CRYPTO)
    assert (answer.status, "a=crypto" in answer.body) == (200, False)
    sid = (await webhook.next("voice"))["CallSid"]
    _, notes = await node.rest("GET", f"Calls/{sid}/Notifications.json")
    assert [(each["error_code"], each["log"]) for each in notes["notifications"]][-1] == ("60060", "1")


async def test_a_trunk_has_a_policy_of_its_own(new_node: NodeFactory) -> None:
    """What comes from its gateway must be encrypted, although the node says `off`; what goes there is offered so."""
    node, webhook = await new_node(media={"srtp": "off"})
    async with RawPhone("gateway") as gateway:
        status, trunk = await node.rest(
            "POST", "Trunks.json", SipUri=f"sip:127.0.0.1:{gateway.port}", Srtp="required"
        )
        assert (status, trunk["srtp"]) == (201, "required")
        assert (await final(node, AVP)).status == 488
        webhook["voice"] = response("<Dial><Number>+15550100</Number></Dial>")
        async with RawPhone("eve") as eve:
            call = eve.invite(node.uri("1"), ("127.0.0.1", node.sip_port), body=offer(SAVP, CRYPTO))
            await call.gets("INVITE", 200)
            call.request("ACK")
            ringing = await gateway.next_call()
            assert f" {SAVP} " in ringing.invite.body
            ringing.refuse(486)
            await call.gets("BYE")
    status, bad = await node.rest("POST", "Trunks.json", SipUri="sip:192.0.2.1", Srtp="maybe")
    assert status == 400, bad


async def test_a_plain_answer_to_savp_fails_the_leg(kept_node: NodeFactory, phone: PhoneFactory) -> None:
    """ACK, BYE with the reason; the action says `failed`."""
    node, webhook = await kept_node()
    alice = await phone("alice")
    async with RawPhone("bob") as bob:
        webhook["voice"] = response(f'<Dial action="after"><Sip srtp="required">{bob.uri}</Sip></Dial>')
        webhook["after"] = response("<Hangup/>")
        await alice.invite(node.uri("1"))
        ringing = await bob.next_call()
        assert f" {SAVP} " in ringing.invite.body
        ringing.answer()
        await ringing.gets("ACK")
        bye = await ringing.gets("BYE")
        assert "488" in (bye["Reason"] or "")
    after = await webhook.next("after")
    assert after["DialCallStatus"] == "failed"
    assert "DialSrtp" not in after.parameters
    _, page = await node.rest("GET", "Calls.json", ParentCallSid=after["CallSid"])
    assert page["calls"][0]["status"] == "failed"


async def test_keys_are_shown_nowhere(kept_node: NodeFactory, phone: PhoneFactory) -> None:
    """Neither in the events of the call, nor in the log."""
    node, webhook = await kept_node(media={"srtp": "required"})
    webhook["voice"] = response("<Play>x</Play>")
    answer = await final(node, SAVP, CRYPTO)
    ours = answer.body.split("inline:")[1].split()[0]
    sid = (await webhook.next("voice"))["CallSid"]
    status, events = await node.rest("GET", f"Calls/{sid}/Events.json")
    assert status == 200
    shown = str(events)
    assert shown.count("inline:****") >= 2
    for key in (KEY, ours):
        assert key not in shown
        assert key not in (node.folder / "node.log").read_text()


async def test_secure_true_means_tls_and_srtp(
    new_node: NodeFactory, phone: PhoneFactory, tmp_path: Any
) -> None:
    """The parameter is not sent; a phone without TLS is not called, one without SRTP fails."""
    authority = Authority(tmp_path)
    files = authority.issue("127.0.0.1")
    node, webhook = await new_node(sip={"tls_ca": str(files.ca)})
    alice = await phone("alice")
    config = {
        "certificate": str(files.certificate),
        "private_key": str(files.private_key),
        "ca": str(files.ca),
    }
    webhook["after"] = response("<Hangup/>")
    for srtp, status in (("required", "completed"), ("off", "failed")):
        folder = tmp_path / srtp
        folder.mkdir()
        async with Phone("bob", folder, srtp=srtp, **config) as bob:
            uri = f"sip:bob@{bob.tls_address};secure=true"
            webhook["voice"] = response(f'<Dial action="after"><Sip>{uri}</Sip></Dial>')
            call = await alice.invite(node.uri("1"), say=440)
            if status == "completed":
                ringing = await bob.next_call()
                assert "secure" not in ringing.invite.request_uri
                assert "transport=tls" in ringing.invite.request_uri
                await ringing.answer(say=660)
                await call.answered()
                assert await call.hears(660)
                assert await ringing.hears(440)
                await ringing.hang_up()
            after = await webhook.next("after")
            assert after["DialCallStatus"] == status
            assert after.parameters.get("DialSrtp") == ("sdes" if status == "completed" else None)


async def test_hold_and_resume_with_new_keys(
    kept_node: NodeFactory, phone: PhoneFactory, tmp_path: Any
) -> None:
    """A re-INVITE of a phone that makes new keys each time is followed; ours stays the same."""
    node, webhook = await kept_node()
    bob = await phone("bob")
    webhook["voice"] = response(f"<Dial><Sip>{bob.uri}</Sip></Dial>")
    async with Phone("carol", tmp_path, srtp="required") as carol:
        call = await carol.invite(node.uri("1"), say=440)
        ringing = await bob.next_call()
        await ringing.answer(say=660)
        await call.answered()
        assert await call.hears(660)
        await call.hold()
        assert await ringing.hears_nothing()
        await call.resume()
        assert await ringing.hears(440)
        assert await call.hears(660)
        keys = {
            each.body.split("inline:")[1].split()[0]
            for each in call.received
            if each.status == 200 and "inline:" in each.body
        }
        assert len(keys) == 1
