"""RFC 7616, RFC 8760 and RFC 3261 §22: published examples, then client and server against each other."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callapi.sip.authentication.digest import (
    Challenge,
    Credentials,
    DigestServer,
    Rejected,
    Stale,
    Verdict,
    Verified,
    answer_challenge,
    ha1_of,
    parse_digest,
    strongest_challenge,
)
from callapi.sip.errors import LocalProtocolError, ParseError, RemoteProtocolError
from callapi.sip.messages.headers import Headers
from callapi.sip.messages.message import Response
from callapi.sip.messages.uri import SipUri, parse_uri
from tests.sip.strategies import texts

URI = SipUri.parse("sip:bob@example.com")
ALICE = Credentials("alice", "secret")


def challenged(*values: str, status: int = 401) -> Response:
    name = "WWW-Authenticate" if status == 401 else "Proxy-Authenticate"
    return Response(status, "", Headers([(name, value) for value in values]))


# the examples of the RFCs

MUFASA = Credentials("Mufasa", "Circle of Life")


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_rfc_7616_3_9_1(algorithm: str, response: str) -> None:
    challenge = Challenge.parse(
        'Digest realm="http-auth@example.org", qop="auth, auth-int", '
        f'algorithm={algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
        'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    answer = challenge.answer(
        "GET", "/dir/index.html", b"", MUFASA, "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"
    )
    assert parse_digest(answer) == {
        "username": "Mufasa",
        "realm": "http-auth@example.org",
        "uri": "/dir/index.html",
        "algorithm": algorithm,
        "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v",
        "nc": "00000001",
        "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
        "qop": "auth",
        "response": response,
        "opaque": "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS",
    }


def test_rfc_7616_3_9_2() -> None:
    """As its erratum has it: the RFC's own figures were made with another function than SHA-512/256."""
    challenge = Challenge.parse(
        'Digest realm="api@example.org", qop="auth", algorithm=SHA-512-256, '
        'nonce="5TsQWLVdgBdmrQ0XsxbDODV+57QdFR34I9HAbC/RVvkK"'
    )
    credentials = Credentials("Jäsøn Doe", "Secret, or not?")
    answer = challenge.answer(
        "GET", "/doe.json", b"", credentials, "NTg6RKcb9boFIAS3KrFK9BGeh+iDa/sm6jUMp2wds69v"
    )
    assert (
        parse_digest(answer)["response"] == "3798d4131c277846293534c3edc11bd8a5e4cdcbff78b05db9d95eeb1cec68a5"
    )


def test_rfc_2617_3_5() -> None:
    challenge = Challenge.parse(
        'Digest realm="testrealm@host.com", qop="auth,auth-int", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
        'opaque="5ccc069c403ebaf9f0171e9517f40e41"'
    )
    answer = challenge.answer(
        "GET", "/dir/index.html", b"", Credentials("Mufasa", "Circle Of Life"), "0a4f113b"
    )
    assert parse_digest(answer)["response"] == "6629fae49393a05397450978507c4ef1"
    assert "algorithm" not in answer


def test_rfc_2069_2_4() -> None:
    """As its erratum has it; no qop, so neither nc nor cnonce."""
    challenge = Challenge.parse(
        'Digest realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093"'
    )
    answer = challenge.answer("GET", "/dir/index.html", b"", Credentials("Mufasa", "CircleOfLife"), "")
    assert parse_digest(answer)["response"] == "1949323746fe6a43ef61f9606e7febea"
    assert "nc=" not in answer
    assert "cnonce" not in answer


# choosing among challenges


def test_the_strongest_challenge_is_answered() -> None:
    response = challenged(
        'Digest realm="r", nonce="1", algorithm=MD5',
        'Basic realm="r"',
        'Digest realm="r", nonce="2", algorithm=SHA-256',
        'Digest realm="r", nonce="3", algorithm=SHA3-999',
        'Digest realm="r", nonce="4", algorithm=SHA-512-256, qop="auth-int"',
        'Digest realm="r", nonce="5", algorithm=SHA-512-256',
    )
    challenge = strongest_challenge(response)
    assert challenge is not None
    assert (challenge.nonce, challenge.qop) == ("4", "auth-int")


