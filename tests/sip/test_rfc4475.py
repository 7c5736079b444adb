"""RFC 4475, section 3: the 49 torture messages, their verdicts, and what each was made to show.

Here they meet the parser. What section 3.3 asks of a user agent beyond that (405, 415, 416, 420, 483, ...) is for the
endpoint: `ENDPOINT` lists the answer that each must get on the wire.
"""

from pathlib import Path

import pytest

from callapi.sip.errors import ParseError
from callapi.sip.messages.check import find_fault
from callapi.sip.messages.message import Message, Request, Response, make_refusal
from callapi.sip.messages.parser import KeepAlive, StreamParser, parse_message
from callapi.sip.messages.uri import OtherUri, SipUri
from callapi.sip.messages.writer import write_message

FOLDER = Path(__file__).parent / "rfc4475"
VERDICTS = {
    name: verdict
    for name, _, verdict in (
        line.split("\t") for line in (FOLDER / "verdicts.tsv").read_text(encoding="ascii").splitlines()[1:]
    )
}
ACCEPTED = [name for name, verdict in VERDICTS.items() if verdict == "accept"]
REFUSED = [name for name, verdict in VERDICTS.items() if verdict == "refuse"]

# name -> the answer; None: no response can or may be sent
REFUSALS: dict[str, int | None] = {
    "TC_BADINV01_I.dat": 400,  # 3.1.2.1 extraneous separators in Via and Contact
    "TC_CLERR_I.dat": 400,  # 3.1.2.2 Content-Length beyond the message
    "TC_NCL_I.dat": 400,  # 3.1.2.3 negative Content-Length
    "TC_SCALAR02_V.dat": 400,  # 3.1.2.4 CSeq, Max-Forwards, Expires out of range
    "TC_SCALARLG_V.dat": None,  # 3.1.2.5 a response with the like
    "TC_QUOTBAL_I.dat": 400,  # 3.1.2.6 unterminated quote in To
    "TC_LTGTRURI_I.dat": 400,  # 3.1.2.7 <> around the Request-URI
    "TC_LWSRURI_I.dat": 400,  # 3.1.2.8 white space inside the Request-URI
    "TC_LWSSTART_V.dat": 400,  # 3.1.2.9 double spaces in the request line
    "TC_TRWS_I.dat": 400,  # 3.1.2.10 spaces at its end
    "TC_ESCRURI_V.dat": 400,  # 3.1.2.11 headers in the Request-URI
    "TC_BADDATE_V.dat": 400,  # 3.1.2.12 a time zone in Date
    "TC_REGBADCT_I.dat": 400,  # 3.1.2.13 a Contact URI with headers and no <>
    "TC_BADASPEC_I.dat": 400,  # 3.1.2.14 spaces inside <>
    "TC_BADDN_I.dat": 400,  # 3.1.2.15 a comma in an unquoted display name
    "TC_BADVERS_V.dat": 505,  # 3.1.2.16 SIP/7.0
    "TC_MISMATCH01_V.dat": 400,  # 3.1.2.17 CSeq of another method
    "TC_MISMATCH02_V.dat": 400,  # 3.1.2.18 the same, of an unknown method
    "TC_BIGCODE_V.dat": None,  # 3.1.2.19 status 4294967301
}

# What an endpoint without a registrar answers; with one, REGISTER is answered by it.
ENDPOINT: dict[str, int | None] = {
    "TC_INSUF_I.dat": 400,  # 3.3.1 no Call-ID, From, To
    "TC_UNKSCM_V.dat": 416,  # 3.3.2 unknown scheme in the Request-URI
    "TC_NOVELSC_V.dat": 416,  # 3.3.3 a known scheme that is not ours
    "TC_UNKSM2_V.dat": 404,  # 3.3.4 REGISTER: no SIP URI in To: 404 of a registrar (405 without one)
    "TC_BEXT01_V.dat": 420,  # 3.3.5 Require: with Unsupported
    "TC_INVUT_V.dat": 415,  # 3.3.6 unknown body: with Accept
    "TC_REGAUT01_V.dat": 401,  # 3.3.7 REGISTER: unknown authorization scheme
    "TC_MULTI01_I.dat": 400,  # 3.3.8 fields given twice
    "TC_MCL01_I.dat": 400,  # 3.3.9 contradicting Content-Length
    "TC_BCAST_V.dat": None,  # 3.3.10 a response whose Via is not ours: dropped
    "TC_ZEROMF_V.dat": 483,  # 3.3.11 Max-Forwards 0: we send calls on, as a proxy does
    "TC_CPARAM01_V.dat": 200,  # 3.3.12 REGISTER: unknown header parameter of Contact
    "TC_CPARAM02_V.dat": 200,  # 3.3.13 REGISTER: unknown parameter of the Contact URI, which must be kept
    "TC_REGESCRT_V.dat": 200,  # 3.3.14 REGISTER: headers in the Contact URI, inside <>
    "TC_SDP01_V.dat": 406,  # 3.3.15 Accept without application/sdp
}


