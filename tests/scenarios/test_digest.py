"""The vendor's page on authentication, against a phone that checks each answer by arithmetic of its own.

"Send username and password attributes for authentication to your SIP infrastructure as attributes on the Sip noun."
"""

import hashlib
import re
from collections.abc import Sequence

import pytest

from tests.scenarios.conftest import PhoneFactory, Server
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.raw_phone import RawCall, RawPhone, sdp
from tests.scenarios.harness.waiting import eventually
from tests.scenarios.harness.wire import SipMessage

HEADERS = {
    401: ("WWW-Authenticate", "Authorization"),
    407: ("Proxy-Authenticate", "Proxy-Authorization"),
}
HASHES = {"MD5": "md5", "SHA-256": "sha256", "SHA-512-256": "sha512_256"}
NOUN = '<Dial action="after"><Sip username="alice" password="s3cret">{}</Sip></Dial>'


def challenge(algorithm: str | None = "MD5", qop: str | None = "auth", nonce: str = "n0") -> str:
    """A challenge of the realm `example`."""
    more = "".join(
        f', {name}="{value}"' if name == "qop" else f", {name}={value}"
        for name, value in (("qop", qop), ("algorithm", algorithm))
        if value
    )
    return f'Digest realm="example", nonce="{nonce}"{more}'


def fields_of(header: str) -> dict[str, str]:
    """The parameters of an answer."""
    return dict(re.findall(r'(\w+)="?([^",]+)"?', header))


def expected(request: SipMessage, header: str) -> str:
    """RFC 7616 §3.4.1 to §3.4.3 (RFC 2069 without qop), for alice and s3cret."""
    fields = fields_of(header)
    algorithm = fields.get("algorithm", "MD5")
    name = HASHES[algorithm.removesuffix("-sess")]

    def h(text: str) -> str:
        return hashlib.new(name, text.encode()).hexdigest()

    ha1 = h(f"alice:{fields['realm']}:s3cret")
    if algorithm.endswith("-sess"):
        ha1 = h(f"{ha1}:{fields['nonce']}:{fields['cnonce']}")
    a2 = f"{request.method}:{fields['uri']}"
    if fields.get("qop") == "auth-int":
        a2 += ":" + h(request.body.replace("\n", "\r\n"))  # as it was on the wire
    if "qop" not in fields:
        return h(f"{ha1}:{fields['nonce']}:{h(a2)}")
    counted = f"{fields['nc']}:{fields['cnonce']}:{fields['qop']}"
    return h(f"{ha1}:{fields['nonce']}:{counted}:{h(a2)}")


async def invite_number(call: RawCall, number: int) -> SipMessage:
    """The INVITE with that CSeq."""

    def found() -> list[SipMessage]:
        return [each for each in call.received if each["CSeq"] == f"{number} INVITE"]

    await eventually(f"INVITE {number}", found)
    return found()[0]


def numbers_of_invites(call: RawCall) -> set[str | None]:
    """The CSeq of each INVITE that came, repetitions aside."""
    return {each["CSeq"] for each in call.received if each.method == "INVITE"}


async def notes_of(server: Server, sid: str) -> list[tuple[str, str]]:
    """Code and sentence of each notification of a call."""
    status, page = await server.node.rest("GET", f"Calls/{sid}/Notifications.json")
    assert status == 200, page
    return [(str(each["error_code"]), str(each["message_text"])) for each in page["notifications"]]


