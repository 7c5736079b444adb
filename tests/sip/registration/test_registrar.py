"""The registrar: digest first, then bindings."""

import asyncio
from collections.abc import Mapping, Sequence

from callapi.sip.authentication.digest import ALGORITHMS, Challenge, Credentials, DigestServer, ha1_of
from callapi.sip.messages.headers import Headers
from callapi.sip.messages.message import Request, Response
from callapi.sip.messages.uri import SipUri, Transport
from callapi.sip.registration.bindings import Binding
from callapi.sip.registration.registrar import Registrar
from callapi.sip.transport.hop import Hop

SOURCE = Hop(Transport.TCP, "192.0.2.9", 4711)


class Store:
    """Two clients and their bindings, slow enough to be overtaken."""

    def __init__(self) -> None:
        self.bindings: dict[str, Sequence[Binding]] = {}

    async def secrets_of(self, login: str) -> Mapping[str, str]:
        password = {"alice": "secret", "bob": "other"}.get(login)
        return {each: ha1_of(each, login, "example.com", password) for each in ALGORITHMS} if password else {}

    async def bindings_of(self, login: str) -> Sequence[Binding]:
        await asyncio.sleep(0)
        return self.bindings.get(login, ())

    async def replace_bindings(self, login: str, bindings: Sequence[Binding]) -> None:
        await asyncio.sleep(0)
        self.bindings[login] = bindings


class Phone:
    """Sends REGISTER, with credentials when it has a challenge."""

    def __init__(self, registrar: Registrar) -> None:
        self.registrar = registrar
        self.cseq = 0
        self.count = 0
        self.challenge: Challenge | None = None

    async def send(
        self,
        *headers: tuple[str, str],
        to: str = "<sip:alice@example.com>",
        credentials: Credentials | None = None,
    ) -> Response:
        self.cseq += 1
        request = Request(
            "REGISTER",
            SipUri.parse("sip:example.com"),
            Headers(
                [
                    ("Via", "SIP/2.0/TCP h"),
                    ("From", f"{to};tag=1"),
                    ("To", to),
                    ("Call-ID", "c"),
                    ("CSeq", f"{self.cseq} REGISTER"),
                    *headers,
                ]
            ),
        )
        if self.challenge is not None:
            self.count += 1
            value = self.challenge.answer(
                "REGISTER",
                str(request.uri),
                b"",
                credentials or Credentials("alice", "secret"),
                "cn",
                self.count,
            )
            request.headers.add("Authorization", value)
        response = await self.registrar.register(request, SOURCE)
        if response.status == 401:
            self.challenge = Challenge.parse(response.headers.get("WWW-Authenticate") or "")
            self.count = 0
        return response


class Clock:
    now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


def setup() -> tuple[Store, Clock, Phone]:
    store, clock = Store(), Clock()
    return store, clock, Phone(Registrar(store, DigestServer("example.com", b"k"), clock=clock))


async def test_register_refresh_query_and_leave() -> None:
    store, clock, phone = setup()
    challenged = await phone.send(("Contact", "<sip:alice@192.0.2.9:4711>"))
    assert challenged.status == 401
    assert len(challenged.headers.get_all("WWW-Authenticate")) == 3
    assert store.bindings == {}
    response = await phone.send(("Contact", "<sip:alice@192.0.2.9:4711>;expires=60"), ("Path", "<sip:p;lr>"))
    assert (response.status, response.headers.get("Path")) == (200, "<sip:p;lr>")
    assert response.headers.get("Contact") == "<sip:alice@192.0.2.9:4711>;expires=60;q=1"
    assert store.bindings["alice"][0].source == "tcp:192.0.2.9:4711"
    clock.now += 20
    assert (await phone.send()).headers.get("Contact") == "<sip:alice@192.0.2.9:4711>;expires=40;q=1"
    assert (await phone.send(("Contact", "*"), ("Expires", "0"))).headers.get("Contact") is None
    assert store.bindings == {"alice": ()}


async def test_an_old_nonce_is_marked_stale() -> None:
    _, clock, phone = setup()
    await phone.send()
    clock.now += 3600
    again = await phone.send()
    assert again.status == 401
    assert phone.challenge is not None
    assert phone.challenge.is_stale
    assert (await phone.send()).status == 200


async def test_who_is_refused() -> None:
    _, _, phone = setup()
    await phone.send()
    assert (await phone.send(credentials=Credentials("alice", "wrong"))).status == 403
    assert (await phone.send(credentials=Credentials("bob", "other"))).status == 403
    assert (await phone.send(to="<sip:nobody@example.com>")).status == 403
    assert (await phone.send(to="<sip:bob@example.com>")).status == 403
    assert (await phone.send(to="<isbn:2983792873>")).status == 404
    assert (await phone.send(to="<sip:example.com>")).status == 404


async def test_an_unknown_scheme_is_challenged() -> None:
    """RFC 4475 §3.3.7."""
    _, _, phone = setup()
    assert (await phone.send(("Authorization", "NoOneKnowsThisScheme opaque-data=here"))).status == 401


async def test_a_refused_binding_is_answered_with_its_reason() -> None:
    _, _, phone = setup()
    await phone.send()
    response = await phone.send(("Contact", "<sip:a@h>;expires=1"))
    assert (response.status, response.headers.get("Min-Expires")) == (423, "30")


async def test_two_at_a_time_lose_nothing() -> None:
    store, _, phone = setup()
    await phone.send()
    await asyncio.gather(phone.send(("Contact", "<sip:a@h>")), phone.send(("Contact", "<sip:b@h>")))
    assert {each.contact for each in store.bindings["alice"]} == {"sip:a@h", "sip:b@h"}


async def test_repeated_failures_are_slowed_down() -> None:
    """After ten failures even the right password is not looked at, until some are forgiven."""
    _, clock, phone = setup()
    await phone.send()
    for _ in range(10):
        assert (await phone.send(credentials=Credentials("alice", "guess"))).status == 403
    slowed = await phone.send()
    assert (slowed.status, slowed.headers.get("Retry-After")) == (503, "10")
    clock.now += 10
    assert (await phone.send()).status == 200