def read(name: str) -> bytes:
    return (FOLDER / name).read_bytes()


def accepted(name: str) -> Message:
    return parse_message(read(name))


def request(name: str) -> Request:
    message = accepted(name)
    assert isinstance(message, Request)
    return message


def test_all_are_here() -> None:
    assert len(VERDICTS) == len(list(FOLDER.glob("*.dat"))) == 49
    assert REFUSALS.keys() == set(REFUSED)
    assert ENDPOINT.keys() < set(ACCEPTED)


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted(name: str) -> None:
    message = accepted(name)
    assert find_fault(message) is None or ENDPOINT[name] == 400
    if name != "TC_MCL01_I.dat":  # its body has no known type
        assert parse_message(write_message(message)) == message


@pytest.mark.parametrize("name", REFUSED)
def test_refused(name: str) -> None:
    with pytest.raises(ParseError) as caught:
        accepted(name)
    answer = make_refusal(caught.value, "t")
    assert (answer and answer.status) == REFUSALS[name]
    if answer is not None:
        assert {"Via", "From", "To", "Call-ID", "CSeq"} <= {field for field, _ in answer.headers.items()}
        write_message(answer)


@pytest.mark.parametrize("name", [name for name in VERDICTS if name != "TC_WSINV.dat"])
def test_on_a_stream_each_is_something_or_waited_for(name: str) -> None:
    parser = StreamParser()
    for octet in read(name):
        for item in parser.feed(bytes([octet])):
            assert isinstance(item.value, Request | Response | ParseError | KeepAlive)


# 3.1.1 valid messages


def test_3_1_1_1_a_short_tortuous_invite() -> None:
    invite = request("TC_WSINV.dat")
    assert isinstance(invite.uri, SipUri)
    assert invite.uri.has_parameter("unknownparam")
    assert invite.to.tag == "1918181833n"
    assert (invite.from_.display_name, invite.from_.tag) == ('J Rosenberg \\"', "98asjd8")
    assert invite.max_forwards == 68
    assert (invite.cseq.number, invite.cseq.method) == (9, "INVITE")
    assert [(via.transport, via.host, via.branch) for via in invite.vias] == [
        ("UDP", "192.0.2.2", "390skdjuw"),
        ("TCP", "spindle.example.com", "z9hG4bK9ikj8"),
        ("UDP", "192.168.255.111", "z9hG4bK30239"),
    ]
    assert invite.headers.get("Subject") == ""
    assert invite.headers.get("NewFangledHeader") == "newfangled value continued newfangled value"
    assert invite.headers.get("UnknownHeaderWithUnusualValue") == ";;,,;;,;"
    assert str(invite.routes[0].uri) == "sip:services.example.com;lr;unknownwith=value;unknown-no-value"
    assert invite.contact is not None
    assert invite.contact.display_name == 'Quoted string ""'
    assert invite.contact.parameters == (("newparam", "newvalue"), ("secondparam", None), ("q", "0.33"))
    assert len(invite.body) == 150


