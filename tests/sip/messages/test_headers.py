"""Header fields: the multi-map, and the typed values of RFC 3261 §20."""

import pytest
from hypothesis import given

from callapi.sip.errors import ParseError
from callapi.sip.messages.headers import CSeq, Headers, NameAddr, Via
from callapi.sip.messages.uri import OtherUri, SipUri
from tests.sip.strategies import addresses, wild_bytes


class TestHeaders:
    def test_names_have_no_case_and_compact_forms(self) -> None:
        headers = Headers([("v", "one"), ("VIA", "two"), ("x-Account", "7")])
        assert headers.get("Via") == "one"
        assert headers.get_all("V") == ["one", "two"]
        assert headers.get("X-ACCOUNT") == "7"
        assert headers.items() == [("Via", "one"), ("Via", "two"), ("x-Account", "7")]
        assert "via" in headers
        assert "X-account" in headers
        assert "To" not in headers
        assert headers.get("To") is None
        assert headers.get_all("To") == []

    def test_fields_of_one_name_keep_their_order_and_stand_together(self) -> None:
        headers = Headers([("Route", "<sip:a>"), ("To", "x"), ("Route", "<sip:b>")])
        assert headers.lines() == ["Route: <sip:a>", "Route: <sip:b>", "To: x"]

    def test_packed_headers_are_what_they_were(self) -> None:
        fields = [("Via", "one"), ("Via", "two"), ("X-Odd", ""), ("Subject", "a: b"), ("Content-Length", "3")]
        for look in (
            lambda headers: headers.items() == fields,
            lambda headers: headers.get("Subject") == "a: b",
            lambda headers: headers.get_all("v") == ["one", "two"],
            lambda headers: "x-odd" in headers,
            lambda headers: headers.copy() == Headers(fields),
            lambda headers: headers.subset(("via",)).items() == fields[:2],
        ):
            headers = Headers(fields)
            headers.read("via", tuple)
            headers.pack()
            assert look(headers)
            headers.add("Via", "three")
            assert headers.read("via", tuple) == ("one", "two", "three")

    def test_headers_are_packed_once_more_after_a_look(self) -> None:
        headers = Headers([("To", "x")])
        for _ in range(2):
            headers.pack()
            assert headers.get("To") == "x"
        headers.pack()
        headers.pack()
        assert headers == Headers([("To", "x")])
        with pytest.raises(AttributeError):
            headers.unknown  # noqa: B018

    def test_changes(self) -> None:
        headers = Headers([("Via", "one")])
        headers.prepend("Via", "zero")
        headers.prepend("To", "first")
        headers.add("Via", "two")
        assert headers.get_all("Via") == ["zero", "one", "two"]
        headers.set("via", "only")
        assert headers.items() == [("Via", "only"), ("To", "first")]
        headers.remove("v")
        headers.remove("v")
        assert headers == Headers([("To", "first")])
        assert headers != "To: first"
        assert repr(headers) == "Headers([('To', 'first')])"

    def test_a_name_must_be_a_token(self) -> None:
        with pytest.raises(ParseError):
            Headers([("X Y", "1")])

    def test_what_was_read_is_kept_until_it_changes(self) -> None:
        calls: list[list[str]] = []

        def read(values: list[str]) -> int:
            calls.append(values)
            return len(values)

        headers = Headers([("Via", "one")])
        assert headers.read("via", read) == headers.read("via", read) == 1
        assert calls == [["one"]]
        headers.add("v", "two")
        assert headers.read("via", read) == 2
        headers.set("Via", "three")
        assert headers.read("via", read) == 1
        headers.prepend("Via", "zero")
        assert headers.read("via", read) == 2
        headers.remove("Via")
        assert headers.read("via", read) == 0

    def test_copies_go_their_own_way(self) -> None:
        headers = Headers([("Via", "one"), ("To", "x"), ("From", "y")])
        headers.read("via", len)
        twin, part = headers.copy(), headers.subset(["from", "via", "cseq"])
        twin.add("Via", "two")
        part.add("Via", "three")
        assert headers.get_all("Via") == ["one"]
        assert headers.read("via", len) == 1
        assert twin.read("via", len) == 2
        assert part.items() == [("From", "y"), ("Via", "one"), ("Via", "three")]
        assert part.read("via", len) == 2

    def test_content_length_is_left_to_the_writer(self) -> None:
        assert Headers([("l", "5"), ("To", "x")]).lines() == ["To: x"]

    def test_lines_that_are_none_are_reported_and_the_others_kept(self) -> None:
        headers, fault = Headers.from_lines(["To : x", "nonsense", "Föö: 1", "v:\ty \t"])
        assert headers.items() == [("To", "x"), ("Via", "y")]
        assert str(fault) == "not a header field: 'nonsense'"
        assert Headers.from_lines(["Via"])[1] is not None


