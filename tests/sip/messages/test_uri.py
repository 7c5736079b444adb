"""RFC 3261 §19.1: URIs, their escapes and their equivalence."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from callapi.sip.errors import ParseError
from callapi.sip.messages.uri import OtherUri, SipUri, Transport, format_host_port, parse_uri
from tests.sip.strategies import sip_uris, wild_bytes


def test_every_part_of_a_uri() -> None:
    uri = SipUri.parse("sips:alice:secret@example.com:5071;transport=tcp;lr?Subject=hi%20there&X-A=1")
    assert uri == SipUri(
        "sips",
        "alice",
        "secret",
        "example.com",
        5071,
        (("transport", "tcp"), ("lr", None)),
        (("Subject", "hi there"), ("X-A", "1")),
    )
    assert uri.is_secure
    assert uri.parameter("TRANSPORT") == "tcp"
    assert uri.parameter("lr") is None
    assert uri.has_parameter("LR")
    assert not uri.has_parameter("maddr")
    assert str(uri) == "sips:alice:secret@example.com:5071;transport=tcp;lr?Subject=hi%20there&X-A=1"


@pytest.mark.parametrize(
    ("text", "user"),
    [
        ("sip:%61lice@h", "alice"),
        ("sip:sips%3Auser%40example.com@example.net", "sips:user@example.com"),
        ("sip:null-%00-null@h", "null-\0-null"),
        ("sip:J%C3%BCrgen@h", "Jürgen"),
        ("sip:J%FCrgen@h", "Jürgen"),
        ("sip:user;par=u%40example.net@h", "user;par=u@example.net"),
        ("sip:*72#@h", "*72#"),
        ("sip:%zz@h", "%zz"),
        ("sip:h", None),
    ],
)
def test_the_user_is_held_as_it_is_meant(text: str, user: str | None) -> None:
    uri = SipUri.parse(text)
    assert uri.user == user
    assert SipUri.parse(str(uri)) == uri


def test_empty_headers_are_passed_over() -> None:
    assert SipUri.parse("sip:a@h?&X=1&").headers == (("X", "1"),)
    assert SipUri.parse("sip:a@h?").headers == ()


def test_escapes_are_undone_once() -> None:
    """RFC 4475 §3.1.1.3: `%25%34%31` is `%41` and not `A`."""
    uri = SipUri.parse("sip:cal%6Cer@host5.example.net;%6C%72;n%61me=v%61lue%25%34%31")
    assert uri.parameters == (("lr", None), ("name", "value%41"))
    assert str(uri.without_parameter("lr")) == "sip:caller@host5.example.net;name=value%2541"


@pytest.mark.parametrize(
    "text",
    [
        "sip:alice%3Bx@h",
        "sip:a%2Bb@h",
        "sip:proxy@h;lr;thinfo=VG8+/==",
        "sip:cal%6Cer@h;%6C%72;n%61me=v%61lue%25%34%31",
        "SIPS:bob@H;Transport=TCP",
        "sip:a?b%40@h;x=%7c",
        "sip:J%FCrgen:p%61ss@[2001:DB8::1]:05060",
    ],
)
def test_a_uri_is_written_as_it_came(text: str) -> None:
    """RFC 3261 §12.2.1.1, §19.1.4: a Contact or a Record-Route goes back to its author octet for octet."""
    assert str(SipUri.parse(text)) == text
    assert str(SipUri.parse(f"{text}?X=1")) == f"{text}?X=1"
    assert str(SipUri.parse(f"{text}?X=1").without_headers()) == text
    assert str(SipUri.parse(text).with_parameter("ob", None)) == f"{text};ob"
    assert SipUri.parse(str(SipUri.parse(text))) == SipUri.parse(text)


def test_a_changed_uri_is_written_anew() -> None:
    uri = SipUri.parse("sip:al%69ce@h;a=%62")
    assert str(uri.with_user("bob")) == "sip:bob@h;a=b"
    assert str(uri.with_parameter("a", "c")) == "sip:alice@h;a=c"
    assert uri.without_parameter("none") is uri


def test_ipv6_is_held_without_brackets() -> None:
    uri = SipUri.parse("sip:alice@[2001:db8::1]:5070")
    assert (uri.host, uri.port) == ("2001:db8::1", 5070)
    assert str(uri) == "sip:alice@[2001:db8::1]:5070"
    assert format_host_port("::1", None) == "[::1]"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sip:",
        "sip:@host",
        "sip:a@",
        "sip:a@b@c",
        "sip:a b@host",
        "sip:a@ho st",
        "sip:a@host ",
        " sip:a@host",
        "<sip:a@host>",
        "sip:a@host:port",
        "sip:a@host:99999",
        "sip:a@host:123456",
        "sip:a@host;;lr",
        "sip:a@host;",
        "sip:a@host;=1",
        "sip:a@host?=value",
        "sip:a@[::1",
        "sip:a@[::::]",
        "sip:a@::1",
        "sip:a@host\r\n",
        "sip:a@-host",
        "alice@example.com",
        "nobodyKnows",
        "1x:abc",
        "tel:12 34",
        "tel:",
    ],
)
def test_what_is_no_uri(text: str) -> None:
    with pytest.raises(ParseError):
        parse_uri(text)


@pytest.mark.parametrize(
    ("text", "scheme"),
    [
        ("tel:+1-212-555-0101", "tel"),
        ("nobodyKnowsThisScheme:totallyopaquecontent", "nobodyknowsthisscheme"),
        ("soap.beep://192.0.2.103:3002", "soap.beep"),
    ],
)
def test_other_schemes_are_kept_as_they_are(text: str, scheme: str) -> None:
    uri = parse_uri(text)
    assert uri == OtherUri(scheme, text)
    assert str(uri) == text


def test_schemes_have_no_case() -> None:
    assert SipUri.parse("SIP:alice@example.com").is_equivalent(SipUri.parse("sip:alice@example.com"))
    assert isinstance(parse_uri("SIP:alice@example.com"), SipUri)


# RFC 3261 §19.1.4, the examples


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com;newparam=5", "sip:carol@chicago.com;security=on"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
    ],
)
def test_equivalent(one: str, other: str) -> None:
    assert SipUri.parse(one).is_equivalent(SipUri.parse(other))
    assert SipUri.parse(other).is_equivalent(SipUri.parse(one))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com?Subject=next%20meeting"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:carol@chicago.com;security=off", "sip:carol@chicago.com;security=on"),
        ("sip:a@h", "sips:a@h"),
        ("sip:a@h", "sip:a:b@h"),
    ],
)
def test_not_equivalent(one: str, other: str) -> None:
    assert not SipUri.parse(one).is_equivalent(SipUri.parse(other))
    assert not SipUri.parse(other).is_equivalent(SipUri.parse(one))


def test_variations_of_a_uri() -> None:
    uri = SipUri.parse("sip:a@h;transport=udp;lr?X=1")
    assert str(uri.without_headers()) == "sip:a@h;transport=udp;lr"
    assert uri.without_headers().without_headers() == uri.without_headers()
    assert str(uri.without_headers().with_parameter("Transport", "tcp")) == "sip:a@h;lr;Transport=tcp"
    assert str(uri.without_headers().without_parameter("LR")) == "sip:a@h;transport=udp"


def test_ports_of_transports() -> None:
    assert [each.default_port for each in Transport] == [5060, 5060, 5061, 80, 443]


@given(sip_uris)
def test_what_is_written_is_read_back(uri: SipUri) -> None:
    assert SipUri.parse(str(uri)) == uri
    assert SipUri.parse(str(uri)).is_equivalent(uri)


@given(wild_bytes)
def test_any_text_is_a_uri_or_an_error(data: bytes) -> None:
    text = data.decode("latin-1")
    try:
        uri = parse_uri(text)
    except ParseError:
        return
    assert parse_uri(str(uri)) == uri


@pytest.mark.parametrize(
    "text", ["sip:" + "a" * 60000, "sip:a:" + "b:" * 30000, "sip:a@h" + ";x" * 30000 + ">"]
)
def test_long_texts_are_read_in_linear_time(text: str) -> None:
    for _ in range(5):
        with pytest.raises(ParseError):
            parse_uri(text + " ")


def test_a_parameter_is_added_to_what_was_written() -> None:
    """The rest keeps its spelling."""
    uri = parse_uri("sip:%61@Example.COM;x=1")
    assert isinstance(uri, SipUri)
    assert str(uri.with_parameter("transport", "tcp")) == "sip:%61@Example.COM;x=1;transport=tcp"
    assert str(uri.with_parameter("lr", None)) == "sip:%61@Example.COM;x=1;lr"


@given(
    st.lists(
        st.sampled_from(
            [
                "sip:",
                "sips:",
                "SIP:",
                "a",
                "é",
                "%41",
                "@",
                "h",
                "[::1]",
                ":",
                "0",
                "5060",
                ";",
                "=",
                "p",
            ]
        ),
        max_size=9,
    ),
    st.sampled_from(["", "?x=1"]),
)
def test_only_a_spelling_that_is_not_ours_is_kept(parts: list[str], headers: str) -> None:
    """Up to the headers: those are written as ours."""
    text = "sip:" + "".join(parts)
    try:
        uri = SipUri.parse(text + headers)
    except ParseError:
        return
    assert str(uri) == text + headers
    assert (uri.written == "") == (str(replace(uri, written="", headers=())) == text)
