"""RFC 3261 §12: what makes a dialog, and what requests within it look like."""

import pytest

from callapi.sip.dialog import Dialog, next_hop, route_request
from callapi.sip.errors import RemoteProtocolError
from callapi.sip.messages.headers import NameAddr
from callapi.sip.messages.message import Request, make_response
from callapi.sip.messages.uri import SipUri
from tests.sip.invite_session.support import invite, parse_request

LOOSE = "<sip:p1.example;lr>"
LOOSER = "<sip:p2.example:5080;lr>"
STRICT = "<sip:old.example;x=1?h=v>"


def served(record_route: str = "") -> Dialog:
    return Dialog.of_server(invite(extra=f"Record-Route: {record_route}" if record_route else ""), "us")


def dialled(record_route: str = "") -> Dialog:
    asked = invite()
    response = make_response(asked, 200, to_tag="bob")
    response.headers.set("Contact", "<sip:bob@192.0.2.2:5070>")
    if record_route:
        response.headers.set("Record-Route", record_route)
    return Dialog.of_client(asked, response)


def test_of_a_server() -> None:
    """§12.1.1."""
    dialog = served(f"{LOOSE}, {LOOSER}")
    assert (dialog.call_id, dialog.local_tag, dialog.remote_tag) == ("call", "us", "alice")
    assert dialog.local_header == "<sip:bob@192.0.2.2>;tag=us"
    assert dialog.remote_header == "<sip:alice@192.0.2.1>;tag=alice"
    assert str(dialog.remote_target) == "sip:alice@192.0.2.1:5060"
    assert [str(route) for route in dialog.route_set] == [LOOSE, LOOSER]
    assert (dialog.local_cseq, dialog.remote_cseq) == (0, 1)


def test_an_invite_needs_a_contact() -> None:
    asked = invite()
    asked.headers.remove("Contact")
    with pytest.raises(RemoteProtocolError) as caught:
        Dialog.of_server(asked, "us")
    assert caught.value.status_hint == 400


def test_of_a_client() -> None:
    """§12.1.2: the route set is the Record-Route in reverse."""
    dialog = dialled(f"{LOOSE}, {LOOSER}")
    assert (dialog.local_tag, dialog.remote_tag) == ("alice", "bob")
    assert str(dialog.remote_target) == "sip:bob@192.0.2.2:5070"
    assert [str(route) for route in dialog.route_set] == [LOOSER, LOOSE]
    assert (dialog.local_cseq, dialog.remote_cseq) == (1, None)


def test_a_response_without_a_contact() -> None:
    asked = invite()
    dialog = Dialog.of_client(asked, make_response(asked, 180, to_tag="bob"))
    assert dialog.remote_target == asked.uri


def test_a_request_in_it() -> None:
    """§12.2.1.1."""
    dialog = served()
    bye, info = dialog.request("BYE"), dialog.request("INFO")
    assert (str(bye.uri), bye.cseq.number, info.cseq.number) == ("sip:alice@192.0.2.1:5060", 1, 2)
    assert bye.headers.get("From") == "<sip:bob@192.0.2.2>;tag=us"
    assert bye.headers.get("To") == "<sip:alice@192.0.2.1>;tag=alice"
    assert (bye.call_id, bye.max_forwards) == ("call", 70)
    assert "Route" not in bye.headers
    assert next_hop(bye) == bye.uri


def test_loose_routing() -> None:
    bye = served(f"{LOOSE}, {LOOSER}").request("BYE")
    assert str(bye.uri) == "sip:alice@192.0.2.1:5060"
    assert bye.headers.get("Route") == f"{LOOSE}, {LOOSER}"
    assert str(next_hop(bye)) == "sip:p1.example;lr"


def test_strict_routing() -> None:
    """§12.2.1.1: a first hop without `lr` wants itself in the Request-URI, and the target last in Route."""
    bye = served(f"{STRICT}, {LOOSE}").request("BYE")
    assert str(bye.uri) == "sip:old.example;x=1"
    assert bye.headers.get("Route") == f"{LOOSE}, <sip:alice@192.0.2.1:5060>"
    assert next_hop(bye) == bye.uri  # and not the loose one after it
    assert next_hop(bye.again()) == bye.uri
    bye.headers.set("Route", "<sip:old.example>")
    assert next_hop(bye) == bye.uri


def test_a_preloaded_route() -> None:
    target = SipUri.parse("sip:bob@example.com")
    assert route_request(target, ()) == (target, ())
    assert route_request(target, (NameAddr.parse(LOOSE),)) == (target, (NameAddr.parse(LOOSE),))
    uri, routes = route_request(target, (NameAddr.parse("<tel:+1>"),))
    assert (str(uri), [str(route) for route in routes]) == ("tel:+1", ["<sip:bob@example.com>"])


def test_the_ack_takes_the_number_and_the_credentials_of_its_invite() -> None:
    """§13.2.2.4."""
    dialog = dialled()
    dialog.request("UPDATE")
    asked = invite(extra="Authorization: Digest a\nProxy-Authorization: Digest b")
    ack = dialog.acknowledge(asked)
    assert (ack.cseq.number, ack.cseq.method) == (1, "ACK")
    assert ack.headers.get("Authorization") == "Digest a"
    assert ack.headers.get("Proxy-Authorization") == "Digest b"
    assert dialog.local_cseq == 2


def within(number: int, method: str = "INFO", contact: str = "") -> Request:
    return parse_request(
        f"""{method} sip:bob@192.0.2.2 SIP/2.0
        Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1
        From: <sip:alice@192.0.2.1>;tag=alice
        To: <sip:bob@192.0.2.2>;tag=us
        Call-ID: call
        CSeq: {number} {method}
        {contact}""".rstrip()
    )


def test_numbers_go_up() -> None:
    """§12.2.2; gaps are fine."""
    dialog = served()
    dialog.receive(within(5))
    for number in (5, 4, 1):
        with pytest.raises(RemoteProtocolError) as caught:
            dialog.receive(within(number))
        assert caught.value.status_hint == 500
    dialog.receive(within(6))
    fresh = dialled()
    fresh.receive(within(0))
    assert fresh.remote_cseq == 0


def test_the_target_follows_invite_and_update_only() -> None:
    """§12.2, RFC 3311 §5.1."""
    dialog = served()
    dialog.refresh_target(within(2, "INFO", "Contact: <sip:alice@192.0.2.7>"))
    assert str(dialog.request("BYE").uri) == "sip:alice@192.0.2.1:5060"
    dialog.refresh_target(within(3, "UPDATE", "Contact: <sip:alice@192.0.2.7>"))
    assert str(dialog.request("BYE").uri) == "sip:alice@192.0.2.7"
    dialog.refresh_target(within(4, "INVITE"))
    assert str(dialog.request("BYE").uri) == "sip:alice@192.0.2.7"


def test_the_2xx_says_the_route_set_anew() -> None:
    """§13.2.2.4."""
    dialog = dialled(LOOSE)
    response = make_response(invite(), 200, to_tag="bob")
    response.headers.set("Record-Route", LOOSER)
    response.headers.set("Contact", "<sip:bob@192.0.2.3>")
    dialog.confirm(response)
    bye = dialog.request("BYE")
    assert dialog.is_confirmed
    assert (str(bye.uri), bye.headers.get("Route")) == ("sip:bob@192.0.2.3", LOOSER)