def test_3_1_1_2_a_wide_range_of_valid_characters() -> None:
    message = request("TC_INTMETH.dat")
    assert message.method == "!interesting-Method0123456789_*+`.%indeed'~" == message.cseq.method
    assert isinstance(message.uri, SipUri)
    assert message.uri.user == "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*"
    assert message.uri.password == "&it+has=1,weird!*pas$wo~d_too.(doesn't-it)"
    assert message.via.branch == "z9hG4bK-.!%66*_+`'~"
    assert message.to.display_name == "BEL:\x07 NUL:\x00 DEL:\x7f"
    assert message.from_.display_name == "token1~` token2'+_ token3*%!.-"
    assert message.from_.parameter("fromparam''~+*_!.-%") == "работающий"
    assert message.from_.tag == "_token~1'+`*%!-."
    assert message.call_id == "intmeth.word%ZK-!.*_+'@word`~)(><:\\/\"][?}{"
    assert message.headers.get("extensionHeader-!.%*+_`'~") == "\ufeff大停電"


def test_3_1_1_3_percent_escapes_in_uris() -> None:
    invite = request("TC_ESC01_V.dat")
    assert isinstance(invite.uri, SipUri)
    assert (invite.uri.user, invite.uri.host) == ("sips:user@example.com", "example.net")
    assert isinstance(invite.to.uri, SipUri)
    assert invite.to.uri.is_equivalent(SipUri.parse("sip:user@example.com"))
    assert invite.contact is not None
    assert isinstance(invite.contact.uri, SipUri)
    assert invite.contact.uri.user == "caller"
    assert invite.contact.uri.parameters == (("lr", None), ("name", "value%41"))


def test_3_1_1_4_escaped_nulls() -> None:
    register = request("TC_ESCNULL_V.dat")
    assert isinstance(register.to.uri, SipUri)
    assert register.to.uri.user == "null-\0-null"
    assert [str(each.uri) for each in register.contacts] == [
        "sip:%00@host5.example.com",
        "sip:%00%00@host5.example.com",
    ]


def test_3_1_1_5_percent_where_it_is_no_escape() -> None:
    register = request("TC_ESC02_V.dat")
    assert register.method == "RE%47IST%45R" == register.cseq.method
    assert register.to.display_name == "%Z%45"
    assert register.via.branch == "z9hG4bK209%fzsnel234"
    assert [str(each.uri) for each in register.contacts] == [
        "sip:alias1@host1.example.com",
        "sip:alias3@host3.example.com",
    ]
    assert register.headers.get("C%6Fntact") == "<sip:alias2@host2.example.com>"


def test_3_1_1_6_no_space_between_display_name_and_bracket() -> None:
    assert request("TC_LWSDISP_V.dat").from_.display_name == "caller"


def test_3_1_1_7_long_values() -> None:
    invite = request("TC_LONGREQ_V.dat")
    assert len(invite.vias) == 34
    assert invite.vias[-1].received == "192.0.2.5"
    assert len(invite.body) == 150


def test_3_1_1_8_trailing_octets() -> None:
    """A datagram holds one message; a stream goes on with the next."""
    assert request("TC_DBLREQ.dat").method == "REGISTER"
    found = [item.value for item in StreamParser().feed(read("TC_DBLREQ.dat"))]
    methods = [value.method for value in found if isinstance(value, Request)]
    assert methods == ["REGISTER", "INVITE"]


def test_3_1_1_9_semicolons_in_the_user_part() -> None:
    options = request("TC_SEMIURI_V.dat")
    assert isinstance(options.uri, SipUri)
    assert options.uri.user == "user;par=u@example.net"
    assert options.uri.parameters == ()
    assert "multipart/mixed" in (options.headers.get("Accept") or "")


def test_3_1_1_10_varied_transports() -> None:
    assert [via.transport for via in request("TC_TRANSPORTS_V.dat").vias] == [
        "UDP",
        "SCTP",
        "TLS",
        "UNKNOWN",
        "TCP",
    ]


def test_3_1_1_11_multipart() -> None:
    message = request("TC_MPART01.dat")
    assert message.content_type == "multipart/mixed"
    assert len(message.body) == 553
    assert message.body.count(b"--7a9cbec02ceef655") == 3


def test_3_1_1_12_and_13_unusual_and_empty_reasons() -> None:
    unusual, empty = accepted("TC_UNREASON_V.dat"), accepted("TC_NOREASON_V.dat")
    assert isinstance(unusual, Response)
    assert unusual.reason == "= 2**3 * 5**2 но сто девяносто девять - простое"
    assert isinstance(empty, Response)
    assert (empty.status, empty.reason) == (100, "")