@pytest.mark.parametrize(
    ("status", "algorithm", "qop"),
    [
        (401, "MD5", "auth"),
        (407, "SHA-256", "auth"),
        (401, "SHA-512-256", "auth"),
        (407, "MD5", "auth-int"),
        (401, "SHA-256", "auth-int"),
        (407, "SHA-512-256", "auth-int"),
        (401, "SHA-256", "auth-int,auth"),
        (407, "SHA-512-256-sess", "auth-int"),
        (401, "MD5", None),
        (407, None, None),
    ],
)
async def test_a_challenge_is_answered(
    server: Server,
    phone: PhoneFactory,
    webhook: Webhook,
    status: int,
    algorithm: str | None,
    qop: str | None,
) -> None:
    """The same Call-ID and body, CSeq one higher, the right digest; the leg goes on."""
    alice = await phone("alice")
    asks, answers = HEADERS[status]
    async with RawPhone("gate") as gate:
        webhook["voice"] = response(NOUN.format(gate.uri))
        call = await alice.invite(server.uri)
        first = await gate.next_call()
        assert first.invite[answers] is None, "nothing is offered before it is asked for"
        first.respond(first.invite, status, [(asks, challenge(algorithm, qop))])
        again = await invite_number(first, 2)
        header = again[answers] or ""
        fields = fields_of(header)
        assert (fields["username"], fields["realm"], fields["nonce"]) == ("alice", "example", "n0")
        assert fields["uri"] == again.request_uri
        assert fields["response"] == expected(again, header)
        assert fields.get("qop") == (qop and ("auth-int" if qop == "auth-int" else "auth"))
        assert fields.get("algorithm") == algorithm
        assert "s3cret" not in header
        assert again["Call-ID"] == first.invite["Call-ID"]
        assert again.body == first.invite.body
        first.respond(again, 200, body=sdp())
        await call.answered()
        await call.hang_up()


