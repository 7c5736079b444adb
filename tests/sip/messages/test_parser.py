"""From bytes to messages: RFC 3261 §7.5 and §18.3, RFC 5626 §4.4.1, and the bounds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callapi.sip.errors import ParseError
from callapi.sip.messages.message import Message, Request, Response, UnreadableMessage
from callapi.sip.messages.parser import MAX_BODY_BYTES, MAX_HEAD_BYTES, KeepAlive, StreamParser, parse_message
from callapi.sip.messages.writer import write_message
from tests.sip.strategies import messages, wild_bytes

OPTIONS = (
    b"OPTIONS sip:bob@example.com SIP/2.0\r\n"
    b"Via: SIP/2.0/TCP h;branch=z9hG4bK1\r\n"
    b"From: <sip:a@h>;tag=1\r\n"
    b"To: <sip:bob@example.com>\r\n"
    b"Call-ID: 1\r\n"
    b"CSeq: 1 OPTIONS\r\n"
)
EMPTY = OPTIONS + b"Content-Length: 0\r\n\r\n"
BODY = OPTIONS + b"l: 5\r\n\r\nhello"


def refusal(data: bytes) -> ParseError:
    with pytest.raises(ParseError) as caught:
        parse_message(data)
    return caught.value


class TestDatagram:
    def test_a_request(self) -> None:
        message = parse_message(BODY)
        assert isinstance(message, Request)
        assert (message.method, str(message.uri), message.body) == (
            "OPTIONS",
            "sip:bob@example.com",
            b"hello",
        )
        assert "Content-Length" not in message.headers

    def test_a_response(self) -> None:
        message = parse_message(
            EMPTY.replace(b"OPTIONS sip:bob@example.com SIP/2.0", b"SIP/2.0 486 Busy Here")
        )
        assert isinstance(message, Response)
        assert (message.status, message.reason) == (486, "Busy Here")

    @pytest.mark.parametrize(
        ("line", "reason"), [(b"SIP/2.0 100", ""), (b"SIP/2.0 100 ", ""), (b"sip/2.0 100 a b", "a b")]
    )
    def test_odd_status_lines(self, line: bytes, reason: str) -> None:
        message = parse_message(EMPTY.replace(b"OPTIONS sip:bob@example.com SIP/2.0", line))
        assert isinstance(message, Response)
        assert message.reason == reason

    def test_the_version_has_no_case(self) -> None:
        assert isinstance(parse_message(EMPTY.replace(b"com SIP/2.0", b"com sip/2.0")), Request)

    def test_a_body_is_cut_to_its_length(self) -> None:
        assert parse_message(BODY + b"junk").body == b"hello"

    def test_without_a_length_the_rest_is_the_body(self) -> None:
        assert parse_message(OPTIONS + b"\r\nhello").body == b"hello"

    def test_the_same_length_twice_is_one(self) -> None:
        message = parse_message(OPTIONS + b"l: 2\r\nContent-Length: 02\r\n\r\nhello")
        assert message.body == b"he"
        assert "Content-Length" not in message.headers

    def test_contradicting_lengths_stay_to_be_found(self) -> None:
        """RFC 4475 §3.3.9."""
        message = parse_message(OPTIONS + b"l: 2\r\nContent-Length: 3\r\n\r\nhello")
        assert message.body == b"hello"
        assert message.headers.get_all("Content-Length") == ["2", "3"]

    def test_folded_lines(self) -> None:
        message = parse_message(
            EMPTY.replace(b"Call-ID: 1", b"Call-ID:\r\n \t1 \t\r\nSubject: a \r\n\tb\r\n  c")
        )
        assert message.call_id == "1"
        assert message.headers.get("Subject") == "a b c"

    def test_text_that_is_no_utf8_spoils_its_own_line_only(self) -> None:
        message = parse_message(
            EMPTY.replace(b"From: ", b'From: "J\xfcrgen" ').replace(b"To: ", 'To: "Jürgen" '.encode())
        )
        assert message.from_.display_name == message.to.display_name == "Jürgen"

    @pytest.mark.parametrize(
        "line",
        [
            b"",
            b"OPTIONS",
            b"OPTIONS sip:bob@example.com",
            b"OPTIONS  sip:bob@example.com SIP/2.0",
            b"OPTIONS sip:bob@example.com SIP/2.0 ",
            b" OPTIONS sip:bob@example.com SIP/2.0",
            b"OPTIONS\tsip:bob@example.com\tSIP/2.0",
            b"OPTIONS sip:bob@example.com; lr SIP/2.0",
            b"OPTIONS <sip:bob@example.com> SIP/2.0",
            b"OPTIONS sip:bob@example.com?X=1 SIP/2.0",
            b"OPTIONS bob SIP/2.0",
            b"OPTI(ONS sip:bob@example.com SIP/2.0",
            b"OPTIONS sip:bob@example.com HTTP/1.1",
            b"SIP/2.0 99 Too Low",
            b"SIP/2.0 700 Too High",
            b"SIP/2.0 2000 Too Long",
            b"SIP/2.0 abc No Number",
            b"SIP/2.0  200 OK",
            b"SIP/3.0 200 OK",
        ],
    )
    def test_bad_start_lines(self, line: bytes) -> None:
        error = refusal(EMPTY.replace(b"OPTIONS sip:bob@example.com SIP/2.0", line))
        assert error.status_hint == 400

    @pytest.mark.parametrize(
        "field",
        [
            b"no colon",
            b": no name",
            b"b\xc3\xa4d: name",
            b"Subject: a\rb",
            b"Subject: a\nb",
            b"\n",
            b"Content-Length: -1",
            b"Content-Length: 1 2",
            b"Content-Length: x",
            b"Content-Length: \xc2\xb2",
            b"Content-Length: 99999999999",
            b"Content-Length: 6",
            b"Content-Length:",
        ],
    )
    def test_bad_fields(self, field: bytes) -> None:
        assert refusal(OPTIONS + field + b"\r\n\r\nhello").status_hint == 400

    @pytest.mark.parametrize(
        "data", [b"", b"\r\n", b"\r\n\r\n", b"\0" * 4, b"hello", b"\xff" * 100, OPTIONS, EMPTY[:-2]]
    )
    def test_what_is_no_message(self, data: bytes) -> None:
        refusal(data)

    def test_a_refused_request_can_be_answered(self) -> None:
        error = refusal(EMPTY.replace(b"SIP/2.0\r\n", b"SIP/9.0\r\n", 1))
        assert error.status_hint == 505
        assert isinstance(error, UnreadableMessage)
        assert error.request_headers.get("Call-ID") == "1"

    @pytest.mark.parametrize(
        "data",
        [
            EMPTY.replace(b"Via: SIP/2.0/TCP h;branch=z9hG4bK1\r\n", b"").replace(
                b"CSeq: 1 OPTIONS", b"CSeq: x"
            ),
            EMPTY.replace(b"OPTIONS", b"ACK").replace(b"CSeq: 1", b"CSeq: x"),
            EMPTY.replace(b"OPTIONS sip:bob@example.com SIP/2.0", b"SIP/2.0 200 OK").replace(
                b"CSeq: 1", b"CSeq: x"
            ),
        ],
        ids=["no Via", "ACK", "response"],
    )
    def test_and_some_cannot(self, data: bytes) -> None:
        assert not isinstance(refusal(data), UnreadableMessage)

    @given(wild_bytes)
    def test_any_bytes_are_a_message_or_an_error(self, data: bytes) -> None:
        try:
            message = parse_message(data)
        except ParseError:
            return
        if "Content-Length" not in message.headers:
            assert parse_message(write_message(message)) == message

    @given(messages(), st.data())
    def test_damaged_messages(self, message: Message, data: st.DataObject) -> None:
        octets = bytearray(write_message(message))
        for _ in range(data.draw(st.integers(1, 3))):
            octets[data.draw(st.integers(0, len(octets) - 1))] = data.draw(st.integers(0, 255))
        try:
            parse_message(bytes(octets))
        except ParseError as error:
            assert error.status_hint in {400, 505}  # noqa: PT017

    @pytest.mark.parametrize(
        "lump",
        [
            b"Via: SIP/2.0/UDP h\r\n",
            b"X-%d: 1\r\n",
            b"Contact: <sip:a@h>,<sip:b@h>\r\n",
            b"a\r\n",
            b":",
            b"\r\n ",
        ],
    )
    def test_the_largest_datagrams_take_bounded_time(self, lump: bytes) -> None:
        head = OPTIONS + lump * ((65000 - len(OPTIONS)) // len(lump))
        for _ in range(3):
            try:
                parse_message(head + b"\r\n")
            except ParseError:
                continue


class TestStream:
    def feed(self, *chunks: bytes) -> list[object]:
        parser = StreamParser()
        return [item.value for chunk in chunks for item in parser.feed(chunk)]

    def test_messages_follow_each_other(self) -> None:
        first, second = self.feed(EMPTY + BODY)
        assert first == parse_message(EMPTY)
        assert second == parse_message(BODY)

    def test_the_bytes_of_each_are_kept(self) -> None:
        assert [item.data for item in StreamParser().feed(b"\r\n\r\n" + BODY + EMPTY)] == [
            b"\r\n\r\n",
            BODY,
            EMPTY,
        ]

    def test_keep_alives(self) -> None:
        assert self.feed(b"\r\n\r\n") == [KeepAlive.PING]
        assert self.feed(b"\r\n\r", b"\n") == [KeepAlive.PING]
        assert self.feed(b"\r\n\r\n\r\n\r\n") == [KeepAlive.PING, KeepAlive.PING]
        pong, message = self.feed(b"\r\n", EMPTY)
        assert pong is KeepAlive.PONG
        assert isinstance(message, Request)

    def test_a_bad_message_does_not_spoil_the_next(self) -> None:
        error, message = self.feed(EMPTY.replace(b"CSeq: 1", b"CSeq: x") + BODY)
        assert isinstance(error, ParseError)
        assert isinstance(error, UnreadableMessage)
        assert message == parse_message(BODY)

    @pytest.mark.parametrize(
        ("field", "status"),
        [
            (b"", 400),
            (b"l: x\r\n", 400),
            (b"l: 1\r\nl: 2\r\n", 400),
            (b"l: %d\r\n" % (MAX_BODY_BYTES + 1), 513),
        ],
    )
    def test_without_a_length_framing_is_lost(self, field: bytes, status: int) -> None:
        parser = StreamParser()
        [item] = parser.feed(OPTIONS + field + b"\r\nhello" + EMPTY)
        assert isinstance(item.value, ParseError)
        assert item.value.status_hint == status
        assert isinstance(item.value, UnreadableMessage)
        assert parser.is_broken
        assert parser.feed(EMPTY) == []

    def test_a_head_of_too_many_lines(self) -> None:
        parser = StreamParser()
        [item] = parser.feed(OPTIONS + b"a:\r\n" * 600 + b"l: 0\r\n\r\n")
        assert isinstance(item.value, ParseError)
        assert parser.is_broken
        assert refusal(OPTIONS + b"a:\r\n" * 600 + b"\r\n").status_hint == 513

    def test_a_head_has_a_bound(self) -> None:
        parser = StreamParser()
        chunk = b"X-Filler: " + b"x" * 1000 + b"\r\n"
        found = [item.value for _ in range(70) for item in parser.feed(chunk)]
        assert len(found) == 1
        assert parser.is_broken
        assert self.feed(b"x" * (MAX_HEAD_BYTES + 1) + b"\r\n\r\n")

    def test_the_largest_message_passes(self) -> None:
        body = b"x" * MAX_BODY_BYTES
        parser = StreamParser()
        data = OPTIONS + b"l: %d\r\n\r\n" % len(body) + body
        found = [
            item.value
            for start in range(0, len(data), 16384)
            for item in parser.feed(data[start : start + 16384])
        ]
        assert isinstance(found[0], Request)
        assert found[0].body == body

    def test_idle(self) -> None:
        parser = StreamParser()
        assert parser.is_idle
        parser.feed(b"\r\n")
        assert parser.is_idle
        parser.feed(BODY[:-1])
        assert not parser.is_idle
        parser.feed(BODY[-1:])
        assert parser.is_idle

    def test_a_slow_head_takes_linear_time(self) -> None:
        parser = StreamParser()
        for _ in range(MAX_HEAD_BYTES):
            assert parser.feed(b"x") == []
            assert not parser.is_idle

    @given(
        st.lists(
            messages().map(write_message) | st.just(b"\r\n\r\n") | st.just(b"\r\n") | wild_bytes, max_size=5
        ),
        st.data(),
    )
    def test_how_the_stream_was_split_does_not_matter(self, parts: list[bytes], data: st.DataObject) -> None:
        stream = b"".join(parts)
        whole, pieces = StreamParser(), StreamParser()
        expected = [(repr(item.value), item.data) for item in whole.feed(stream)]
        cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=6)))
        found = [
            (repr(item.value), item.data)
            for start, end in zip([0, *cuts], [*cuts, len(stream)], strict=True)
            for item in pieces.feed(stream[start:end])
        ]
        # What was read behind a break is shown or not, as it happened to come along.
        complete = len(expected) - (1 if whole.is_broken else 0)
        assert found[:complete] == expected[:complete]
        assert [text for text, _ in found] == [text for text, _ in expected]


@pytest.mark.parametrize("ends", [b"\r\n", b"\r\n\r\n\r\n", b"\n"])
def test_line_ends_before_a_datagram_are_ignored(ends: bytes) -> None:
    """RFC 3261 §7.5 asks for it on streams alone; some phones send them in datagrams too."""
    head = (
        b"OPTIONS sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
    )
    message = parse_message(
        ends + head + b"To: <sip:b@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 7\r\n\r\n"
    )
    assert isinstance(message, Request)
    assert message.method == "OPTIONS"


def test_content_lengths_that_agree_are_one() -> None:
    head = (
        b"OPTIONS sip:b@b.example SIP/2.0\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\nFrom: <sip:a@b>;tag=1\r\n"
    )
    head += (
        b"To: <sip:b@b>\r\nCall-ID: 1\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 7\r\nContent-Type: text/plain\r\n"
    )
    assert parse_message(head + b"Content-Length: 2\r\nl: 2\r\n\r\nab").body == b"ab"


def test_messages_that_share_lines_change_alone() -> None:
    data = REQUEST_OF_A_DIALOG
    first, second = parse_message(data), parse_message(data)
    first.headers.add("Via", "SIP/2.0/UDP other")
    first.headers.set("To", "<sip:carol@example.com>")
    first.headers.remove("Call-ID")
    assert [str(via) for via in second.vias] == ["SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKs"]
    assert second.to.tag == "2"
    assert second.call_id == "shared"
    assert parse_message(data) == second


@pytest.mark.parametrize("field", [b"To: <sip:", b"CSeq: x BYE", b"Max-Forwards: many", b"Nonsense"])
def test_a_malformed_line_is_refused_each_time(field: bytes) -> None:
    name = field.partition(b":")[0]
    kept = [line for line in REQUEST_OF_A_DIALOG.split(b"\r\n") if not line.startswith(name + b":")]
    data = b"\r\n".join([*kept[:-2], field, *kept[-2:]])
    for _ in range(3):
        with pytest.raises(ParseError):
            parse_message(data)


REQUEST_OF_A_DIALOG = (
    b"BYE sip:bob@192.0.2.2 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKs\r\nMax-Forwards: 70\r\n"
    b"From: <sip:alice@192.0.2.1>;tag=1\r\nTo: <sip:bob@192.0.2.2>;tag=2\r\nCall-ID: shared\r\nCSeq: 2 BYE\r\n\r\n"
)