def test_each_status_has_its_headers() -> None:
    value = 'Digest realm="r", nonce="1", qop="auth", opaque=""'
    for status, name in ((401, "Authorization"), (407, "Proxy-Authorization")):
        header, answer = answer_challenge(
            challenged(value, status=status), "INVITE", "sip:h", b"", ALICE, "c", nc=10
        )
        assert header == name
        assert parse_digest(answer)["nc"] == "0000000a"
        assert parse_digest(answer)["opaque"] == ""


@pytest.mark.parametrize(
    "response",
    [
        Response(403, ""),
        Response(401, ""),
        challenged('Basic realm="r"'),
        challenged('Digest realm="r"'),
        challenged('Digest realm="r", nonce="1", qop="auth-conf"'),
        challenged('Digest realm="r", nonce="1", algorithm=token'),
        challenged('Digest realm="r nonce="1"'),
        challenged("Digest"),
    ],
)
def test_what_cannot_be_answered(response: Response) -> None:
    with pytest.raises(RemoteProtocolError):
        answer_challenge(response, "INVITE", "sip:h", b"", ALICE, "c")


def test_stale() -> None:
    assert Challenge.parse('Digest realm="r", nonce="1", stale=TRUE').is_stale
    assert not Challenge.parse('Digest realm="r", nonce="1", stale=false').is_stale


def test_odd_characters() -> None:
    """What stands between the quotes of a challenge goes into the hash and back as it is (RFC 7616 §3.4)."""
    challenge = Challenge.parse('Digest  realm="a \\"b\\", c" ,nonce = "n=,;" , qop=auth,algorithm="md5"')
    assert challenge.realm == 'a \\"b\\", c'
    answer = challenge.answer("INVITE", "sip:h", b"", Credentials('o"r\\t', "p:ä"), "c")
    assert 'username="o\\"r\\\\t"' in answer
    assert 'realm="a \\"b\\", c"' in answer
    assert "algorithm=md5" in answer


def test_credentials_do_not_show_their_password() -> None:
    assert "secret" not in repr(ALICE)


@pytest.mark.parametrize(
    "text", ["", "Digest", "Basic x=1", 'Digest "x"', 'Digest a="b', "Digest a=b c=d", "Digest a"]
)
def test_what_is_no_digest(text: str) -> None:
    with pytest.raises(ParseError):
        parse_digest(text)


@given(st.text('Digest ,="\\abc\0', max_size=40))
def test_any_text_is_a_digest_or_an_error(text: str) -> None:
    try:
        parse_digest(text)
    except ParseError:
        return


def test_a_long_digest_takes_linear_time() -> None:
    for text in (
        'Digest a="' + "\\" * 60000,
        "Digest " + "a=b," * 15000 + "a",
        "Digest a=" + "x" * 60000 + " y",
    ):
        with pytest.raises(ParseError):
            parse_digest(text)


# the server


class Server:
    """A `DigestServer` with one user, a clock, and a client's hands."""

    def __init__(self, **options: object) -> None:
        self.digest = DigestServer("example.com", b"entropy", **options)  # type: ignore[arg-type]
        self.now = 1000.0
        self.asked: list[str] = []

    def challenge(self, index: int = 0) -> Challenge:
        return Challenge.parse(self.digest.challenge(self.now)[index])

    def secret_of(self, username: str, algorithm: str) -> str | None:
        self.asked.append(username)
        return ha1_of(algorithm, "alice", "example.com", "secret") if username == "alice" else None

    def verify(
        self, value: str, method: str = "INVITE", uri: str = "sip:bob@example.com", body: bytes = b""
    ) -> Verdict:
        return self.digest.verify(value, method, parse_uri(uri), body, self.secret_of, self.now)


def answer(challenge: Challenge, credentials: Credentials = ALICE, nc: int = 1, body: bytes = b"") -> str:
    return challenge.answer("INVITE", str(URI), body, credentials, "cnonce", nc)


@pytest.mark.parametrize("algorithm", ["MD5", "SHA-256", "SHA-512-256"])
@pytest.mark.parametrize("qop", ["auth", "auth-int"])
def test_the_right_password(algorithm: str, qop: str) -> None:
    server = Server(algorithms=[algorithm], qop=[qop])
    assert server.verify(answer(server.challenge(), body=b"v=0"), body=b"v=0") == Verified("alice")


def test_the_preferred_algorithm_is_offered_first() -> None:
    """RFC 8760 §2.3."""
    server = Server()
    offered = [Challenge.parse(value) for value in server.digest.challenge(0, is_stale=True)]
    assert [each.algorithm for each in offered] == ["SHA-256", "SHA-512-256", "MD5"]
    assert all(each.is_stale for each in offered)
    assert server.verify(answer(server.challenge(1))) == Verified("alice")


