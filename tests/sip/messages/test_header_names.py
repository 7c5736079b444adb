"""RFC 3261 §7.3.1 and §7.3.3: names have no case, and some have a compact form."""

import pytest

from callapi.sip.errors import ParseError
from callapi.sip.messages.header_names import identify, is_token, key_of


@pytest.mark.parametrize(
    ("name", "spelling"),
    [
        ("v", "Via"),
        ("V", "Via"),
        ("vIa", "Via"),
        ("i", "Call-ID"),
        ("call-id", "Call-ID"),
        ("CSEQ", "CSeq"),
        ("x", "Session-Expires"),
        ("k", "Supported"),
        ("www-authenticate", "WWW-Authenticate"),
        ("x-Account", "x-Account"),
        ("C%6Fntact", "C%6Fntact"),
    ],
)
def test_spelling_on_the_wire(name: str, spelling: str) -> None:
    assert identify(name) == (spelling.lower(), spelling)
    assert key_of(name) == spelling.lower()


@pytest.mark.parametrize("name", ["", "Foo Bar", "Foo:", "Föö", "Foo\0", "Foo(Bar)", "(", " Via"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(ParseError):
        identify(name)
    assert not is_token(name)
