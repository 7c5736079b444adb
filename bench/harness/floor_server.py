"""The input and output of markup calls and nothing else: what an asyncio program pays before it decides anything.

    python -m bench.harness.floor_server PART SIP HTTP APPLICATION PHONE DATA

PART is `datagrams` (the SIP messages of both legs), `requests` (and the three requests to the application), `sockets`
(and the RTP and RTCP sockets of both legs: bound, watched, closed) or `rows` (and the records and messages of a call
in SQLite, gathered for 50 ms by a thread); each includes those before it. A call is the one of `bench/calls.py`, with
the same callers, phones and application; the messages have the lengths of the node's.

This is not a user agent. It copies lines, knows one order of messages, repeats nothing, has no timers and no tasks:
a callback for each datagram and each answer, and a dictionary of calls.
"""

import asyncio
import select
import socket
import sqlite3
import sys
from collections import deque
from collections.abc import Callable
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Final, cast

import uvloop

PARTS: Final = ("datagrams", "requests", "sockets", "rows")
"""In the order in which they add to each other."""
LINGER_S: Final = 0.05
_SDP: Final = (
    b"v=0\r\no=- 20518 0 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 20000 RTP/AVP 0 8 101\r\n"
    b"a=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\n"
    b"a=ptime:20\r\na=sendrecv\r\n"
)
_FORM: Final = (
    b"AccountSid=AC00000000000000000000000000000000&ApiVersion=2010-04-01&Direction=inbound&CallStatus=ringing"
    b"&Called=bob%40127.0.0.1&Caller=c&CallerName=&SipCallId=1&SipDomain=127.0.0.1&SipSourceIp=127.0.0.1"
    b"&SipHeader_Contact=%3Csip%3Ac%40127.0.0.1%3A40000%3E&CallSid=CA00000000000000000000000000000000"
)
_TABLES: Final = """
PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;
CREATE TABLE calls (call_id BLOB PRIMARY KEY, status TEXT, began BLOB);
CREATE TABLE messages (call_id BLOB, messages BLOB);
"""


def _nothing(_: bytes) -> None:
    """The answer is not used."""


class Call:
    """What is kept of one call: the caller's lines, and what the phone has answered with."""

    __slots__ = ("caller", "cseq", "from_", "messages", "phone", "sockets", "to", "user", "via")

    def __init__(self, invite: bytes, caller: tuple[str, int]) -> None:
        self.caller = caller
        self.via = line(invite, b"Via")
        self.from_ = line(invite, b"From")
        self.to = line(invite, b"To")
        self.cseq = line(invite, b"CSeq")
        self.user = self.from_.split(b"sip:", 1)[1].split(b"@", 1)[0]
        self.phone = b""
        """The To of the phone's answer."""
        self.messages: list[bytes] = []
        self.sockets: list[socket.socket] = []


def line(message: bytes, name: bytes) -> bytes:
    """The first header field of this name, whole."""
    start = message.find(b"\r\n" + name + b":") + 2
    return message[start : message.find(b"\r\n", start)]


class Requests(asyncio.Protocol):
    """One connection to the application, kept open: a request at a time."""

    def __init__(self, free: deque["Requests"]) -> None:
        self._free = free
        self._received = b""
        self._then: Callable[[bytes], None] = _nothing

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """It can be used."""
        self._transport = cast("asyncio.Transport", transport)

    def send(self, request: bytes, then: Callable[[bytes], None]) -> None:
        """Send it; `then` is called with the body of the answer."""
        self._then = then
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        """A part of the answer, mostly all of it."""
        self._received += data
        end = self._received.find(b"\r\n\r\n")
        if end < 0:
            return
        length = int(self._received[:end].rpartition(b"Content-Length: ")[2])
        if len(self._received) < end + 4 + length:
            return
        body, self._received = self._received[end + 4 :], b""
        self._free.append(self)
        self._then(body)


