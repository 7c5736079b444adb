"""Routes, registrations and documents of the wild, on the wire."""

import re

import pytest

from tests.scenarios.conftest import Server
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.raw_phone import Address, RawCall, RawPhone, sdp
from tests.scenarios.harness.registering import Registrant
from tests.scenarios.harness.waiting import eventually
from tests.scenarios.test_keys import caller

PASSWORD = "correct horse"


async def test_routes_and_targets_are_written_as_they_came(server: Server, webhook: Webhook) -> None:
    """A strict router before a loose one, escapes and base64 in all three URIs. (JsSIP 909, freeswitch 2824)"""
    webhook["voice"] = response('<Gather timeout="1"/>', "<Hangup/>")
    async with RawPhone("router") as router, RawPhone("alice") as alice:
        strict = f"sip:router@{router.here};x=a%2Bb"
        loose = "<sip:127.0.0.1:9;lr;thinfo=VG8+/==>"
        target = f"sip:alice%3Bx@{alice.here};ob"
        headers = [("Record-Route", f"<{strict}>"), ("Record-Route", loose)]
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(RawPhone, "uri", target)
            call = alice.invite(server.uri, server.node.sip_address, body=sdp(), headers=headers)
        await call.gets("INVITE", 200)
        call.request("ACK")
        await eventually("the BYE", lambda: [each for _, _, each in router.seen if each.method == "BYE"])
        bye = router.seen[-1][2]
        RawCall(router, server.node.sip_address, bye).respond(bye, 200)
    assert bye.start == f"BYE {strict} SIP/2.0"
    assert [value for line in bye.all("Route") for value in line.split(", ")] == [loose, f"<{target}>"]


class Padded(RawPhone):
    """Sends line ends before each message, and two lengths that agree."""

    def _put(self, data: bytes, to: Address) -> None:
        super()._put(b"\r\n\r\n" + re.sub(rb"(Content-Length: \d+\r\n)", rb"\1\1", data), to)


async def test_line_ends_before_a_datagram_and_two_lengths(server: Server, webhook: Webhook) -> None:
    webhook["voice"] = response('<Reject reason="busy"/>')
    async with Padded("eve") as eve:
        call = eve.invite(server.uri, server.node.sip_address, body=sdp())
        assert (await call.gets_final("INVITE")).status == 486


async def test_a_device_that_starts_anew_has_one_binding(server: Server) -> None:
    """The same +sip.instance and reg-id with another Contact each time, a dozen times. (kamailio 278)"""
    login = f"device{server.number}"
    status, _ = await server.node.rest("POST", "Clients.json", Login=login, Password=PASSWORD)
    assert status == 201
    device = '+sip.instance="<urn:uuid:00000000-0000-1000-8000-000a95a0e128>";reg-id=1'
    async with RawPhone(login) as phone:
        registrant = Registrant(server.node, phone, PASSWORD)
        for port in range(7001, 7013):
            answer = await registrant.register(f"<sip:{login}@127.0.0.1:{port}>;{device}")
            assert answer.status == 200, answer.start
            assert re.findall(r"<sip:[^>]*:(\d+)>", " ".join(answer.all("Contact"))) == [str(port)]


async def test_a_document_of_a_template_with_holes(server: Server, webhook: Webhook) -> None:
    """Attributes left empty, a number with a point, an event that does not exist, a URI escaped twice."""
    webhook["voice"] = response(
        '<Gather action="got" method="" numDigits="" finishOnKey="#" timeout="3.0"><Pause length=""/></Gather>'
    )
    webhook["after"] = response("<Hangup/>")
    async with RawPhone("bob") as bob:
        noun = f"{bob.uri};x=1?X-A=1&amp;amp;X-B=2"
        webhook["got"] = response(
            f'<Dial action="after" timeout="" method=""><Sip statusCallback="state" '
            f'statusCallbackEvent="ringing bogus">\u200b{noun} </Sip></Dial>'
        )
        async with caller(server) as alice:
            await alice.press("rtp", "4")
            await alice.press("rtp", "#")
            assert (await webhook.next("got"))["Digits"] == "4"
            rung = await bob.next_call()
            assert (rung.invite["X-A"], rung.invite["X-B"]) == ("1", "2")
            rung.ring()
            assert (await webhook.next("state"))["CallStatus"] == "ringing"
            rung.refuse(486)
            assert (await webhook.next("after"))["DialCallStatus"] == "busy"
