"""RFC 3261 §22.2 and §22.3: when a challenge is answered, and what the next try looks like."""

from callapi.sip.authentication.authenticator import MAX_REALMS, Authenticator
from callapi.sip.authentication.digest import Credentials
from callapi.sip.messages.message import Request, make_response
from tests.sip.invite_session.support import invite

MD5 = 'Digest realm="r", nonce="n{n}", algorithm=MD5, qop="auth"{stale}'
ALICE = Credentials("alice", "secret")


def challenge(
    request: Request, status: int = 401, n: int = 1, *, is_stale: bool = False
) -> tuple[Request, object]:
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    value = MD5.format(n=n, stale=", stale=true" if is_stale else "")
    return request, make_response(request, status, headers=[(name, value)])


def tried(authenticator: Authenticator, asked: tuple[Request, object], cseq: int = 2) -> Request | None:
    return authenticator.answer(*asked, cseq=cseq, cnonce="c")  # type: ignore[arg-type]


def test_the_next_try() -> None:
    first = invite(extra="X-Extra: 1")
    second = tried(Authenticator(ALICE), challenge(first))
    assert second is not None
    assert (second.method, second.uri, second.body, second.call_id) == (
        "INVITE",
        first.uri,
        first.body,
        "call",
    )
    assert (second.cseq.number, second.headers.get("X-Extra")) == (2, "1")
    assert "Via" not in second.headers
    assert 'username="alice"' in (second.headers.get("Authorization") or "")
    assert "Authorization" not in first.headers


def test_one_try_for_a_challenge() -> None:
    authenticator = Authenticator(ALICE)
    second = tried(authenticator, challenge(invite()))
    assert second is not None
    assert tried(authenticator, challenge(second, n=2), 3) is None


def test_a_proxy_and_then_the_server() -> None:
    authenticator = Authenticator(ALICE)
    second = tried(authenticator, challenge(invite(), 407))
    assert second is not None
    third = tried(authenticator, challenge(second, 401), 3)
    assert third is not None
    assert {"Authorization", "Proxy-Authorization"} <= {name for name, _ in third.headers.items()}


def test_stale_is_not_wrong_but_not_for_ever_either() -> None:
    authenticator = Authenticator(ALICE)
    asked = invite()
    tries = 0
    while (again := tried(authenticator, challenge(asked, n=tries, is_stale=tries > 0))) is not None:
        asked = again
        tries += 1
    assert tries == 3
    assert 'nonce="n2"' in (asked.headers.get("Authorization") or "")


def test_nothing_to_answer() -> None:
    asked = invite()
    assert tried(Authenticator(None), challenge(asked)) is None
    assert tried(Authenticator(ALICE), (asked, make_response(asked, 403))) is None
    assert tried(Authenticator(ALICE), (asked, make_response(asked, 401))) is None


def _of_realm(
    request: Request, realm: str, *, status: int = 407, is_stale: bool = False
) -> tuple[Request, object]:
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    stale = ", stale=true" if is_stale else ""
    value = f'Digest realm="{realm}", nonce="{realm}-1", qop="auth"{stale}'
    return request, make_response(request, status, headers=[(name, value)])


def test_two_proxies_challenge_in_turn() -> None:
    """RFC 3261 §22.3: the credentials of each realm go into the third request, each nonce with its own count."""
    authenticator = Authenticator(ALICE)
    second = tried(authenticator, _of_realm(invite(), "edge"))
    assert second is not None
    third = tried(authenticator, _of_realm(second, "core"), 3)
    assert third is not None
    first_answer, second_answer = third.headers.get_all("Proxy-Authorization")
    assert 'realm="edge"' in first_answer
    assert "nc=00000002" in first_answer
    assert 'realm="core"' in second_answer
    assert "nc=00000001" in second_answer
    assert tried(authenticator, _of_realm(third, "core"), 4) is None
    assert tried(authenticator, _of_realm(third, "edge"), 4) is None
    renewed = tried(authenticator, _of_realm(third, "edge", is_stale=True), 4)
    assert renewed is not None
    assert len(renewed.headers.get_all("Proxy-Authorization")) == 2


def test_several_realms_in_one_response() -> None:
    """A forking proxy collects the challenges of its branches (§22.3)."""
    asked, response = _of_realm(invite(), "one")
    response.headers.add("Proxy-Authenticate", 'Digest realm="two", nonce="b"')  # type: ignore[attr-defined]
    again = tried(Authenticator(ALICE), (asked, response))
    assert again is not None
    assert len(again.headers.get_all("Proxy-Authorization")) == 2


def test_realms_without_end() -> None:
    authenticator = Authenticator(ALICE)
    asked, tries = invite(), 0
    while (again := tried(authenticator, _of_realm(asked, f"realm{tries}"))) is not None:
        asked = again
        tries += 1
    assert tries == MAX_REALMS