class TestNameAddr:
    @pytest.mark.parametrize(
        ("text", "name", "uri"),
        [
            ("<sip:a@h>", None, "sip:a@h"),
            ("sip:a@h", None, "sip:a@h"),
            ('"" <sip:a@h>', None, "sip:a@h"),
            ('"Alice"<sip:a@h>', "Alice", "sip:a@h"),
            ("Alice <sip:a@h>", "Alice", "sip:a@h"),
            ("caller<sip:a@h>", "caller", "sip:a@h"),
            ("A. Bell <sip:a@h>", "A. Bell", "sip:a@h"),
            ("token1~` token2'+_ token3*%!.- <sip:a@h>", "token1~` token2'+_ token3*%!.-", "sip:a@h"),
            ("Jürgen (Büro) <sip:a@h>", "Jürgen (Büro)", "sip:a@h"),
            ('"J \\"Rosenberg\\" \\\\" <sip:a@h>', 'J "Rosenberg" \\', "sip:a@h"),
            ('"a, b; <c>" <sip:a@h>', "a, b; <c>", "sip:a@h"),
            ('"%Z%45" <sip:a@h>', "%Z%45", "sip:a@h"),
            ("<sip:a@h;x=1?y=2>", None, "sip:a@h;x=1?y=2"),
            ("<tel:+1>", None, "tel:+1"),
            ("<sip:a@h> ", None, "sip:a@h"),
        ],
    )
    def test_forms(self, text: str, name: str | None, uri: str) -> None:
        address = NameAddr.parse(text)
        assert (address.display_name, str(address.uri), address.parameters) == (name, uri, ())
        assert NameAddr.parse(str(address)) == address

    def test_parameters_after_a_bare_uri_belong_to_the_header(self) -> None:
        """RFC 3261 §20.10; RFC 4475 §3.3.12 and §3.3.13."""
        bare = NameAddr.parse("sip:+19725552222@gw1.example.net;unknownparam")
        assert bare.uri == SipUri("sip", "+19725552222", None, "gw1.example.net", None)
        assert bare.parameters == (("unknownparam", None),)
        bracketed = NameAddr.parse("<sip:+19725552222@gw1.example.net;unknownparam>")
        assert bracketed.parameters == ()
        assert isinstance(bracketed.uri, SipUri)
        assert bracketed.uri.has_parameter("unknownparam")

    def test_parameters(self) -> None:
        address = NameAddr.parse('<sip:a@h> ; Tag = x1 ;q=0.5;+sip.instance="<urn:uuid:1>" ;flag')
        assert address.tag == "x1"
        assert address.parameter("Q".lower()) == "0.5"
        assert address.parameter("+sip.instance") == "<urn:uuid:1>"
        assert address.parameter("flag") is None
        assert address.parameter("none") is None
        assert str(address) == '<sip:a@h>;Tag=x1;q=0.5;+sip.instance="<urn:uuid:1>";flag'
        assert NameAddr.parse("<sip:a@h>").tag is None

    def test_variations(self) -> None:
        address = NameAddr.parse("<sip:a@h>;tag=1;x")
        assert str(address.with_parameter("TAG", "2")) == "<sip:a@h>;x;TAG=2"
        assert str(address.with_parameter("note", 'a "b"')) == '<sip:a@h>;tag=1;x;note="a \\"b\\""'
        assert str(address.with_parameter("ob", None)) == "<sip:a@h>;tag=1;x;ob"
        assert str(address.without_parameters()) == "<sip:a@h>"
        assert address.without_parameters().without_parameters() == NameAddr(None, address.uri)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "<>",
            "sip:",
            '"Mr. J. User <sip:j.user@example.com>',
            '"Watson, Thomas" < sip:t.watson@example.org >',
            "Bell, Alexander <sip:a.g.bell@example.com>",
            "sip:user@example.com?Route=%3Csip:sip.example.com%3E",
            "sip:a@h, sip:b@h",
            '"Joe" <sip:joe@example.org>;;;;',
            "<sip:a@h>;",
            "<sip:a@h>;=1",
            "<sip:a@h>;x=",
            "<sip:a@h> junk",
            '<sip:a@h>;x="unbalanced',
            "<sip:a@h",
            "sip:a@h>",
            "a\0b <sip:a@h>",
            "*",
        ],
    )
    def test_what_is_no_address(self, text: str) -> None:
        with pytest.raises(ParseError):
            NameAddr.parse(text)

    def test_other_schemes(self) -> None:
        assert NameAddr.parse("isbn:2983792873").uri == OtherUri("isbn", "isbn:2983792873")

    @given(addresses)
    def test_what_is_written_is_read_back(self, address: NameAddr) -> None:
        if address.display_name is not None and not address.display_name.strip():
            address = NameAddr(None, address.uri, address.parameters)
        assert NameAddr.parse(str(address)) == address

    @given(wild_bytes)
    def test_any_text_is_an_address_or_an_error(self, data: bytes) -> None:
        try:
            address = NameAddr.parse(data.decode("latin-1"))
        except ParseError:
            return
        assert NameAddr.parse(str(address)) == address


