"""A phone played by hand, over UDP or TLS: for races, where the test itself says which message leaves when."""

import asyncio
import contextlib
import itertools
import re
import secrets
import ssl
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from callapi.sip.transport import TlsFiles
from tests.scenarios.harness.sipp_scenarios import REASONS
from tests.scenarios.harness.waiting import WAIT_S, eventually
from tests.scenarios.harness.wire import SipMessage

Address = tuple[str, int]
Header = tuple[str, str]
_COPIED = ("Via", "From", "Call-ID", "CSeq", "Record-Route")


def sdp(port: int = 9, *, direction: str = "sendrecv") -> str:
    """A description of G.711 at `port` of 127.0.0.1."""
    lines = ["v=0", "o=raw 1 1 IN IP4 127.0.0.1", "s=-", "c=IN IP4 127.0.0.1", "t=0 0"]
    lines += [f"m=audio {port} RTP/AVP 0 101", "a=rtpmap:0 PCMU/8000", "a=rtpmap:101 telephone-event/8000"]
    return "\r\n".join([*lines, f"a={direction}", ""])


def audio_port(body: str) -> int:
    """Where audio is wanted, by a description."""
    found = re.search(r"^m=audio (\d+) ", body, re.MULTILINE)
    assert found, body
    return int(found[1])


class RawPhone(asyncio.DatagramProtocol):
    """`async with RawPhone("eve") as eve`; `await eve.next_call()` gives a `RawCall`. It listens on `host`."""

    via = "UDP"

    def __init__(self, name: str, host: str = "127.0.0.1") -> None:
        self.name = name
        self.host = host
        self.seen: list[tuple[float, str, SipMessage]] = []
        self.calls: dict[str, RawCall] = {}
        self._incoming: asyncio.Queue[RawCall] = asyncio.Queue()

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=(self.host, 0))
        self._transport = transport
        return self

    async def __aexit__(self, *_: object) -> None:
        for call in self.calls.values():
            call.give_up()
        self._transport.close()

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._transport.get_extra_info("sockname")[1])

    @property
    def uri(self) -> str:
        """Where it is called."""
        return f"sip:{self.name}@{self.here}"

    @property
    def here(self) -> str:
        """Its host and port, as a URI and a Via have them."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Hand each message to its call."""
        message = SipMessage.read(data.decode("utf-8", "replace"))
        self.seen.append((time.time(), "<--", message))
        call_id = message["Call-ID"] or ""
        call = self.calls.get(call_id)
        if call is None and message.is_request and message.method == "INVITE":
            call = self.calls[call_id] = RawCall(self, addr, message)
            self._incoming.put_nowait(call)
        if call is not None:
            call.take(message)

    def send(self, text: str, to: Address) -> None:
        """Send one message."""
        self.seen.append((time.time(), "-->", SipMessage.read(text)))
        self._put(text.encode(), to)

    def _put(self, data: bytes, to: Address) -> None:
        self._transport.sendto(data, to)

    async def next_call(self, timeout: float = WAIT_S) -> "RawCall":
        """The next call that comes in."""
        try:
            async with asyncio.timeout(timeout):
                return await self._incoming.get()
        except TimeoutError:
            raise AssertionError(
                f"no call reached {self.name} within {timeout:g}s\n{self.report()}"
            ) from None

    def invite(
        self,
        uri: str,
        node: Address,
        *,
        headers: Sequence[Header] = (),
        body: str | None = None,
        user: str = "",
        from_: str = "",
        hops: int = 70,
        to_tag: str = "",
    ) -> "RawCall":
        """Call `uri` at `node`; `body` None: without an offer; `from_`: the From in place of `user` and this host."""
        call_id = secrets.token_hex(8)
        user = user or self.name
        lines = [
            f"INVITE {uri} SIP/2.0",
            f"Via: SIP/2.0/{self.via} {self.here};rport;branch=z9hG4bK{secrets.token_hex(6)}",
            f"From: {from_ or f'<sip:{user}@{self.here}>'};tag={secrets.token_hex(4)}",
            f"To: <{uri}>{f';tag={to_tag}' if to_tag else ''}",
            f"Call-ID: {call_id}",
            "CSeq: 1 INVITE",
            f"Max-Forwards: {hops}",
            f"Contact: <{self.uri}>",
            *(f"{name}: {value}" for name, value in headers),
        ]
        text = with_body(lines, body)
        call = self.calls[call_id] = RawCall(self, node, SipMessage.read(text), outgoing=True)
        self.send(text, node)
        return call

    def report(self) -> str:
        """Its messages, one a line."""
        return "\n".join(f"{at:.3f} {self.name} {arrow} {message.start}" for at, arrow, message in self.seen)


