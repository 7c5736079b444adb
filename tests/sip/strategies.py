"""SIP as hypothesis makes it up: well-formed messages, and bytes that merely look like some."""

from hypothesis import strategies as st

from callapi.sip.messages.headers import Headers, NameAddr
from callapi.sip.messages.message import Message, Request, Response
from callapi.sip.messages.uri import SipUri

TOKEN_CHARACTERS = "abcXYZ019-.!%*_+`'~"
texts = st.text(st.characters(codec="utf-8"), max_size=12)
tokens = st.text(TOKEN_CHARACTERS, min_size=1, max_size=10)
lines = st.text(st.characters(codec="utf-8", exclude_characters="\r\n"), max_size=30)
values = lines.map(lambda text: text.strip(" \t"))
hosts = st.sampled_from(["example.com", "192.0.2.1", "2001:db8::1", "::1", "a_b.example.net", "localhost"])
ports = st.none() | st.integers(0, 65535)
parameters = st.lists(
    st.tuples(texts.filter(bool), st.none() | texts.filter(bool)), max_size=3, unique_by=lambda pair: pair[0]
).map(tuple)

sip_uris = st.builds(
    SipUri,
    scheme=st.sampled_from(["sip", "sips"]),
    user=st.none() | texts.filter(bool),
    password=st.none(),
    host=hosts,
    port=ports,
    parameters=parameters,
    headers=st.lists(st.tuples(texts.filter(bool), texts), max_size=2).map(tuple),
) | st.builds(
    SipUri,
    scheme=st.just("sip"),
    user=texts.filter(bool),
    password=texts.filter(bool),
    host=hosts,
    port=ports,
)
header_parameters = st.lists(
    st.tuples(tokens, st.none() | tokens | st.just('"quoted ; , \\" value"')), max_size=3
).map(tuple)
addresses = st.builds(
    NameAddr,
    display_name=st.none() | lines.filter(bool),
    uri=sip_uris,
    parameters=header_parameters,
)

_methods = st.sampled_from(["INVITE", "ACK", "BYE", "OPTIONS", "!odd-Method"])
_free_fields = st.lists(
    st.tuples(
        st.sampled_from(["Subject", "X-Account", "x-other", "User-Agent", "Supported", "Warning"]), values
    ),
    max_size=6,
)


@st.composite
def messages(draw: st.DrawFn) -> Message:
    """A message as our own code would make it."""
    method = draw(_methods)
    headers = Headers(
        [
            ("Via", f"SIP/2.0/UDP {draw(tokens.filter(str.isalnum))};branch=z9hG4bK{draw(tokens)}"),
            ("From", str(draw(addresses))),
            ("To", str(draw(addresses))),
            ("Call-ID", draw(tokens)),
            ("CSeq", f"{draw(st.integers(0, 2**31 - 1))} {method}"),
            *draw(_free_fields),
        ]
    )
    body = draw(st.binary(max_size=40))
    if draw(st.booleans()):
        return Request(method, draw(sip_uris).without_headers(), headers, body)
    return Response(draw(st.integers(100, 699)), draw(values), headers, body)


_lumps = st.sampled_from(
    [
        b"INVITE sip:a@b SIP/2.0\r\n", b"SIP/2.0 200 OK\r\n", b"\r\n", b"\r\n\r\n", b" ", b"\t", b":", b";", b",", b'"',
        b"<", b">", b"\\", b"%00", b"\xff", b"\x00", b"Via: SIP/2.0/UDP h;branch=z9hG4bK1\r\n", b"To: <sip:a@b>\r\n",
        b"From: <sip:a@b>;tag=1\r\n", b"CSeq: 1 INVITE\r\n", b"Call-ID: 1\r\n", b"Contact: ", b"Route: ", b"Date: ",
        b"Content-Length: ", b"l: 3\r\n", b"0", b"9" * 30, b"sip:", b"sips:[::1]", b"@", b"*", b"x" * 300, b"m: *\r\n",
    ]
)  # fmt: skip
wild_bytes = st.lists(_lumps | st.binary(max_size=4), max_size=30).map(b"".join)
"""Much like a message, and rarely one."""
