"""Where a 3xx leads (RFC 3261 §8.1.3.4)."""

import pytest

from callapi.base.ids import AccountSid
from callapi.calls.placing.addresses import SipAddress
from callapi.calls.placing.placement import Placement
from callapi.calls.placing.redirects import MAX_REDIRECTS, Redirects
from callapi.sip import Credentials, NameAddr, SipUri

FIRST = SipUri.parse("sip:bob@pbx.example")
CREDENTIALS = Credentials("u", "p")


def placement(uri: SipUri = FIRST) -> Placement:
    alice = NameAddr.parse("<sip:alice@here>")
    address = SipAddress(uri, (("X-A", "1"),), CREDENTIALS)
    return Placement(AccountSid("AC1"), "outbound-dial", address, alice, "alice", "bob")


def targets(*contacts: str, blocked: tuple[str, ...] = ()) -> list[str]:
    found = Redirects(FIRST, blocked).targets([NameAddr.parse(each) for each in contacts], placement())
    return [str(each.address.uri) for each in found]


def test_the_most_preferred_first() -> None:
    contacts = ("<sip:c@h>;q=0.1", "<sip:a@h>;q=0.9", "<sip:b@h>;q=0.5", "<sip:z@h>;q=x")
    assert targets(*contacts) == ["sip:z@h", "sip:a@h", "sip:b@h", "sip:c@h"]


@pytest.mark.parametrize(
    "contact",
    [
        "<tel:+15550100>",
        "<http://h/>",
        "<sip:bob@PBX.example>",
        "<sip:pbx.example>",
        "<sip:bob@pbx.example:5060;transport=UDP>",
        "<sip:a@h;transport=sctp>",
        "<sip:a@h;transport=ws>",
    ],
)
def test_where_it_does_not_lead(contact: str) -> None:
    assert targets(contact) == []


@pytest.mark.parametrize("user", ["+900123", "00900123", "+900-(12)3"])
def test_numbers_that_may_not_be_called(user: str) -> None:
    assert targets(f"<sip:{user}@h>", "<sip:+15550100@h>", blocked=("+900",)) == ["sip:+15550100@h"]


def test_no_address_twice_and_five_in_all() -> None:
    redirects = Redirects(FIRST, ())
    current = placement()
    for number in range(MAX_REDIRECTS):
        contacts = [NameAddr(None, current.address.uri), NameAddr.parse(f"<sip:{number}@h>")]
        [current] = redirects.targets(contacts, current)
    assert list(redirects.targets([NameAddr.parse("<sip:more@h>")], current)) == []
    assert redirects.followed == [f"sip:{number}@h" for number in range(MAX_REDIRECTS)]


def test_credentials_stay_with_their_host_and_headers_go_along() -> None:
    redirects = Redirects(FIRST, ())
    contacts = [
        NameAddr.parse("<sip:other@pbx.example?X-B=2>"),
        NameAddr.parse("<sip:bob@elsewhere.example>"),
    ]
    here, there = redirects.targets(contacts, placement())
    assert here.address.credentials == CREDENTIALS
    assert there.address.credentials is None
    assert here.address.headers == there.address.headers == (("X-A", "1"),)
    assert str(here.address.uri) == "sip:other@pbx.example"
    assert there.to is not None
    assert there.to.uri == FIRST