# 3.1.2 invalid messages: each for the reason that it was made for


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("TC_SCALAR02_V.dat", "CSeq"),
        ("TC_SCALARLG_V.dat", "CSeq"),
        ("TC_QUOTBAL_I.dat", "address"),
        ("TC_BADDATE_V.dat", "Date"),
        ("TC_BADVERS_V.dat", "version"),
        ("TC_ESCRURI_V.dat", "headers in the Request-URI"),
        ("TC_MISMATCH01_V.dat", "in CSeq it is 'INVITE'"),
    ],
)
def test_3_1_2_reasons(name: str, reason: str) -> None:
    with pytest.raises(ParseError, match=reason):
        accepted(name)


def test_3_1_2_2_on_a_stream_the_rest_of_the_body_is_waited_for() -> None:
    parser = StreamParser()
    assert parser.feed(read("TC_CLERR_I.dat")) == []
    assert not parser.is_idle


def test_3_1_2_3_on_a_stream_framing_is_lost() -> None:
    parser = StreamParser()
    [item] = parser.feed(read("TC_NCL_I.dat"))
    assert isinstance(item.value, ParseError)
    assert parser.is_broken


def test_3_1_2_4_other_scalars_out_of_range_do_no_harm() -> None:
    """With a good CSeq the message is processed as if Max-Forwards and Expires were absent."""
    message = parse_message(read("TC_SCALAR02_V.dat").replace(b"36893488147419103232", b"1"))
    assert (message.max_forwards, message.expires) == (None, None)


def test_3_1_2_15_the_display_name_is_bad_with_an_empty_line_too() -> None:
    with pytest.raises(ParseError, match="Bell"):
        parse_message(read("TC_BADDN_I.dat") + b"\r\n")


# 3.2, 3.3, 3.4: what the layers above find


def test_3_2_1_a_branch_of_nothing_but_the_cookie() -> None:
    """To be treated as a branch of RFC 2543."""
    assert request("TC_BADBRANCH_V.dat").via.branch == "z9hG4bK"


@pytest.mark.parametrize("name", ["TC_INSUF_I.dat", "TC_MULTI01_I.dat", "TC_MCL01_I.dat"])
def test_3_3_faults_that_the_endpoint_answers_400(name: str) -> None:
    assert find_fault(accepted(name)) is not None


def test_3_3_2_to_3_3_4_unknown_schemes() -> None:
    assert request("TC_UNKSCM_V.dat").uri == OtherUri(
        "nobodyknowsthisscheme", "nobodyKnowsThisScheme:totallyopaquecontent"
    )
    assert request("TC_NOVELSC_V.dat").uri == OtherUri("soap.beep", "soap.beep://192.0.2.103:3002")
    register = request("TC_UNKSM2_V.dat")
    assert register.to.uri == OtherUri("isbn", "isbn:2983792873")
    assert register.contact is not None
    assert register.contact.uri == OtherUri("name", "name:John_Smith")


def test_3_3_5_to_3_3_15_what_decides() -> None:
    assert request("TC_BEXT01_V.dat").require == {"nothingSupportsThis", "nothingSupportsThisEither"}
    assert request("TC_INVUT_V.dat").content_type == "application/unknownformat"
    assert (
        request("TC_REGAUT01_V.dat").headers.get("Authorization") == "NoOneKnowsThisScheme opaque-data=here"
    )
    assert accepted("TC_BCAST_V.dat").vias[1].host == "255.255.255.255"
    assert request("TC_ZEROMF_V.dat").max_forwards == 0
    escaped = request("TC_REGESCRT_V.dat").contact
    assert escaped is not None
    assert str(escaped.uri) == "sip:user@example.com?Route=%3Csip:sip.example.com%3E"
    assert request("TC_SDP01_V.dat").headers.get("Accept") == "text/nobodyKnowsThis"


def test_3_4_1_a_request_of_rfc_2543() -> None:
    invite = request("TC_INV2543_I.dat")
    assert invite.via.branch is None
    assert str(invite.record_routes[0].uri) == "sip:UserB@example.com;maddr=ss1.example.com"
    assert invite.to.parameter("user") == "phone"