def test_session_variants() -> None:
    challenge = Challenge.parse('Digest realm="r", nonce="n", algorithm=MD5-sess, qop="auth"')
    assert challenge.strength == 0
    plain = Challenge.parse('Digest realm="r", nonce="n", algorithm=MD5, qop="auth"')
    assert parse_digest(answer(challenge))["response"] != parse_digest(answer(plain))["response"]
    without_qop = Challenge.parse('Digest realm="r", nonce="n", algorithm=MD5-sess')
    assert "cnonce" in parse_digest(answer(without_qop))


def test_without_qop_a_nonce_serves_once() -> None:
    """RFC 2069: there is no count that could show a replay."""
    server = Server(algorithms=["MD5"])
    challenge = server.challenge()
    old = Challenge(challenge.realm, challenge.nonce, None, None, None, is_stale=False)
    assert server.verify(answer(old)) == Verified("alice")
    assert server.verify(answer(old)) == Stale()


@pytest.mark.parametrize("credentials", [Credentials("alice", "wrong"), Credentials("mallory", "secret")])
def test_the_wrong_password_and_the_wrong_user_look_the_same(credentials: Credentials) -> None:
    server = Server()
    assert server.verify(answer(server.challenge(), credentials)) == Rejected("wrong user name or password")
    assert server.asked == [credentials.username]


def test_an_empty_password_opens_nothing() -> None:
    server = DigestServer("r", b"k")
    challenge = Challenge.parse(server.challenge(0)[0])
    for password in ("", "-"):
        value = answer(challenge, Credentials("alice", password))
        assert isinstance(server.verify(value, "INVITE", URI, b"", lambda *_: "", 0), Rejected)


def test_what_was_signed_cannot_be_changed() -> None:
    server = Server(qop=["auth-int"])
    value = answer(server.challenge(), body=b"offer")
    assert isinstance(server.verify(value, body=b"other offer"), Rejected)
    assert isinstance(server.verify(value, method="BYE", body=b"offer"), Rejected)
    assert isinstance(server.verify(value, uri="sip:premium@example.com", body=b"offer"), Rejected)
    assert isinstance(server.verify(value, uri="tel:+1", body=b"offer"), Rejected)
    assert server.verify(value, uri="sip:bob@10.0.0.1:5062", body=b"offer") == Verified("alice")


def test_the_domain_alone_may_be_signed() -> None:
    """As SIPp does; it then belongs to none of the users."""
    server = Server()
    value = server.challenge().answer("INVITE", "sip:example.com", b"", ALICE, "cnonce", 1)
    assert server.verify(value, uri="sip:anyone@example.com") == Verified("alice")


def test_a_count_is_good_once() -> None:
    server = Server()
    challenge = server.challenge()
    assert server.verify(answer(challenge, nc=1)) == Verified("alice")
    assert server.verify(answer(challenge, nc=1)) == Stale()
    assert server.verify(answer(challenge, nc=5)) == Verified("alice")
    assert server.verify(answer(challenge, nc=4)) == Stale()


def test_a_count_that_was_good_at_one_server_is_a_replay_at_the_others() -> None:
    heard: list[str] = []
    first = Server(on_use=heard.append, first_serial=7)
    second = Server(max_nonces=3)
    challenge = first.challenge()
    assert first.verify(answer(challenge, nc=3)) == Verified("alice")
    [use] = heard
    second.digest.used_elsewhere(use)
    assert second.verify(answer(challenge, nc=3)) == Stale()
    assert second.verify(answer(challenge, nc=4)) == Verified("alice")
    second.digest.used_elsewhere(use)  # late: the greater count stands
    assert second.verify(answer(challenge, nc=4)) == Stale()
    for nonsense in ("", "x", use + "-1"):
        second.digest.used_elsewhere(nonsense)
    second.now += 1
    for _ in range(4):
        assert second.verify(answer(second.challenge())) == Verified("alice")
    second.digest.used_elsewhere(use)
    assert second.verify(answer(challenge, nc=5)) == Stale(), "forgotten, so it counts as used"


