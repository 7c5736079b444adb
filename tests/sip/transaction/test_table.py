"""RFC 3261 §17.1.3, §17.2.3, §9.2, §8.2.2.2, and the fallback of RFC 4475 §3.2.1 and §3.4.1."""

from callapi.sip.messages.message import Request
from callapi.sip.transaction.table import TransactionTable, answered_key, client_key, server_key
from tests.sip.transaction.support import answer, request


def old(method: str, *, to_tag: str = "") -> Request:
    asked = request(method, branch="1")
    if to_tag:
        asked.headers.set("To", f"<sip:bob@192.0.2.2>;tag={to_tag}")
    asked.headers.set("CSeq", f"1 {method}")
    return asked


def test_a_response_matches_by_branch_and_method() -> None:
    table: TransactionTable[str, str] = TransactionTable()
    invite, bye = request("INVITE"), request("BYE")
    table.add_client(client_key(invite), "invite")
    assert answered_key(answer(invite, 200)) == client_key(invite)
    assert table.for_response(answer(invite, 200)) == "invite"
    assert table.for_response(answer(bye, 200)) is None
    assert table.for_response(answer(request(branch="z9hG4bKb"), 200)) is None


def test_a_request_matches_by_branch_sent_by_and_method() -> None:
    invite = request("INVITE")
    assert server_key(invite) == server_key(request("INVITE"))
    assert server_key(request("ACK")) == server_key(invite)
    assert server_key(request("CANCEL")) != server_key(invite)
    assert server_key(request("CANCEL"), "INVITE") == server_key(invite)
    elsewhere = request("INVITE")
    elsewhere.headers.set("Via", "SIP/2.0/UDP 192.0.2.9:5060;branch=z9hG4bKa")
    assert server_key(elsewhere) != server_key(invite)


def test_rfc_2543_matches_by_much_more() -> None:
    assert server_key(old("ACK", to_tag="2")) == server_key(old("INVITE"))
    assert server_key(old("BYE")) != server_key(old("INVITE"))
    other = old("INVITE")
    other.headers.set("Call-ID", "another")
    assert server_key(other) != server_key(old("INVITE"))


def test_the_bare_cookie_is_no_branch() -> None:
    """RFC 4475 §3.2.1: two requests with it alone are not the same transaction."""
    one, other = request(branch="z9hG4bK"), request(branch="z9hG4bK")
    other.headers.set("Call-ID", "another")
    assert server_key(one) != server_key(other)


def test_a_merged_request() -> None:
    table: TransactionTable[str, str] = TransactionTable()
    invite = request("INVITE")
    merge_key = table.add_server(server_key(invite), invite, "invite")
    by_another_way = request("INVITE", branch="z9hG4bKother")
    assert table.for_request(server_key(by_another_way)) is None
    assert table.is_merged(by_another_way)
    by_another_way.headers.set("To", "<sip:bob@192.0.2.2>;tag=2")
    assert not table.is_merged(by_another_way)
    table.remove_server(server_key(invite), merge_key)
    assert not table.is_merged(request("INVITE", branch="z9hG4bKother"))
    assert len(table) == 0


def test_a_cancel_whose_via_names_another_sent_by() -> None:
    """§9.1 wants the INVITE's Via; proxies that write another host still mean that INVITE."""
    table: TransactionTable[str, str] = TransactionTable()
    invite = request("INVITE")
    table.add_server(server_key(invite), invite, "invite")
    cancel = request("CANCEL")
    assert table.to_be_cancelled(cancel) == "invite"
    cancel.headers.set("Via", str(cancel.via).replace(cancel.via.host, "192.0.2.77"))
    assert table.to_be_cancelled(cancel) == "invite"
    for name, value in (
        ("Via", "SIP/2.0/UDP 192.0.2.77;branch=z9hG4bKother"),
        ("Call-ID", "another"),
        ("CSeq", "2 CANCEL"),
        ("From", "<sip:alice@192.0.2.1>;tag=another"),
    ):
        other = request("CANCEL")
        other.headers.set("Via", str(cancel.via))
        other.headers.set(name, value)
        assert table.to_be_cancelled(other) is None
