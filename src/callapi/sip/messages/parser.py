"""From bytes to messages (RFC 3261 §7, §18.3): one datagram, or the stream of a connection.

The parser frames, splits and checks; typed fields are read by `message`. What it refuses is what RFC 4475 §3.1.2
lists. More liberal than the grammar: a response may lack the space before an empty reason, and a line that is not
UTF-8 is read as Latin-1. A bare CR or LF inside the head is refused, since it could smuggle a field into what we
write later.
"""

from __future__ import annotations

import re
from enum import StrEnum
from functools import lru_cache
from typing import NamedTuple

from callapi.sip.errors import ParseError
from callapi.sip.messages.check import check_syntax
from callapi.sip.messages.header_names import is_token
from callapi.sip.messages.headers import Headers
from callapi.sip.messages.message import Message, Request, Response, UnreadableMessage
from callapi.sip.messages.readers import read_lengths
from callapi.sip.messages.uri import MEMO_TEXT, SipUri, parse_uri

MAX_HEAD_BYTES = 64 * 1024
MAX_BODY_BYTES = 1024 * 1024
MAX_HEAD_LINES = 512
MEMO_STATUS_LINES = 256

_FOLD = re.compile(r"[ \t]*+\r\n[ \t]++")
_STATUS_LINE = re.compile(r"SIP/2\.0 ([1-6][0-9]{2})(?: (.*+))?", re.IGNORECASE)
_VERSION = re.compile(r"SIP/[0-9]++\.[0-9]++", re.IGNORECASE)


class KeepAlive(StrEnum):
    """Line ends between the messages of a connection (RFC 5626 §4.4.1)."""

    PING = "ping"
    """CRLF CRLF: to be answered by a CRLF."""
    PONG = "pong"
    """CRLF."""


def parse_message(data: bytes) -> Message:
    """Read one datagram. Raises ParseError.

    A body longer than Content-Length is cut there, a shorter one is an error (RFC 3261 §18.3). Line ends before the
    start line are ignored, which §7.5 asks for streams alone: some phones send them in datagrams too.
    """
    if data[:1] in {b"\r", b"\n"}:
        data = data.lstrip(b"\r\n")
    raw_head, gap, body = data.partition(b"\r\n\r\n")
    head = _Head(raw_head if gap else raw_head.removesuffix(b"\r\n"), is_whole=bool(gap))
    try:
        return head.message(_cut(body, head.content_length()))
    except ParseError as error:
        raise head.answerable(error) from None


class Item(NamedTuple):
    """What was found in a stream, and the bytes that it was made of."""

    value: Message | ParseError | KeepAlive
    data: bytes


class StreamParser:
    """Cuts the byte stream of a connection into messages (RFC 3261 §18.3, RFC 5626 §4.4.1).

    What comes out does not depend on how the stream was split. Once framing is lost `is_broken` is set: nothing
    more will be read, and the connection is to be closed.
    """

    def __init__(self) -> None:
        self.is_broken = False
        self._buffer = bytearray()
        self._searched = 0  # up to here there is no end of the head: each byte is looked at once
        self._head: _Head | None = None  # set while the body is awaited
        self._length = 0  # of the message, with its head

    @property
    def is_idle(self) -> bool:
        """Whether no message has begun."""
        return not self._buffer[:4].strip(b"\r\n")

    def feed(self, data: bytes) -> list[Item]:
        """Take what came and return what is complete. Never raises."""
        found: list[Item] = []
        if self.is_broken:
            return found
        self._buffer += data
        while (item := self._next()) is not None:
            found.append(item)
        return found

    def _next(self) -> Item | None:
        if self._head is not None:
            return self._take_message(self._head)
        if self._buffer.startswith(b"\r\n"):
            return self._take_line_ends()
        end = self._buffer.find(b"\r\n\r\n", self._searched)
        if end > MAX_HEAD_BYTES or (end < 0 and len(self._buffer) > MAX_HEAD_BYTES + 3):
            return self._lose_framing(ParseError(f"a head of over {MAX_HEAD_BYTES} bytes", 513))
        if end < 0:
            self._searched = max(0, len(self._buffer) - 3)
            return None
        return self._take_head(end)

    def _take_line_ends(self) -> Item | None:
        if self._buffer.startswith(b"\r\n\r\n"):
            return Item(KeepAlive.PING, self._take(4))
        if len(self._buffer) == 2 or self._buffer[2:] == b"\r":
            return None  # half a ping, as far as one can see
        return Item(KeepAlive.PONG, self._take(2))

    def _take_head(self, end: int) -> Item | None:
        try:
            head = _Head(bytes(self._buffer[:end]))
        except ParseError as error:
            return self._lose_framing(error)
        try:
            self._length = end + 4 + _stream_length(head.content_length())
        except ParseError as error:
            return self._lose_framing(head.answerable(error))
        self._head = head
        return self._take_message(head)

    def _take_message(self, head: _Head) -> Item | None:
        if len(self._buffer) < self._length:
            return None
        data = self._take(self._length)
        self._head = None
        self._searched = 0
        try:
            return Item(head.message(data[head.length :]), data)
        except ParseError as error:
            return Item(head.answerable(error), data)

    def _take(self, length: int) -> bytes:
        data = bytes(self._buffer[:length])
        del self._buffer[:length]
        return data

    def _lose_framing(self, error: ParseError) -> Item:
        self.is_broken = True
        return Item(error, self._take(len(self._buffer)))