def test_nonces_grow_old() -> None:
    server = Server(nonce_lifetime_s=60)
    challenge = server.challenge()
    server.now += 59
    assert server.verify(answer(challenge, nc=1)) == Verified("alice")
    server.now += 2
    assert server.verify(answer(challenge, nc=2)) == Stale()


def test_a_wrong_password_gets_no_stale() -> None:
    server = Server(nonce_lifetime_s=60)
    challenge = server.challenge()
    server.now += 100
    assert isinstance(server.verify(answer(challenge, Credentials("alice", "wrong"))), Rejected)


@pytest.mark.parametrize("nonce", ["", "abc", "1-1-" + "0" * 32, "f" * 17 + "-1-" + "0" * 32])
def test_nonces_of_others_are_stale(nonce: str) -> None:
    server = Server()
    made_up = Challenge("example.com", nonce, None, "MD5", "auth", is_stale=False)
    assert server.verify(answer(made_up)) == Stale()


def test_memory_is_bounded_and_what_is_forgotten_stays_used() -> None:
    server = Server(max_nonces=3)
    challenges = [server.challenge() for _ in range(10)]
    for challenge in challenges:
        assert server.verify(answer(challenge)) == Verified("alice")
    for challenge in challenges:
        assert server.verify(answer(challenge, nc=1)) == Stale()
    assert server.verify(answer(challenges[-1], nc=2)) == Verified("alice")
    assert len(server.digest._used) == 3


@pytest.mark.parametrize(
    "change",
    [
        ("algorithm=SHA-256", "algorithm=SHA-512-256"),
        ('realm="example.com"', 'realm="elsewhere"'),
        ("qop=auth", "qop=auth-int"),
        ("nc=00000001", "nc=x"),
        ("nc=00000001", "nc=000000001"),
        ("nc=00000001, ", ""),
        ('uri="sip:bob@example.com"', 'uri="bob"'),
        ('username="alice", ', ""),
        ('cnonce="cnonce"', 'other="x"'),
        ("Digest ", "Basic "),
    ],
)
def test_odd_answers_are_rejected(change: tuple[str, str]) -> None:
    server = Server()
    value = answer(server.challenge())
    assert change[0] in value
    assert isinstance(server.verify(value.replace(*change)), Rejected)


def test_a_response_is_compared_whatever_it_is() -> None:
    server = Server()
    value = answer(server.challenge())
    response = parse_digest(value)["response"]
    assert isinstance(server.verify(value.replace(response, "ü")), Rejected)
    assert server.verify(value.replace(response, response.upper())) == Verified("alice")


@pytest.mark.parametrize(
    "options", [{"algorithms": ["MD6"]}, {"algorithms": []}, {"qop": ["x"]}, {"qop": []}]
)
def test_what_a_server_cannot_offer(options: dict[str, list[str]]) -> None:
    with pytest.raises(LocalProtocolError):
        Server(**options)


@given(username=texts, password=texts.filter(bool), realm=texts.filter(lambda text: "\r" not in text))
def test_any_characters_survive_quoting(username: str, password: str, realm: str) -> None:
    server = DigestServer(realm, b"k")
    challenge = Challenge.parse(server.challenge(0)[0])
    value = answer(challenge, Credentials(username, password))

    def secret_of(name: str, algorithm: str) -> str | None:
        quoted = parse_digest(value)["realm"]
        return ha1_of(algorithm, username, quoted, password) if name == username else None

    assert server.verify(value, "INVITE", URI, b"", secret_of, 0) == Verified(username)


def test_of_several_answers_ours_is_picked() -> None:
    server = Server(algorithms=["MD5"])
    ours = answer(server.challenge())
    elsewhere = ours.replace('realm="example.com"', 'realm="elsewhere"')
    stronger = ours.replace("algorithm=MD5", "algorithm=SHA-256")
    assert server.digest.pick(["Basic YQ==", elsewhere, stronger, ours]) == ours
    assert server.digest.pick(["Basic YQ==", elsewhere, stronger]) == stronger
    assert server.digest.pick(["Basic YQ==", elsewhere]) is None


def test_an_algorithm_that_this_client_was_not_offered() -> None:
    """A browser is offered MD5 alone: an answer by another algorithm of the server is not for it."""
    server = Server()
    value = answer(server.challenge())
    verdict = server.digest.verify(
        value, "INVITE", URI, b"", server.secret_of, server.now, algorithms=["MD5"]
    )
    assert verdict == Rejected("algorithm 'SHA-256' was not offered")