class TestVia:
    @pytest.mark.parametrize(
        "text",
        [
            "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK1;rport",
            "sip/2.0/udp 192.0.2.2:5060;branch=z9hG4bK1;rport",
            "SIP  /   2.0 /UDP 192.0.2.2 : 5060 ; branch = z9hG4bK1 ; rport",
        ],
    )
    def test_forms(self, text: str) -> None:
        via = Via.parse(text)
        assert (via.transport, via.host, via.port) == ("UDP", "192.0.2.2", 5060)
        assert (via.branch, via.received, via.rport) == ("z9hG4bK1", None, None)
        assert via.has_parameter("rport")
        assert str(via) == "SIP/2.0/UDP 192.0.2.2:5060;branch=z9hG4bK1;rport"

    def test_ipv6(self) -> None:
        via = Via.parse("SIP/2.0/TLS [2001:db8::9]:5061;received=2001:db8::10;rport=4711")
        assert (via.host, via.received, via.rport) == ("2001:db8::9", "2001:db8::10", 4711)
        assert str(via) == "SIP/2.0/TLS [2001:db8::9]:5061;received=2001:db8::10;rport=4711"

    def test_rfc_3581(self) -> None:
        via = Via.parse("SIP/2.0/UDP 10.1.1.1:4540;rport;branch=z9hG4bKkjshdyff")
        seen = via.with_parameter("received", "192.0.2.1").with_parameter("rport", "9988")
        assert str(seen) == "SIP/2.0/UDP 10.1.1.1:4540;rport=9988;branch=z9hG4bKkjshdyff;received=192.0.2.1"

    @pytest.mark.parametrize("value", ["x", "", "123456", "²"])
    def test_an_odd_rport_is_none(self, value: str) -> None:
        assert Via("UDP", "h", None, (("rport", value),)).rport is None

    def test_lists(self) -> None:
        vias = Via.parse_list('SIP/2.0/UDP a;x="1,2", SIP/2.0/SCTP b;branch=3 ,SIP/2.0/UNKNOWN c')
        assert [(via.transport, via.host) for via in vias] == [("UDP", "a"), ("SCTP", "b"), ("UNKNOWN", "c")]
        assert vias[0].parameters == (("x", '"1,2"'),)

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "SIP/2.0/UDP",
            "SIP/2.0/UDP ",
            "SIP/7.0/UDP host",
            "SIP/2.0 UDP host",
            "SIP/2.0/UDP 192.0.2.15;;,;,,",
            "SIP/2.0/UDP host:70000",
            "SIP/2.0/UDP host;branch=",
            "SIP/2.0/UDP host,",
            "SIP/2.0/UDP host extra",
            "HTTP/1.1 host",
        ],
    )
    def test_what_is_no_via(self, text: str) -> None:
        with pytest.raises(ParseError):
            Via.parse_list(text)


class TestTemplate:
    def test_its_fields_take_the_place_of_those_of_their_names(self) -> None:
        headers = Headers([("Allow", "BYE"), ("To", "<sip:b@h>")])
        template = Headers([("Allow", "INVITE"), ("Supported", "timer")])
        headers.update(template)
        assert headers.items() == [("Allow", "INVITE"), ("To", "<sip:b@h>"), ("Supported", "timer")]
        headers.add("Allow", "ACK")
        assert template.get_all("Allow") == ["INVITE"]


class TestCSeq:
    def test_forms(self) -> None:
        assert CSeq.parse("0009 INVITE") == CSeq(9, "INVITE")
        assert CSeq.parse("2147483647   !odd") == CSeq(2**31 - 1, "!odd")
        assert str(CSeq(9, "INVITE")) == "9 INVITE"

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "1",
            "INVITE",
            "1INVITE",
            "-1 INVITE",
            "2147483648 INVITE",
            "9" * 5000 + " BYE",
            "1 IN VITE",
            "² BYE",
        ],
    )
    def test_what_is_none(self, text: str) -> None:
        with pytest.raises(ParseError):
            CSeq.parse(text)