async def test_the_strongest_of_several_challenges_is_answered(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """RFC 8760 §2.4: one answer, to what we can do best; what we cannot do is passed over."""
    alice = await phone("alice")
    async with RawPhone("gate") as gate:
        webhook["voice"] = response(NOUN.format(gate.uri))
        await alice.invite(server.uri)
        first = await gate.next_call()
        offered: Sequence[str] = [challenge(each) for each in ("SHA-999", "MD5", "SHA-256")]
        first.respond(first.invite, 401, [("WWW-Authenticate", each) for each in offered])
        again = await invite_number(first, 2)
        [header] = again.all("Authorization")
        assert fields_of(header)["algorithm"] == "SHA-256"
        assert fields_of(header)["response"] == expected(again, header)
        first.respond(again, 486)


async def test_a_challenge_without_known_credentials(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """An unknown algorithm: one INVITE, `failed` with its code, and a notification."""
    alice = await phone("alice")
    async with RawPhone("gate") as gate:
        webhook["voice"] = response(NOUN.format(gate.uri))
        webhook["after"] = response("<Hangup/>")
        await alice.invite(server.uri)
        first = await gate.next_call()
        first.respond(first.invite, 401, [("WWW-Authenticate", challenge("SHA-999"))])
        after = await webhook.next("after")
        assert (after["DialCallStatus"], after["DialSipResponseCode"]) == ("failed", "401")
        assert numbers_of_invites(first) == {"1 INVITE"}
        assert [code for code, _ in await notes_of(server, after["CallSid"])] == ["60016"]


@pytest.mark.parametrize("status", [401, 407])
async def test_wrong_credentials_are_offered_once(
    server: Server, phone: PhoneFactory, webhook: Webhook, status: int
) -> None:
    """ "A refused answer ends the leg with its code": a second challenge of the same realm is the end."""
    alice = await phone("alice")
    async with RawPhone("gate") as gate:
        webhook["voice"] = response(NOUN.format(gate.uri))
        webhook["after"] = response("<Hangup/>")
        await alice.invite(server.uri)
        first = await gate.next_call()
        asked = [(HEADERS[status][0], challenge())]
        first.respond(first.invite, status, asked)
        first.respond(await invite_number(first, 2), status, asked)
        after = await webhook.next("after")
        assert (after["DialCallStatus"], after["DialSipResponseCode"]) == ("failed", str(status))
        [(code, text)] = await notes_of(server, after["CallSid"])
        assert code == "60016"
        assert gate.uri in text
        assert str(status) in text
        assert "s3cret" not in text
        await webhook.never("after", within=0.3)
        assert numbers_of_invites(first) == {"1 INVITE", "2 INVITE"}


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-512-256"])
async def test_a_stale_nonce_is_tried_again(
    server: Server, phone: PhoneFactory, webhook: Webhook, algorithm: str
) -> None:
    """ "A `stale` nonce is tried again": with the new nonce, and the right digest for it."""
    alice = await phone("alice")
    async with RawPhone("gate") as gate:
        webhook["voice"] = response(NOUN.format(gate.uri))
        call = await alice.invite(server.uri)
        first = await gate.next_call()
        first.respond(first.invite, 401, [("WWW-Authenticate", challenge(algorithm))])
        second = await invite_number(first, 2)
        stale = challenge(algorithm, nonce="n1") + ", stale=true"
        first.respond(second, 401, [("WWW-Authenticate", stale)])
        third = await invite_number(first, 3)
        header = third["Authorization"] or ""
        assert fields_of(header)["nonce"] == "n1"
        assert fields_of(header)["response"] == expected(third, header)
        first.respond(third, 200, body=sdp())
        await call.answered()
        await call.hang_up()


async def test_a_nonce_that_is_always_stale_has_an_end(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """Never "again and again": a few tries, then the leg ends with its code."""
    alice = await phone("alice")
    async with RawPhone("gate") as gate:
        webhook["voice"] = response(NOUN.format(gate.uri))
        webhook["after"] = response("<Hangup/>")
        await alice.invite(server.uri)
        first = await gate.next_call()
        for number in range(1, 5):
            asked = challenge(nonce=f"n{number}") + (", stale=true" if number > 1 else "")
            first.respond(await invite_number(first, number), 401, [("WWW-Authenticate", asked)])
        after = await webhook.next("after")
        assert (after["DialCallStatus"], after["DialSipResponseCode"]) == ("failed", "401")
        await webhook.never("after", within=0.3)
        assert len(numbers_of_invites(first)) == 4


async def test_a_bye_that_is_challenged_is_answered(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """Within the dialog the credentials are those of the noun too (RFC 3261 §22)."""
    alice = await phone("alice")
    async with RawPhone("gate") as gate:
        webhook["voice"] = response(NOUN.format(gate.uri))
        call = await alice.invite(server.uri)
        ringing = await gate.next_call()
        ringing.answers.discard("BYE")
        ringing.answer()
        await ringing.gets("ACK")
        await call.answered()
        await call.hang_up()
        bye = await ringing.gets("BYE")
        ringing.respond(bye, 407, [("Proxy-Authenticate", challenge("SHA-256"))])

        def found() -> list[SipMessage]:
            return [each for each in ringing.received if each.method == "BYE" and each["CSeq"] != bye["CSeq"]]

        await eventually("a second BYE", found)
        again = found()[0]
        header = again["Proxy-Authorization"] or ""
        assert fields_of(header)["response"] == expected(again, header)
        ringing.respond(again, 200)


async def test_no_credentials_of_others_are_offered(
    server: Server, phone: PhoneFactory, webhook: Webhook
) -> None:
    """Two nouns, one with credentials: the other, challenged, gets none, and fails with its 401."""
    alice = await phone("alice")
    async with RawPhone("friend") as friend, RawPhone("stranger") as stranger:
        webhook["voice"] = response(
            f'<Dial action="after"><Sip username="alice" password="s3cret">{friend.uri}</Sip>'
            f"<Sip>{stranger.uri}</Sip></Dial>"
        )
        webhook["after"] = response("<Hangup/>")
        await alice.invite(server.uri)
        other = await stranger.next_call()
        other.respond(other.invite, 401, [("WWW-Authenticate", challenge())])
        await other.gets("ACK")
        (await friend.next_call()).refuse(480)
        await webhook.next("after")
        assert other.count("INVITE") == 1
        assert all(each["Authorization"] is None for each in other.received)