class TlsPhone(RawPhone):
    """The same over TLS: `files` is what it shows who connects; None: it speaks plain TCP where TLS is expected."""

    via = "TLS"

    def __init__(self, name: str, files: TlsFiles | None, *, host: str = "127.0.0.1") -> None:
        super().__init__(name)
        self._host = host
        self._files = files
        self._writers: dict[Address, asyncio.StreamWriter] = {}
        self._readers: set[asyncio.Task[None]] = set()
        self.connections = 0
        """How many came in whole: a handshake that the other side breaks off is none."""

    async def __aenter__(self) -> Self:
        context = None
        if self._files is not None and self._files.certificate is not None:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(self._files.certificate, self._files.private_key)
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0, ssl=context)
        return self

    async def __aexit__(self, *_: object) -> None:
        for call in self.calls.values():
            call.give_up()
        self._server.close()
        for writer in self._writers.values():
            writer.close()
        for task in self._readers:
            task.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self._server.sockets[0].getsockname()[1])

    @property
    def uri(self) -> str:
        """Where it is called."""
        return f"sips:{self.name}@{self._host}:{self.port}"

    async def connect(self, node: Address, ca: Path) -> None:
        """Open a connection to a node whose certificate `ca` must vouch for."""
        context = ssl.create_default_context(cafile=str(ca))
        streams = await asyncio.open_connection(*node, ssl=context, server_hostname=node[0])
        self._keep(*streams)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self._keep(reader, writer)

    def _keep(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        peer: Address = writer.get_extra_info("peername")[:2]
        self._writers[peer] = writer
        task = asyncio.get_running_loop().create_task(self._read(reader, peer))
        self._readers.add(task)
        task.add_done_callback(self._readers.discard)

    async def _read(self, reader: asyncio.StreamReader, peer: Address) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).lstrip(b"\r\n")
                length = re.search(rb"^(?:Content-Length|l)\s*:\s*(\d+)", head, re.MULTILINE | re.IGNORECASE)
                body = await reader.readexactly(int(length[1])) if length else b""
                if head:
                    self.datagram_received(head + body, peer)

    def _put(self, data: bytes, to: Address) -> None:
        self._writers[to].write(data)


class WebSocketPhone(RawPhone):
    """The same over a WebSocket to `url`, as a browser's library speaks it: Via and Contact are a `.invalid` name."""

    via = "WS"

    def __init__(self, name: str, url: str) -> None:
        super().__init__(name)
        self._url = url
        self._name = f"{secrets.token_hex(6)}.invalid"

    async def __aenter__(self) -> Self:
        self._socket = await connect(self._url, subprotocols=[Subprotocol("sip")], compression=None)
        self._outgoing: asyncio.Queue[str] = asyncio.Queue()
        self._tasks = asyncio.TaskGroup()
        await self._tasks.__aenter__()
        self._work = [self._tasks.create_task(each) for each in (self._read(), self._write())]
        return self

    async def __aexit__(self, *arguments: object) -> None:
        for call in self.calls.values():
            call.give_up()
        for task in self._work:
            task.cancel()
        await self._tasks.__aexit__(None, None, None)
        await self._socket.close()

    def cut(self) -> None:
        """Close the connection under it without a word, as a page does that is gone."""
        self._socket.transport.abort()

    @property
    def port(self) -> int:
        """It listens nowhere; a number that no other phone has."""
        return int(self._name[:8], 16)

    @property
    def here(self) -> str:
        """Its host as Via and Contact have it."""
        return self._name

    @property
    def uri(self) -> str:
        """Its Contact."""
        return f"sip:{self.name}@{self._name};transport=ws"

    async def _read(self) -> None:
        with contextlib.suppress(ConnectionClosed):
            async for message in self._socket:
                text = message if isinstance(message, str) else message.decode()
                self.datagram_received(text.encode(), ("websocket", 0))

    async def _write(self) -> None:
        while True:
            text = await self._outgoing.get()
            with contextlib.suppress(ConnectionClosed):
                await self._socket.send(text)

    def _put(self, data: bytes, to: Address) -> None:
        self._outgoing.put_nowait(data.decode())


