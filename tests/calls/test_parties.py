"""How SIP writes callers and dialled numbers, and how applications read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callapi.calls.parties import (
    asserted_identity,
    dialled,
    forwarded_from,
    is_anonymous,
    party_name,
    telephone_number,
    user_of,
    vouched_parameters,
)
from callapi.sip import Headers, NameAddr, SipUri, parse_uri


@pytest.mark.parametrize(
    ("uri", "name"),
    [
        ("sip:+15551234@10.0.0.1:5070;user=phone", "+15551234"),
        ("sip:alice@10.0.0.1:5070;transport=tcp", "sip:alice@10.0.0.1"),
        ("sip:1000@example.com", "sip:1000@example.com"),
        ("sip:example.com", "sip:example.com"),
        ("sip:alice%40corp.example@example.com", "sip:alice%40corp.example@example.com"),
        ("sip:bob@[2001:db8::1]:5080", "sip:bob@[2001:db8::1]"),
        ("sip:[2001:db8::1]", "sip:[2001:db8::1]"),
        ("sips:J%C3%BCrgen@example.com", "sips:J%C3%BCrgen@example.com"),
        ("sip:*97%23@example.com", "sip:*97%23@example.com"),
        ("sip:a;b=c@example.com", "sip:a;b=c@example.com"),
        ("sip:%22x%22@example.com", "sip:%22x%22@example.com"),
        ("tel:+4930123456", "+4930123456"),
        ("tel:+49-30-12.34(56);verstat=No-TN-Validation", "+4930123456"),
        ("tel:1234;phone-context=+4930", "+49301234"),
        ("tel:1234;phone-context=example.com", "1234"),
        ("tel:*97", "*97"),
        ("sip:+1-555-0100;npdi@example.com;user=phone", "+15550100"),
        ("sip:%2B15550100@example.com", "+15550100"),
        ("sip:+1%20555%200100@example.com", "+15550100"),
        ("sip:030-1234@example.com;user=phone", "sip:0301234@example.com"),
        ("sip:100-1@example.com", "sip:100-1@example.com"),
        ("sip:+alice@example.com", "sip:+alice@example.com"),
        ("sip:+\u0661\u0662@example.com", "sip:+%D9%A1%D9%A2@example.com"),
        ("urn:service:sos", "urn:service:sos"),
    ],
)
def test_how_a_party_is_named_towards_applications(uri: str, name: str) -> None:
    """RFC 3261 §19.1.2 and §25.1: what is not a number or a client is a SIP URI, spelt as one."""
    assert party_name(parse_uri(uri)) == name
    if name.startswith("sip"):
        assert party_name(parse_uri(name)) == name


def test_a_registered_client_is_called_by_its_name() -> None:
    assert party_name(parse_uri("sip:alice@example.com"), is_client=True) == "client:alice"
    assert party_name(parse_uri("sip:alice%40corp@example.com"), is_client=True) == "client:alice@corp"


@given(st.text(min_size=1, max_size=40).filter(lambda text: text.isprintable()))
def test_every_user_comes_back_out_of_its_name(user: str) -> None:
    name = party_name(SipUri("sip", user, None, "example.com", None))
    parsed = telephone_number(SipUri("sip", user, None, "example.com", None))
    assert user_of(name) == (parsed.completed if parsed else user)


@pytest.mark.parametrize(
    ("uri", "forms"),
    [
        ("sip:1000@example.com", ("1000",)),
        ("sip:+15550100;npdi;rn=+15559999@example.com", ("+15550100", "+15550100;npdi;rn=+15559999")),
        ("sip:+15550100;npdi=yes;cic=+10288@example.com;user=phone", ("+15550100",)),
        ("sip:+1-555-0100@example.com;user=phone", ("+15550100",)),
        ("sip:+1(555)0100@example.com", ("+15550100",)),
        ("sip:5550100;phone-context=+1@example.com;user=phone", ("+15550100", "5550100")),
        ("sip:555-0100;PHONE-CONTEXT=+1-.@example.com;user=PHONE", ("+15550100", "5550100")),
        ("sip:1000;phone-context=pbx.example@example.com;user=phone", ("1000",)),
        ("sip:+15550100;ext=12@example.com", ("+15550100",)),
        ("sip:+15550100;tgrp=tg-1;trunk-context=carrier.example@example.com", ("+15550100",)),
        ("tel:+1-555-0100", ("+15550100",)),
        ("tel:5550100;phone-context=+1", ("+15550100", "5550100")),
        ("sip:1-555-0100@example.com;user=phone", ("15550100", "1-555-0100")),
        ("sip:alice.b@example.com;user=phone", ("alice.b",)),
        ("sip:10.1-2@example.com", ("10.1-2",)),
        ("sip:example.com", ("",)),
        ("urn:service:sos", ("",)),
    ],
)
def test_a_dialled_number_is_known_without_separators_and_parameters(
    uri: str, forms: tuple[str, ...]
) -> None:
    """RFC 3966 §5.1.1 (separators do not count), RFC 4694 (npdi, rn, cic), RFC 4904 (tgrp)."""
    assert dialled(parse_uri(uri))[: len(forms)] == forms


@given(st.text(max_size=80))
def test_any_user_can_be_dialled(user: str) -> None:
    uri = SipUri("sip", user or None, None, "example.com", None, (("user", "phone"),))
    assert dialled(uri)
    assert party_name(uri)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"Anonymous" <sip:anonymous@anonymous.invalid>', True),
        ("<sip:c8oqz84zk7z@anonymous.invalid>", True),
        ("<sip:Restricted@203.0.113.1>", True),
        ("<sip:203.0.113.1>", True),
        ("<sip:anonymous-cat@example.com>", False),
        ("<sip:alice@example.com>", False),
        ("<tel:+15550100>", False),
    ],
)
def test_which_callers_withhold_their_identity(text: str, *, expected: bool) -> None:
    assert is_anonymous(NameAddr.parse(text)) is expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([("P-Asserted-Identity", "<sip:+15550100@carrier.example>")], "+15550100"),
        (
            [("P-Asserted-Identity", '"Cullen, J" <sip:fluffy@cisco.example>, tel:+14085264000')],
            "+14085264000",
        ),
        (
            [
                ("P-Asserted-Identity", "<sip:x@carrier.example>"),
                ("P-Asserted-Identity", "<tel:+1-555-0100>"),
            ],
            "+15550100",
        ),
        ([("P-Asserted-Identity", "<sip:alice@corp.example>")], "sip:alice@corp.example"),
        (
            [("Remote-Party-ID", '"A" <sip:5551234@1.2.3.4>;party=calling;privacy=full')],
            "sip:5551234@1.2.3.4",
        ),
        ([("P-Asserted-Identity", "<sip:anonymous@anonymous.invalid>")], None),
        ([("P-Asserted-Identity", "nonsense <<")], None),
        ([], None),
    ],
)
def test_whom_the_network_vouches_for(fields: list[tuple[str, str]], expected: str | None) -> None:
    found = asserted_identity(Headers(fields))
    assert (found and party_name(found.uri)) == expected


def test_what_a_trusted_peer_says_of_the_caller_reaches_the_application() -> None:
    value = "<sip:+15550100;verstat=TN-Validation-Passed-A@carrier.example;user=phone>"
    fields = [("P-Asserted-Identity", value), ("Privacy", "id")]
    assert vouched_parameters(Headers(fields)) == (
        ("SipHeader_P-Asserted-Identity", value),
        ("SipHeader_Privacy", "id"),
        ("StirVerstat", "TN-Validation-Passed-A"),
    )
    assert vouched_parameters(Headers([("From", "<sip:+1@a.example;verstat=No-TN-Validation>;tag=1")])) == (
        ("StirVerstat", "No-TN-Validation"),
    )


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ([("Diversion", "<sip:+15550100@carrier.example>;reason=unconditional")], "+15550100"),
        ([("Diversion", '"Doe, John" <sip:john@corp.example>;reason=user-busy')], "john"),
        ([("Diversion", '"say \\"hi, all\\"" <sip:john@corp.example>')], "john"),
        ([("Diversion", "<tel:+1-555-0100>;reason=no-answer")], "+15550100"),
        ([("Diversion", "tel:+15550100;reason=no-answer")], "+15550100"),
        ([("Diversion", "<sip:b@x.example>, <sip:a@x.example>")], "b"),
        ([("Diversion", "<sip:b@x.example>"), ("Diversion", "<sip:a@x.example>")], "b"),
        ([("Diversion", "<sip:+15550100;npdi@x.example;user=phone>;counter=1;privacy=off")], "+15550100"),
        ([("Diversion", "<sip:[2001:db8::1]>")], None),
        ([("Diversion", "not an address"), ("Diversion", "<sip:a@x.example>")], "a"),
        # RFC 7044: the entry with `cause` was reached by a diversion from the one that `mp` names
        (
            [
                (
                    "History-Info",
                    "<sip:UserA@ims.example>;index=1, <sip:UserB@ims.example;cause=302>;index=1.1;mp=1",
                )
            ],
            "UserA",
        ),
        # RFC 4244: the entry that was left says why
        (
            [
                (
                    "History-Info",
                    "<sip:+15550100@x.example?Reason=SIP%3Bcause%3D486%3Btext%3D%22Busy%22>;index=1",
                ),
                ("History-Info", "<sip:+15550199@x.example>;index=2"),
            ],
            "+15550100",
        ),
        (
            [("History-Info", "<sip:+15550100@x.example>;index=1, <sip:+15550100@y.example>;index=1.1;rc=1")],
            None,
        ),
        (
            [
                ("History-Info", "<sip:a@x.example>;index=1, <sip:b@x.example;cause=486>;index=1.1;mp=1"),
                ("Diversion", "<sip:c@x.example>"),
            ],
            "c",
        ),
        ([], None),
    ],
)
def test_who_forwarded_the_call(fields: list[tuple[str, str]], expected: str | None) -> None:
    """RFC 5806 §4 and RFC 7044."""
    assert forwarded_from(Headers(fields)) == expected
