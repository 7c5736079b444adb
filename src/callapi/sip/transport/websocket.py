"""SIP over WebSocket (RFC 7118), the server's side: handshake, frames, keep-alives; sans-I/O.

The protocol itself (RFC 6455) is the sans-I/O core of the `websockets` library. A frame, or a fragmented series of
them, text or binary, holds one SIP message, whose Content-Length may be absent. The subprotocol must be `sip`. An
Origin must be absent or allowed (403): a page of another origin could otherwise use its visitor's place in a trusted
network.
"""

from __future__ import annotations

import logging
from typing import cast
from urllib.parse import urlsplit

from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request as Handshake
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Origin, Subprotocol

from callapi.sip.errors import ParseError
from callapi.sip.messages.parser import MAX_BODY_BYTES, MAX_HEAD_BYTES, parse_message
from callapi.sip.transport.framing import Framed

_LOG = logging.getLogger("callapi.sip.websocket")
SUBPROTOCOL = Subprotocol("sip")
MAX_MESSAGE_BYTES = MAX_HEAD_BYTES + MAX_BODY_BYTES
_KEEP_ALIVE = b"\r\n\r\n"
_DEFAULT_PORTS = {"http": 80, "https": 443}


def origin_of(url: str) -> str:
    """The origin of a URL as browsers write it: scheme, host and a port that is not the scheme's (RFC 6454 §6.2)."""
    parts = urlsplit(url)
    scheme, host = parts.scheme.lower(), (parts.hostname or "").lower()
    if ":" in host:
        host = f"[{host}]"
    is_usual = parts.port is None or parts.port == _DEFAULT_PORTS.get(scheme)
    return f"{scheme}://{host}" if is_usual else f"{scheme}://{host}:{parts.port}"


class WebSocketFraming:
    """The framing of one WebSocket that a client has opened."""

    __slots__ = (
        "_fragments",
        "_has_partial_frame",
        "_is_within_message",
        "_outgoing",
        "_protocol",
        "is_broken",
        "is_open",
    )

    def __init__(self, allowed_origins: tuple[str, ...]) -> None:
        """`allowed_origins` as `origin_of` writes them."""
        self._protocol = ServerProtocol(
            origins=[None, *map(Origin, allowed_origins)],
            subprotocols=[SUBPROTOCOL],
            max_size=MAX_MESSAGE_BYTES,
            logger=_LOG,
        )
        self._outgoing = bytearray()
        self._fragments = bytearray()
        self._is_within_message = False
        self._has_partial_frame = True
        self.is_open = False
        self.is_broken = False

    @property
    def is_closed_by_peer(self) -> bool:
        """As `Framing`: a close frame came before one was sent."""
        return bool(self._protocol.close_rcvd_then_sent)

    @property
    def is_idle(self) -> bool:
        """As `Framing`: the handshake is over and no frame or series of frames has begun."""
        return self.is_open and not self._has_partial_frame and not self._is_within_message

    def feed(self, data: bytes) -> list[Framed]:
        """As `Framing`."""
        found: list[Framed] = []
        if self.is_broken:
            return found
        self._protocol.receive_data(data)
        events = self._protocol.events_received()
        for event in events:
            if isinstance(event, Frame):
                self._take_frame(event, found)
            else:
                self._shake_hands(cast("Handshake", event))  # a server receives nothing else
        self._has_partial_frame = not events
        self._collect()
        return found

    def wrap(self, message: bytes) -> bytes:
        """As `Framing`: a text frame, or a binary one for what is not UTF-8."""
        if self._protocol.state is not State.OPEN:
            return b""
        try:
            message.decode()
        except UnicodeDecodeError:
            self._protocol.send_binary(message)
        else:
            self._protocol.send_text(message)
        self._collect()
        return self.take_outgoing()

    def take_outgoing(self) -> bytes:
        """As `Framing`."""
        outgoing = bytes(self._outgoing)
        self._outgoing.clear()
        return outgoing

    def keep_alive(self) -> None:
        """As `Framing`: a ping, which browsers answer by themselves."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_ping(b"")
            self._collect()

    def close(self) -> None:
        """As `Framing`: a close frame, unless one was sent."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(CloseCode.GOING_AWAY)
            self._collect()

    def _shake_hands(self, request: Handshake) -> None:
        response = self._protocol.accept(request)
        self._protocol.send_response(response)
        self.is_open = response.status_code == 101

    def _take_frame(self, frame: Frame, found: list[Framed]) -> None:
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY):
            self._fragments.clear()
        elif frame.opcode is not Opcode.CONT:
            return
        # A continuation of nothing does not come here: the library has failed the connection.
        self._fragments += frame.data
        self._is_within_message = not frame.fin
        if frame.fin:
            self._take_message(bytes(self._fragments), found)

    def _take_message(self, message: bytes, found: list[Framed]) -> None:
        if not message.strip(b"\r\n"):
            # RFC 5626 §4.4.1 as some clients use it here too: a ping is CRLF CRLF, its answer CRLF.
            if message == _KEEP_ALIVE and self._protocol.state is State.OPEN:
                self._protocol.send_text(b"\r\n")
            return
        try:
            found.append((parse_message(message), message))
        except ParseError as error:
            found.append((error, message))

    def _collect(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                self._outgoing += data
            else:  # the library's mark for the end of the stream
                self.is_broken = True
