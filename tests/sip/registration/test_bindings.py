"""RFC 3261 §10.3: what a REGISTER does to bindings; RFC 3327 Path; RFC 4475 §3.3."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callapi.sip.messages.headers import Headers
from callapi.sip.messages.message import Request
from callapi.sip.messages.uri import SipUri, Transport
from callapi.sip.registration.bindings import (
    Binding,
    Registered,
    RegistrationLimits,
    RegistrationRefused,
    by_preference,
    register,
)
from callapi.sip.transport.hop import Hop

SOURCE = Hop(Transport.UDP, "192.0.2.9", 5060)
NOW = 1000.0


def request(*contacts: str, cseq: int = 1, call_id: str = "1", more: dict[str, str] | None = None) -> Request:
    headers = Headers([("Contact", contact) for contact in contacts])
    for name, value in {"Call-ID": call_id, "CSeq": f"{cseq} REGISTER", **(more or {})}.items():
        headers.add(name, value)
    return Request("REGISTER", SipUri.parse("sip:example.com"), headers)


def apply(
    message: Request, bindings: tuple[Binding, ...] = (), now: float = NOW, **limits: int
) -> Registered | RegistrationRefused:
    return register(message, bindings, source=SOURCE, now=now, limits=RegistrationLimits(**limits))


def bound(message: Request, bindings: tuple[Binding, ...] = (), now: float = NOW) -> tuple[Binding, ...]:
    outcome = apply(message, bindings, now)
    assert isinstance(outcome, Registered)
    return outcome.bindings


def test_add() -> None:
    message = request(
        "<sip:a@h:5070;x=1>;q=0.5;expires=60",
        more={"User-Agent": "Phone", "Path": "<sip:p1;lr>, <sip:p2;lr>"},
    )
    assert bound(message) == (
        Binding(
            "sip:a@h:5070;x=1",
            1060.0,
            "1",
            1,
            0.5,
            "udp:192.0.2.9:5060",
            "Phone",
            ("<sip:p1;lr>", "<sip:p2;lr>"),
        ),
    )


@pytest.mark.parametrize(
    ("contact", "header", "seconds"),
    [
        ("<sip:a@h>", None, 3600),
        ("<sip:a@h>", "120", 120),
        ("<sip:a@h>;expires=90", "120", 90),
        ("<sip:a@h>;expires=999999", None, 3600),
        ("<sip:a@h>;expires=soon", None, 3600),
        ("<sip:a@h>;expires=280297596632815", None, 3600),
        ("<sip:a@h>", "9" * 90, 3600),
    ],
)
def test_how_long(contact: str, header: str | None, seconds: int) -> None:
    [binding] = bound(request(contact, more={"Expires": header} if header else None))
    assert binding.expires_at == NOW + seconds


def test_refresh_replaces_the_same_contact() -> None:
    first = bound(request("<sip:a@h>;expires=60"))
    [again] = bound(request("<sip:a@H;newparam=1>;expires=90", cseq=2), first, NOW + 10)
    assert (again.expires_at, again.cseq) == (NOW + 100, 2)


def test_a_phone_that_started_anew_may_count_anew() -> None:
    first = bound(request("<sip:a@h>", cseq=500))
    assert bound(request("<sip:a@h>", cseq=1, call_id="2"), first)[0].call_id == "2"


@pytest.mark.parametrize("cseq", [4, 5])
def test_an_overtaken_request_changes_nothing(cseq: int) -> None:
    """RFC 3261 §10.3, step 7: all or nothing."""
    before = bound(request("<sip:a@h>", "<sip:b@h>", cseq=5))
    outcome = apply(request("<sip:c@h>", "<sip:a@h>;expires=0", cseq=cseq), before)
    assert outcome == RegistrationRefused(500, "CSeq Out Of Order")


def test_remove_one() -> None:
    before = bound(request("<sip:a@h>", "<sip:b@h>"))
    assert [each.contact for each in bound(request("<sip:a@h>;expires=0", cseq=2), before)] == ["sip:b@h"]
    assert bound(request("<sip:never@h>;expires=0", cseq=2), before) == before


def test_remove_all() -> None:
    before = bound(request("<sip:a@h>", "<sip:b@h>"))
    assert bound(request("*", cseq=2, more={"Expires": "0"}), before) == ()
    assert bound(request("*", call_id="other", more={"Expires": "0"}), before) == ()
    refused = apply(request("*", cseq=1, more={"Expires": "0"}), before)
    assert refused == RegistrationRefused(500, "CSeq Out Of Order")


@pytest.mark.parametrize(
    "message",
    [
        request("*"),
        request("*", more={"Expires": "60"}),
        request("*", "<sip:a@h>", more={"Expires": "0"}),
        request("*, <sip:a@h>", more={"Expires": "0"}),
        request("*", "*", more={"Expires": "0"}),
    ],
)
def test_the_wildcard_stands_alone(message: Request) -> None:
    outcome = apply(message)
    assert isinstance(outcome, RegistrationRefused)
    assert outcome.status == 400


def test_query() -> None:
    before = bound(request("<sip:a@h>;q=0.1", "<sip:b@h>"))
    outcome = apply(request(), before, NOW + 0.4)
    assert isinstance(outcome, Registered)
    assert outcome.headers(NOW + 0.4) == [
        ("Contact", "<sip:b@h>;expires=3600;q=1"),
        ("Contact", "<sip:a@h>;expires=3600;q=0.1"),
    ]


def test_expired_bindings_are_gone() -> None:
    before = bound(request("<sip:a@h>;expires=60", "<sip:b@h>;expires=90"))
    assert [each.contact for each in bound(request(), before, NOW + 60)] == ["sip:b@h"]


def test_too_brief() -> None:
    outcome = apply(request("<sip:a@h>;expires=5"))
    assert outcome == RegistrationRefused(423, "Interval Too Brief", (("Min-Expires", "30"),))


def test_too_many() -> None:
    contacts = [f"<sip:{number}@h>" for number in range(4)]
    outcome = apply(request(*contacts), max_contacts=3)
    assert isinstance(outcome, RegistrationRefused)
    assert outcome.status == 403
    before = bound(request(*contacts[:3]))
    assert isinstance(apply(request("<sip:9@h>", cseq=2), before, max_contacts=3), RegistrationRefused)


def test_only_sip_contacts() -> None:
    """RFC 4475 §3.3.4."""
    outcome = apply(request("<name:John_Smith>"))
    assert isinstance(outcome, RegistrationRefused)
    assert outcome.status == 400


def test_parameters_and_headers_of_a_contact_uri_are_kept() -> None:
    """RFC 4475 §3.3.13 and §3.3.14."""
    contacts = ["<sip:+1@gw;unknownparam>", "<sip:user@example.com?Route=%3Csip:sip.example.com%3E>"]
    for contact in contacts:
        assert f"<{bound(request(contact))[0].contact}>" == contact


@pytest.mark.parametrize(
    ("text", "q"), [("0.25", 0.25), ("0", 0.0), ("1.000", 1.0), ("2", 1.0), ("x", 1.0), ("-1", 1.0)]
)
def test_q(text: str, q: float) -> None:
    assert bound(request(f"<sip:a@h>;q={text}"))[0].q == q


def test_a_malformed_path_is_none() -> None:
    assert bound(request("<sip:a@h>", more={"Path": "<sip:a,"}))[0].path == ()


def test_an_unreadable_binding_belongs_to_no_other() -> None:
    odd = Binding("not a uri", NOW + 60, "0", 0)
    assert set(bound(request("<sip:a@h>"), (odd,))) >= {odd}


def test_preference() -> None:
    low, old, new = Binding("1", 50, "", 1, 0.5), Binding("2", 60, "", 1), Binding("3", 70, "", 1)
    assert by_preference([low, old, new]) == (new, old, low)


@given(
    st.lists(
        st.tuples(
            st.lists(
                st.sampled_from(["<sip:a@h>", "<sip:b@h>;expires=0", "<sip:b@h>;expires=60", "*"]), max_size=3
            ),
            st.integers(1, 4),
            st.sampled_from(["1", "2"]),
            st.sampled_from(["0", "60", "3600"]),
            st.floats(0, 100),
        ),
        max_size=8,
    )
)
def test_whatever_comes_no_contact_is_bound_twice(
    steps: list[tuple[list[str], int, str, str, float]],
) -> None:
    bindings: tuple[Binding, ...] = ()
    now = NOW
    for contacts, cseq, call_id, expires, passed in steps:
        now += passed
        outcome = apply(
            request(*contacts, cseq=cseq, call_id=call_id, more={"Expires": expires}), bindings, now
        )
        if isinstance(outcome, Registered):
            bindings = outcome.bindings
            assert all(each.expires_at > now for each in bindings)
        assert len({each.contact for each in bindings}) == len(bindings)


def test_a_contact_is_listed_with_its_instance_and_flow() -> None:
    contact = '<sip:a@192.0.2.9>;+sip.instance="<urn:uuid:1>";reg-id=2'
    (binding,) = bound(request(contact))
    assert binding.contact_value == '<sip:a@192.0.2.9>;+sip.instance="<urn:uuid:1>";reg-id=2'
    (plain,) = bound(request("<sip:b@192.0.2.9>", call_id="2"))
    assert plain.contact_value == "<sip:b@192.0.2.9>"
