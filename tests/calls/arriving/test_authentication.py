"""Who may call: the doorman's verdicts, and what a scanner can learn from them."""

from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import cast

import pytest

from callapi.base.ids import AccountSid
from callapi.base.values import SrtpPolicy
from callapi.calls.arriving.authentication import (
    SLOW_DOWN,
    STRANGER,
    WRONG,
    CallerAuthentication,
    KnownClient,
)
from callapi.calls.arriving.inbound import Caller, Route, TrustedNetworks
from callapi.calls.arriving.refusals import Refusal
from callapi.calls.documents.document import DocumentRequest
from callapi.sip import (
    Credentials,
    DigestServer,
    Headers,
    Hop,
    InboundSession,
    LoginThrottle,
    NameAddr,
    Request,
    SipUri,
    Transport,
)
from callapi.sip.authentication.digest import ALGORITHMS, Challenge, ha1_of
from callapi.sip.session import SessionPort

ACCOUNT = AccountSid("AC" + "1" * 32)
OTHER = AccountSid("AC" + "2" * 32)
REALM = "node.example"
TRUSTED, HOME, ELSEWHERE, GATEWAY = "10.0.0.1", "192.0.2.1", "192.0.2.99", "198.51.100.7"
ROUTE = Route(ACCOUNT, DocumentRequest("http://app/voice"))


@dataclass
class Port:
    """The dialog's facts."""

    remote_uri: NameAddr


@dataclass
class People:
    """One client, one gateway."""

    is_enabled: bool = True
    asked: list[str] = field(default_factory=list)

    def has_registered(self, login: str) -> bool:
        return login == "alice"

    async def client(self, login: str) -> KnownClient | None:
        self.asked.append(login)
        if login != "alice" or not self.is_enabled:
            return None
        secrets = {each: ha1_of(each, "alice", REALM, "secret") for each in ALGORITHMS}
        return KnownClient("alice", ACCOUNT, secrets, frozenset({HOME, TRUSTED}), ROUTE)

    async def gateway_of(self, host: str) -> frozenset[AccountSid]:
        return frozenset({OTHER}) if host == GATEWAY else frozenset()

    async def srtp_of_gateway(self, host: str) -> SrtpPolicy | None:
        return SrtpPolicy.REQUIRED if host == GATEWAY else None


class Street:
    """A doorman and those who come to the door."""

    def __init__(self, *, is_enabled: bool = True) -> None:
        self.people = People(is_enabled)
        self.now = 1000.0
        digest = DigestServer(REALM, b"entropy")
        trusted = TrustedNetworks((ip_network("10.0.0.0/8"),))
        self.authentication = CallerAuthentication(
            trusted, self.people, digest, LoginThrottle(), lambda: self.now
        )

    async def invite(
        self,
        user: str,
        host: str,
        challenge: Challenge | None = None,
        password: str = "secret",
        login: str = "",
    ) -> Caller | Refusal:
        from_ = NameAddr.parse(f"<sip:{user}@{REALM}>;tag=1")
        request = Request(
            "INVITE",
            SipUri.parse(f"sip:100@{REALM}"),
            Headers([("From", str(from_)), ("To", f"<sip:100@{REALM}>")]),
        )
        if challenge is not None:
            value = challenge.answer(
                "INVITE", str(request.uri), b"", Credentials(login or user, password), "cnonce"
            )
            request.headers.add("Proxy-Authorization", value)
        source = Hop(Transport.UDP, host, 5060)
        return await self.authentication.judge(
            InboundSession(request, source, cast("SessionPort", Port(from_)))
        )

    async def challenge(self) -> Challenge:
        """What a phone at home is challenged with."""
        verdict = await self.invite("alice", HOME)
        assert isinstance(verdict, Refusal)
        assert verdict.status == 407
        assert [name for name, _ in verdict.headers] == ["Proxy-Authenticate"] * 3
        return Challenge.parse(verdict.headers[0][1])


async def test_a_registered_client_is_challenged_and_let_in() -> None:
    street = Street()
    challenge = await street.challenge()
    assert await street.invite("alice", HOME, challenge) == Caller("alice", ROUTE, frozenset({ACCOUNT}))


async def test_the_right_answer_counts_wherever_it_comes_from() -> None:
    """A phone that has roamed since it was challenged."""
    street = Street()
    admitted = await street.invite("alice", ELSEWHERE, await street.challenge())
    assert isinstance(admitted, Caller)


async def test_a_trusted_network_needs_no_proof() -> None:
    """Its callers are clients only where the client has registered from there."""
    street = Street()
    assert await street.invite("+15550100", TRUSTED) == Caller(is_trusted=True)
    assert await street.invite("alice", "10.0.0.2") == Caller(is_trusted=True)
    assert await street.invite("alice", TRUSTED) == Caller("alice", ROUTE, frozenset({ACCOUNT}))


async def test_who_never_registered_is_not_even_looked_for() -> None:
    street = Street()
    await street.invite("+15550100", TRUSTED)
    await street.invite("+15550100", ELSEWHERE)
    assert street.people.asked == []


@pytest.mark.parametrize("user", ["alice", "nobody", "100"])
async def test_a_stranger_is_refused_whatever_name_it_gives(user: str) -> None:
    street = Street()
    assert await street.invite(user, ELSEWHERE) == STRANGER


async def test_a_gateway_calls_for_its_account() -> None:
    assert await Street().invite("+15550100", GATEWAY) == Caller(
        accounts=frozenset({OTHER}), is_trusted=True, srtp=SrtpPolicy.REQUIRED
    )


async def test_wrong_password_unknown_user_and_borrowed_name_get_the_same() -> None:
    street = Street()
    challenge = await street.challenge()
    assert await street.invite("alice", HOME, challenge, password="guess") == WRONG
    assert await street.invite("nobody", HOME, challenge) == WRONG
    assert await street.invite("bob", HOME, challenge, login="alice") == WRONG
    assert await street.invite("alice", HOME, challenge, login="bob") == WRONG


async def test_a_client_that_is_disabled_is_a_stranger() -> None:
    street = Street(is_enabled=False)
    assert await street.invite("alice", HOME) == STRANGER


async def test_an_old_nonce_is_challenged_as_stale() -> None:
    street = Street()
    challenge = await street.challenge()
    street.now += 3600
    verdict = await street.invite("alice", HOME, challenge)
    assert isinstance(verdict, Refusal)
    assert all("stale=true" in value for _, value in verdict.headers)


async def test_a_replayed_answer_opens_nothing() -> None:
    street = Street()
    challenge = await street.challenge()
    await street.invite("alice", HOME, challenge)
    again = await street.invite("alice", HOME, challenge)
    assert isinstance(again, Refusal)
    assert again.status == 407


async def test_repeated_failures_are_slowed_down() -> None:
    street = Street()
    challenge = await street.challenge()
    for _ in range(10):
        assert await street.invite("alice", ELSEWHERE, challenge, password="guess") == WRONG
    assert await street.invite("alice", ELSEWHERE, challenge) == SLOW_DOWN
    assert await street.invite("alice", ELSEWHERE) == SLOW_DOWN
    assert isinstance(await street.invite("alice", HOME, challenge), Caller)
    assert isinstance(await street.invite("alice", TRUSTED), Caller)
    street.now += 12
    assert await street.invite("alice", ELSEWHERE) == STRANGER