class _Head:
    """Start line and header fields, before it is known whether they make a message.

    Raises ParseError only where there are too many of them.
    """

    __slots__ = ("_fault", "headers", "length", "start_line")

    def __init__(self, data: bytes, *, is_whole: bool = True) -> None:
        self.length = len(data) + 4  # with the empty line
        if data.count(b"\r\n") > MAX_HEAD_LINES:
            raise ParseError(f"a head of over {MAX_HEAD_LINES} lines", 513)
        text, self._fault = _decode(data)
        if not is_whole:
            self._fault = ParseError("no empty line ends the head")
        if "\r\n " in text or "\r\n\t" in text:
            text = _FOLD.sub(" ", text)
        self.start_line, *lines = text.split("\r\n")
        self.headers, fault = Headers.from_lines(lines)
        self._fault = self._fault or fault

    def content_length(self) -> int | None:
        """Content-Length, taken out of the headers; None if absent or contradictory. Raises ParseError."""
        length = self.headers.read("content-length", read_lengths)
        if length is not None:
            self.headers.remove("Content-Length")
        return length

    def message(self, body: bytes) -> Message:
        """The message that this is the head of. Raises ParseError."""
        message = _parse_start_line(self.start_line, self.headers, body)
        if self._fault is not None:
            raise self._fault
        check_syntax(message)
        return message

    def answerable(self, error: ParseError) -> ParseError:
        """The same error; an UnreadableMessage if it is of a request to which a response can and may be built."""
        is_answerable = self.start_line[:4].upper() != "SIP/" and not self.start_line.startswith("ACK ")
        if is_answerable and "Via" in self.headers:
            return UnreadableMessage(error, self.headers)
        return error


def _cut(body: bytes, length: int | None) -> bytes:
    if length is None or length == len(body):
        return body
    if length > len(body):
        raise ParseError(f"Content-Length is {length}, the body has {len(body)} bytes")
    return body[:length]


def _stream_length(length: int | None) -> int:
    if length is None:
        # RFC 3261 §18.3: without it the beginning of the next message is unknown.
        raise ParseError("no single Content-Length on a stream")
    if length > MAX_BODY_BYTES:
        raise ParseError(f"a body of over {MAX_BODY_BYTES} bytes", 513)
    return length


def _decode(data: bytes) -> tuple[str, ParseError | None]:
    try:
        text = data.decode()
    except UnicodeDecodeError:
        # One odd display name must not spoil the other fields.
        text = "\r\n".join([_decode_line(line) for line in data.split(b"\r\n")])
    line_ends = text.count("\r\n")
    if text.count("\n") != line_ends or text.count("\r") != line_ends:
        return text, ParseError("a bare CR or LF in the head")
    return text, None


def _decode_line(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _parse_status_line(line: str) -> tuple[int, str]:
    match = _STATUS_LINE.fullmatch(line)
    if match is None:
        raise ParseError(f"not a status line: {line[:80]!r}")
    return int(match[1]), match[2] or ""


_parse_status_line_once = lru_cache(MEMO_STATUS_LINES)(_parse_status_line)


def _parse_start_line(line: str, headers: Headers, body: bytes) -> Message:
    if line[:4].upper() == "SIP/":
        status, reason = _parse_status_line_once(line) if len(line) <= MEMO_TEXT else _parse_status_line(line)
        return Response(status, reason, headers, body)
    parts = line.split(" ")
    if len(parts) != 3:
        raise ParseError(f"not a request line: {line[:80]!r}")
    method, uri_text, version = parts
    if version != "SIP/2.0":
        _refuse_version(version)
    if not is_token(method):
        raise ParseError(f"not a method: {method[:80]!r}")
    uri = parse_uri(uri_text)
    if isinstance(uri, SipUri) and uri.headers:
        # RFC 3261 §19.1.1, table 1: no headers in a Request-URI.
        raise ParseError(f"headers in the Request-URI: {uri_text[:80]!r}")
    return Request(method, uri, headers, body)


def _refuse_version(version: str) -> None:
    if version.upper() == "SIP/2.0":
        return  # RFC 3261 §7.1: the name is case-insensitive
    if _VERSION.fullmatch(version):
        raise ParseError(f"SIP version {version}", 505)
    raise ParseError(f"not a SIP version: {version[:80]!r}")
