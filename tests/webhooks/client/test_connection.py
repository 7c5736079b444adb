"""One connection, driven octet by octet without a socket: however an answer is cut, it means the same."""

import asyncio
import gzip
import zlib
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callapi.webhooks import ProtocolViolation, TooLarge, Unreachable, WebAnswer, WebhookError, WebRequest
from callapi.webhooks.client.connection import MAX_FIELDS, Connection
from callapi.webhooks.client.failures import Try
from callapi.webhooks.encoding import parse_url

OK = b"HTTP/1.1 200 OK\r\n"
Outcome = tuple[int, bytes, bool] | type[WebhookError]


class Transport(asyncio.Transport):
    """Keeps what is written; closing is noted, and reported by the test."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.is_closed = False

    def write(self, data: Any) -> None:
        self.written += data

    def close(self) -> None:
        self.is_closed = True

    abort = close

    def get_write_buffer_size(self) -> int:
        return 0


async def _exchange(pieces: list[bytes], *, is_closed: bool = True, max_bytes: int = 1000) -> Outcome:
    """What comes of an answer that arrives in `pieces`; `is_closed`: the connection ends after them."""
    lost: list[Connection] = []
    connection, transport = Connection(lost.append), Transport()
    connection.connection_made(transport)
    one = Try(WebRequest("http://example.com/"), parse_url("http://example.com/"))
    task = asyncio.ensure_future(connection.exchange(b"GET", one, max_bytes))
    await asyncio.sleep(0)
    assert transport.written == b"GET"
    for piece in pieces:
        if not transport.is_closed:
            connection.data_received(piece)
    if is_closed:
        connection.connection_lost(None)
        assert lost == [connection]
    try:
        answer: WebAnswer = await asyncio.wait_for(task, 1)
    except WebhookError as error:
        return type(error)
    return answer.status, bytes(one.body), connection.is_usable


ANSWERS: dict[bytes, Outcome] = {
    OK + b"Content-Length: 5\r\n\r\nhello": (200, b"hello", True),
    OK + b"Content-Length: 0\r\n\r\n": (200, b"", True),
    b"HTTP/1.1 204 No Content\r\n\r\n": (204, b"", True),
    OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nTrailer: 1\r\n\r\n": (
        200,
        b"hello",
        True,
    ),
    OK + b"Connection: close\r\nContent-Length: 5\r\n\r\nhello": (200, b"hello", False),
    b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello": (200, b"hello", False),
    b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello": (200, b"hello", True),
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    + OK
    + b"Content-Length: 2\r\n\r\nok": (200, b"ok", True),
    b"HTTP/1.1 500 No\r\nContent-Length: 5\r\n\r\nsorry": (500, b"sorry", True),
    OK
    + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n" % len(gzip.compress(b"hello", mtime=0))
    + gzip.compress(b"hello", mtime=0): (200, b"hello", True),
}


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda answer: repr(answer[:48]))
async def test_an_answer_cut_at_any_octet(answer: bytes) -> None:
    whole = ANSWERS[answer]
    assert await _exchange([answer], is_closed=False) == whole
    for cut in range(1, len(answer)):
        assert await _exchange([answer[:cut], answer[cut:]], is_closed=False) == whole, cut
        broken = await _exchange([answer[:cut]])
        assert broken is ProtocolViolation, (cut, broken)
    assert await _exchange([]) is Unreachable


@given(st.sampled_from(sorted(ANSWERS)), st.data())
def test_an_answer_in_any_pieces(answer: bytes, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.sets(st.integers(0, len(answer)), max_size=12)) | {0, len(answer)})
    pieces = [answer[start:end] for start, end in pairwise(cuts)]
    assert asyncio.run(_exchange(pieces, is_closed=False)) == ANSWERS[answer]


@given(st.lists(st.binary(max_size=200), max_size=5))
def test_any_octets_end_in_an_answer_or_an_error(pieces: list[bytes]) -> None:
    outcome = asyncio.run(_exchange(pieces))
    assert isinstance(outcome, tuple) or issubclass(outcome, WebhookError)


async def test_a_body_that_ends_with_the_connection() -> None:
    answer = OK + b"\r\nhello"
    for cut in range(1, len(answer)):
        assert await _exchange([answer[:cut], answer[cut:]]) == (200, b"hello", False)


async def test_of_a_redirect_only_the_header_is_awaited() -> None:
    head = b"HTTP/1.1 302 Found\r\nLocation: /x\r\n"
    assert await _exchange([head + b"Content-Length: 5\r\n\r\nmoved"], is_closed=False) == (302, b"", True)
    assert await _exchange([head + b"Content-Length: 5\r\n\r\nmo"], is_closed=False) == (302, b"", False)


async def test_a_second_answer_belongs_to_no_request() -> None:
    answer = OK + b"Content-Length: 2\r\n\r\nok"
    assert await _exchange([answer + answer], is_closed=False) == (200, b"ok", False)
    assert await _exchange([answer + b"junk"], is_closed=False) == (200, b"ok", False)


async def test_octets_while_no_request_is_out_close_the_connection() -> None:
    connection, transport = Connection(lambda _: None), Transport()
    connection.connection_made(transport)
    connection.data_received(b"220 mail.example.com ESMTP\r\n")
    assert transport.is_closed
    assert not connection.is_usable


async def test_bounds() -> None:
    fields = b"X: a\r\n" * MAX_FIELDS
    assert await _exchange([OK + fields + b"\r\n"]) == (200, b"", False)
    assert await _exchange([OK + fields + b"X: a\r\n\r\n"]) is ProtocolViolation
    assert await _exchange([OK + b"X: "] + [b"a" * 10_000] * 8) is ProtocolViolation
    assert await _exchange([b"HTTP/1.1 100 Wait\r\nX: 1\r\n\r\n"] * 5000) is ProtocolViolation
    body = OK + b"Content-Length: 1001\r\n\r\n" + b"a" * 1001
    assert await _exchange([body], is_closed=False) is TooLarge
    assert await _exchange([body], is_closed=False, max_bytes=1001) == (200, b"a" * 1001, True)


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        (b"deflate", zlib.compress(b"hello")),
        (b"deflate", zlib.compress(b"hello")[2:-4]),
        (b"GZIP", gzip.compress(b"hello")),
        (b"x-gzip", gzip.compress(b"hel") + gzip.compress(b"lo")),
        (b"identity", b"hello"),
        (b"utf-8", b"hello"),
    ],
    ids=["zlib", "raw", "upper case", "two members", "identity", "not a coding"],
)
async def test_content_codings(coding: bytes, body: bytes) -> None:
    answer = OK + b"Content-Encoding: %b\r\nContent-Length: %d\r\n\r\n%b" % (coding, len(body), body)
    assert await _exchange([answer], is_closed=False) == (200, b"hello", True)


async def test_a_body_that_is_not_in_its_coding() -> None:
    answer = OK + b"Content-Encoding: gzip\r\nContent-Length: 5\r\n\r\nhello"
    assert await _exchange([answer], is_closed=False) is ProtocolViolation