def with_body(lines: Sequence[str], body: str | None) -> str:
    """The message of these lines, with its length."""
    has_type = any(line.startswith("Content-Type:") for line in lines)
    more = ["Content-Type: application/sdp"] if body and not has_type else []
    return "\r\n".join([*lines, *more, f"Content-Length: {len(body or '')}", "", body or ""])


class RawCall:
    """One dialog of a `RawPhone`. Requests inside it named in `answers` get 200 by themselves."""

    def __init__(self, phone: RawPhone, node: Address, invite: SipMessage, *, outgoing: bool = False) -> None:
        self.phone = phone
        self.node = node
        self.invite = invite
        self.outgoing = outgoing
        self.tag = invite.tag("From") if outgoing else secrets.token_hex(4)
        self.received: list[SipMessage] = []
        self.answers = {"BYE", "CANCEL", "INFO", "OPTIONS", "UPDATE"}
        self._numbers = itertools.count(2)
        self._responses: dict[str, str] = {}
        self._changed = asyncio.Event()
        self._repeating: asyncio.TimerHandle | None = None

    def take(self, message: SipMessage) -> None:
        """Note a message; repeat the response to a request that comes again."""
        key = f"{message.method} {message['CSeq']}"
        again = message.is_request and any(f"{each.method} {each['CSeq']}" == key for each in self.received)
        self.received.append(message)
        self._changed.set()
        if message.is_request and message.method == "ACK":
            self.give_up()
        elif again and key in self._responses:
            self.phone.send(self._responses[key], self.node)
        elif not again and message.is_request and message.method in self.answers:
            self.respond(message, 200)

    def give_up(self) -> None:
        """Stop repeating the final response."""
        if self._repeating is not None:
            self._repeating.cancel()
            self._repeating = None

    def respond(
        self, request: SipMessage, status: int, headers: Sequence[Header] = (), *, body: str | None = None
    ) -> None:
        """Answer any request of the dialog; a final response to INVITE is repeated until ACK (RFC 3261 §13.3.1.4)."""
        lines = [f"SIP/2.0 {status} {REASONS[status]}"]
        lines += [f"{name}: {value}" for name in _COPIED for value in request.all(name)]
        to = request["To"] or ""
        lines.append(f"To: {to}" if request.tag("To") else f"To: {to};tag={self.tag}")
        lines += [f"Contact: <{self.phone.uri}>", *(f"{name}: {value}" for name, value in headers)]
        text = with_body(lines, body)
        self._responses[f"{request.method} {request['CSeq']}"] = text
        self.phone.send(text, self.node)
        if request.method == "INVITE" and status >= 200:
            self._repeat(text, 0.5)

    def _repeat(self, text: str, interval: float) -> None:
        self.give_up()
        loop = asyncio.get_running_loop()

        def again() -> None:
            self.phone.send(text, self.node)
            self._repeat(text, min(interval * 2, 4.0))

        self._repeating = loop.call_later(interval, again)

    def ring(self) -> None:
        """180."""
        self.respond(self.invite, 180)

    def answer(self, *, port: int = 9, headers: Sequence[Header] = ()) -> None:
        """200 with G.711 at `port`."""
        self.respond(self.invite, 200, headers, body=sdp(port))

    def refuse(self, status: int, headers: Sequence[Header] = ()) -> None:
        """A final response other than 200."""
        self.respond(self.invite, status, headers)

    def request(
        self, method: str, headers: Sequence[Header] = (), *, body: str | None = None, number: int = 0
    ) -> None:
        """Send a request within the dialog, to the other's Contact; `number` is its CSeq, if not the next."""
        other = next((each for each in self.received if each["Contact"]), self.invite)
        mine, theirs = f"<{self.phone.uri}>;tag={self.tag}", self.invite["From"] or ""
        if self.outgoing:
            mine = self.invite["From"] or ""
            theirs = next(each["To"] or "" for each in self.received if each.tag("To"))
        number = number or (1 if method == "ACK" else next(self._numbers))
        lines = [
            f"{method} {other.uri('Contact')} SIP/2.0",
            f"Via: SIP/2.0/{self.phone.via} {self.phone.here};rport;branch=z9hG4bK{secrets.token_hex(6)}",
            f"From: {mine}",
            f"To: {theirs}",
            f"Call-ID: {self.invite['Call-ID']}",
            f"CSeq: {number} {method}",
            "Max-Forwards: 70",
            f"Contact: <{self.phone.uri}>",
            *(f"Route: {each}" for each in self.routes),
            *(f"{name}: {value}" for name, value in headers),
        ]
        self.phone.send(with_body(lines, body), self.node)

    @property
    def routes(self) -> list[str]:
        """The route set of the dialog (RFC 3261 §12.1)."""
        if not self.outgoing:
            return self.invite.all("Record-Route")
        answers = [each for each in self.received if each.method == "INVITE" and each.all("Record-Route")]
        return answers[0].all("Record-Route")[::-1] if answers else []

    def cancel(self, headers: Sequence[Header] = (), *, sent_by: str = "") -> None:
        """CANCEL our INVITE (RFC 3261 §9.1: same branch, same number), with another `sent_by` in Via if it is given."""
        lines = [self.invite.start.replace("INVITE", "CANCEL", 1)]
        lines += [f"{name}: {self.invite[name]}" for name in ("Via", "From", "To", "Call-ID")]
        if sent_by:
            lines[1] = lines[1].replace(self.phone.here, sent_by)
        lines += [*(f"{name}: {value}" for name, value in headers), "CSeq: 1 CANCEL", "Max-Forwards: 70"]
        self.phone.send(with_body(lines, None), self.node)

    async def gets_invite(self, place: int, timeout: float = WAIT_S) -> SipMessage:
        """The INVITE that came as number `place`, counted from 0 and without repetitions."""

        def invites() -> list[SipMessage]:
            found = {
                each["CSeq"] or "": each
                for each in reversed(self.received)
                if each.start.startswith("INVITE")
            }
            return [self.invite, *(found[each] for each in sorted(found) if each != self.invite["CSeq"])]

        await eventually(f"INVITE {place}", lambda: invites()[place:], timeout)
        return invites()[place]

    async def gets(self, method: str, status: int = 0, timeout: float = WAIT_S) -> SipMessage:
        """The first `method` request (or `status` response to it) of the call, waiting for it if need be."""
        deadline = time.monotonic() + timeout
        while True:
            for message in self.received:
                if message.method == method and message.status == status:
                    return message
            self._changed.clear()
            left = deadline - time.monotonic()
            if left <= 0:
                what = f"{status} to {method}" if status else method
                raise AssertionError(
                    f"{self.phone.name} waited {timeout:g}s for {what}\n{self.phone.report()}"
                )
            try:
                async with asyncio.timeout(left):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def gets_final(self, method: str, timeout: float = WAIT_S) -> SipMessage:
        """The first final response to a `method` request of ours, waiting for it if need be."""

        def finals() -> list[SipMessage]:
            return [each for each in self.received if each.method == method and each.status >= 200]

        await eventually(f"the final response to {method}", finals, timeout)
        return finals()[0]

    @property
    def final_status(self) -> int:
        """The final response to our INVITE; 0 while there is none."""
        finals = (each.status for each in self.received if each.method == "INVITE" and each.status >= 200)
        return next(finals, 0)

    def count(self, method: str, status: int = 0) -> int:
        """How many such messages came."""
        return sum(each.method == method and each.status == status for each in self.received)