class Rows:
    """A thread that writes what was put within `LINGER_S`, in one transaction."""

    def __init__(self, path: Path) -> None:
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.executescript(_TABLES)
        self._rows: list[tuple[str, tuple[bytes, ...]]] = []
        self._lock = Lock()
        self._awake = Event()
        Thread(target=self._run, daemon=True).start()

    def put(self, statement: str, *values: bytes) -> None:
        """One statement, some time soon."""
        with self._lock:
            self._rows.append((statement, values))
        if not self._awake.is_set():
            self._awake.set()

    def _run(self) -> None:
        pause = Event()
        while True:
            self._awake.wait()
            pause.wait(LINGER_S)
            with self._lock:
                rows, self._rows = self._rows, []
                self._awake.clear()
            self._database.execute("BEGIN IMMEDIATE")
            for statement in dict.fromkeys(each for each, _ in rows):
                self._database.executemany(statement, [values for each, values in rows if each == statement])
            self._database.execute("COMMIT")


class Floor:
    """All calls."""

    def __init__(self, part: str, sip: int, application: int, phone: int, data: Path) -> None:
        self._phone = phone
        self._level = PARTS.index(part)
        self._loop = asyncio.get_running_loop()
        self._port = sip
        self._application = application
        self._calls: dict[bytes, Call] = {}
        self._free: deque[Requests] = deque()
        self._connecting: set[asyncio.Task[None]] = set()
        self._epoll = select.epoll()
        self._rows = Rows(data / "floor.db") if self._level >= PARTS.index("rows") else None
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 * 1024 * 1024)
        self._socket.bind(("127.0.0.1", sip))
        self._loop.add_reader(self._socket.fileno(), self._readable)

    def _readable(self) -> None:
        for _ in range(16):
            try:
                data, source = self._socket.recvfrom(65536)
            except BlockingIOError:
                return
            self._received(data, source)

    def _received(self, data: bytes, source: tuple[str, int]) -> None:
        call_id = line(data, b"Call-ID")
        if data.startswith(b"INVITE"):
            self._began(data, call_id, source)
            return
        call = self._calls.get(call_id)
        if call is None:
            return
        call.messages.append(data)
        if data.startswith(b"BYE"):
            self._ended(data, call_id, call)
        elif data.startswith(b"SIP/2.0 180"):
            self._to_caller(call, call_id, call.cseq, b"180 Ringing", b"")
        elif data.startswith(b"SIP/2.0 200") and b" INVITE" in line(data, b"CSeq"):
            self._answered(data, call_id, call)
        elif data.startswith(b"SIP/2.0 200"):
            self._over(call_id, call)

    def _began(self, invite: bytes, call_id: bytes, caller: tuple[str, int]) -> None:
        call = self._calls[call_id] = Call(invite, caller)
        call.messages.append(invite)
        self._to_caller(call, call_id, call.cseq, b"100 Trying", b"")
        if self._rows is not None:
            self._rows.put("INSERT INTO calls VALUES (?, 'ringing', ?)", call_id, call.from_)
        if self._level >= PARTS.index("sockets"):
            self._open(call)
        self._ask(call, b"/voice", lambda _: self._place(call, call_id))

    def _place(self, call: Call, call_id: bytes) -> None:
        if self._rows is not None:
            self._rows.put("INSERT INTO calls VALUES (?, 'ringing', ?)", b"to " + call_id, call.from_)
        self._to_phone(call, call_id, b"INVITE", b"1 INVITE", _SDP)

    def _answered(self, response: bytes, call_id: bytes, call: Call) -> None:
        call.phone = line(response, b"To")
        self._to_phone(call, call_id, b"ACK", b"1 ACK")
        self._to_caller(call, call_id, call.cseq, b"200 OK", _SDP)

    def _ended(self, bye: bytes, call_id: bytes, call: Call) -> None:
        self._to_caller(call, call_id, line(bye, b"CSeq"), b"200 OK", b"", line(bye, b"Via"))
        self._to_phone(call, call_id, b"BYE", b"2 BYE")
        self._ask(call, b"/action", _nothing)

    def _over(self, call_id: bytes, call: Call) -> None:
        del self._calls[call_id]
        for each in call.sockets:
            self._epoll.unregister(each.fileno())
            each.close()
        if self._rows is not None:
            for leg in (call_id, b"to " + call_id):
                self._rows.put("UPDATE calls SET status = 'completed' WHERE call_id = ?", leg)
                self._rows.put("INSERT INTO messages VALUES (?, ?)", leg, b"".join(call.messages))
        self._ask(call, b"/status", _nothing)

    def _open(self, call: Call) -> None:
        for _ in range(4):
            opened = socket.socket(socket.AF_INET, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            opened.bind(("127.0.0.1", 0))
            self._epoll.register(opened.fileno(), select.EPOLLIN)
            call.sockets.append(opened)

    def _to_caller(
        self, call: Call, call_id: bytes, cseq: bytes, status: bytes, body: bytes, via: bytes = b""
    ) -> None:
        fields = (via or call.via, call.from_, call.to + b";tag=floor", call_id, cseq)
        self._send(call, b"SIP/2.0 " + status, fields, body, call.caller)

    def _to_phone(self, call: Call, call_id: bytes, method: bytes, cseq: bytes, body: bytes = b"") -> None:
        fields = (
            b"Via: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bK%s%s" % (self._port, call.user, method),
            call.from_,
            call.phone or b"To: <sip:bob@127.0.0.1:%d>" % self._phone,
            call_id,
            b"CSeq: " + cseq,
            b"Max-Forwards: 70",
        )
        first = b"%s sip:bob@127.0.0.1:%d SIP/2.0" % (method, self._phone)
        self._send(call, first, fields, body, ("127.0.0.1", self._phone))

    def _send(
        self, call: Call, first: bytes, fields: tuple[bytes, ...], body: bytes, hop: tuple[str, int]
    ) -> None:
        contact = b"Contact: <sip:bob@127.0.0.1:%d>" % self._port
        lines = (first, *fields, contact, b"Content-Type: application/sdp", b"Content-Length: %d" % len(body))
        message = b"\r\n".join(lines) + b"\r\n\r\n" + body
        call.messages.append(message)
        self._socket.sendto(message, hop)

    def _ask(self, call: Call, path: bytes, then: Callable[[bytes], None]) -> None:
        if self._level < PARTS.index("requests"):
            then(b"")
            return
        body = b"%s&From=sip%%3A%s%%40127.0.0.1&To=sip%%3Abob%%40127.0.0.1" % (_FORM, call.user)
        head = (
            b"POST %s HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            b"X-Twilio-Signature: 0123456789012345678901234567\r\nContent-Length: %d\r\n\r\n"
        ) % (path, self._application, len(body))
        if self._free:
            self._free.popleft().send(head + body, then)
            return
        task = self._loop.create_task(self._ask_anew(head + body, then))
        self._connecting.add(task)
        task.add_done_callback(self._connecting.discard)

    async def _ask_anew(self, request: bytes, then: Callable[[bytes], None]) -> None:
        _, connection = await self._loop.create_connection(
            lambda: Requests(self._free), "127.0.0.1", self._application
        )
        connection.send(request, then)


async def serve(part: str, sip: int, http: int, application: int, phone: int, data: Path) -> None:
    """Until the process gets a signal to stop."""
    _floor = Floor(part, sip, application, phone, data)
    # The harness takes the program for started when this port can be connected to.
    server = await asyncio.get_running_loop().create_server(asyncio.Protocol, "127.0.0.1", http)
    await server.serve_forever()


if __name__ == "__main__":
    _part, *_ports, _data = sys.argv[1:]
    _sip, _http, _application, _phone = map(int, _ports)
    uvloop.run(serve(_part, _sip, _http, _application, _phone, Path(_data)))
