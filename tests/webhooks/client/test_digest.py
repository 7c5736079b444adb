"""Digest towards an application: RFC 7616's own examples, and challenges that cannot be answered."""

import pytest

from callapi.webhooks.client.digest import Digest

NONCE = "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v"
CNONCE = "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ"


def _challenge(algorithm: str, *more: str) -> tuple[str, str]:
    parts = [
        'realm="http-auth@example.org"',
        'qop="auth, auth-int"',
        f"algorithm={algorithm}",
        f'nonce="{NONCE}"',
        'opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"',
        *more,
    ]
    return "WWW-Authenticate", "Digest " + ", ".join(parts)


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_the_rfc(algorithm: str, response: str) -> None:
    """RFC 7616 §3.9.1."""
    digest = Digest.strongest([_challenge(algorithm)])
    assert digest is not None
    answer = digest.answer("GET", "/dir/index.html", "Mufasa", "Circle of Life", CNONCE)
    assert f'response="{response}"' in answer
    assert "nc=00000001" in answer
    assert "nc=00000002" in digest.answer("GET", "/", "Mufasa", "Circle of Life", CNONCE)


def test_the_strongest_is_chosen() -> None:
    digest = Digest.strongest(
        [_challenge("MD5"), _challenge("SHA-256"), ("WWW-Authenticate", 'Basic realm="x"')]
    )
    assert digest is not None
    assert "algorithm=SHA-256" in digest.answer("GET", "/", "a", "b", "c")


def test_without_qop_as_in_rfc_2069() -> None:
    digest = Digest.strongest([("WWW-Authenticate", 'Digest realm="r", nonce="n"')])
    assert digest is not None
    answer = digest.answer("GET", "/", 'a"b', "c", "d")
    assert "nc=" not in answer
    assert 'username="a\\"b"' in answer


@pytest.mark.parametrize(
    "value",
    [
        "Digest",
        'Digest realm="r"',
        'Digest realm="r", nonce="n", algorithm=SHA3',
        'Digest realm="r", nonce="n", qop="auth-int"',
        'Digest realm="r", nonce="n", opaque="' + "x" * 5000 + '"',
        "Digest realm",
        'Basic realm="r"',
        "",
    ],
    ids=lambda value: value[:50],
)
def test_challenges_that_cannot_be_answered(value: str) -> None:
    assert Digest.strongest([("WWW-Authenticate", value)]) is None
