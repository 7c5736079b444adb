"""A WebSocket to an application: the shell around picows.

Messages are handed to a callback inside the event loop's read, so that a message costs no task switch. Bounds: a
message of 8 MiB (ten minutes of µ-law in one message are 6.4 MB), 4 MB and 4000 messages every 0.1 s, after which
reading pauses for the rest of it, and silence of 20 s after which a ping must be answered within 20 s.
"""

import asyncio
import logging
import ssl
from collections.abc import Sequence
from socket import IPPROTO_TCP, SOCK_STREAM, TCP_NODELAY, socket
from typing import Final, Protocol

import aiohappyeyeballs
from msgspec import Struct
from picows import (
    WSCloseCode,
    WSError,
    WSFrame,
    WSHandshakeError,
    WSListener,
    WSMsgType,
    WSParsedURL,
    WSProtocolError,
    WSTransport,
    ws_connect,
)

from callapi.base.notifier import Notifier
from callapi.streams.errors import (
    ConnectionRefused,
    HandshakeRefused,
    HandshakeTimedOut,
    ProtocolViolation,
    SocketLost,
    TlsFailed,
)
from callapi.streams.ports import Egress
from callapi.streams.url import SocketUrl

MAX_MESSAGE: Final = 8 << 20
_SLICE_S: Final = 0.1
_MAX_OCTETS_PER_SLICE: Final = 4_000_000
_MAX_MESSAGES_PER_SLICE: Final = 4000
_PING_S: Final = 20.0
_CLOSE_S: Final = 2.0
"""How long a close handshake may take."""
_NORMAL: Final = 1000
_GOING_AWAY: Final = 1001
_NO_STATUS: Final = 1005
_ABNORMAL: Final = 1006
_LOGGER: Final = logging.getLogger("callapi.streams.picows")
_LOGGER.setLevel(logging.CRITICAL)  # what it reports is reported again by this room, with the call's sid

Headers = Sequence[tuple[str, str]]


class SocketHandler(Protocol):
    """Hears of one socket after the other; must not block."""

    changed: Notifier
    """Rings when the state of the connection changes."""

    def opened(self, connection: "Connection") -> None:
        """The handshake is done; nothing was received yet."""
        ...

    def received(self, message: bytes) -> None:
        """A text message. Raises ProtocolViolation to end the connection."""
        ...


class Closed(Struct, frozen=True):
    """How the application ended a connection: its close code (1006: none came) and reason."""

    code: int
    reason: str = ""

    @property
    def is_normal(self) -> bool:
        """Whether the application closed it on purpose and without an error."""
        return self.code in {_NORMAL, _NO_STATUS}

    @property
    def is_clean(self) -> bool:
        """Normal, or because the application goes away."""
        return self.is_normal or self.code == _GOING_AWAY

    def as_error(self) -> SocketLost:
        """The error that a close of this kind is."""
        if self.code == _ABNORMAL:
            return SocketLost("the WebSocket broke without a close from the application")
        reason = f": {self.reason[:200]}" if self.reason else ""
        return SocketLost(f"the application closed the WebSocket with {self.code}{reason}")


class Connection(WSListener):
    """One WebSocket, for as long as it is open."""

    def __init__(self, handler: SocketHandler) -> None:
        self._handler = handler
        self._transport: WSTransport | None = None
        self._changed = handler.changed
        self._fragments = bytearray()
        self.closed: Closed | None = None
        """How the socket ended; None: it is open."""
        self.violation: ProtocolViolation | None = None
        """Why the connection has to be closed, after a message of the application that is not allowed."""
        self._close_code = _NORMAL
        self._octets = 0
        self._messages = 0
        self._slice: asyncio.TimerHandle | None = None
        self._is_paused = False
        self.can_write = True
        """False while the application reads too slowly."""

    # --- for the stream ---------------------------------------------------------------------------------------------

    def send(self, message: bytes) -> None:
        """Send a text message; nothing if the socket is gone."""
        transport = self._transport
        if transport is not None and self.closed is None and not transport.is_close_frame_sent:
            transport.send(WSMsgType.TEXT, message)

    async def writable(self) -> None:
        """Until more can be sent, or the socket is gone. Safe to cancel."""
        while not self.can_write and self.closed is None:
            await self._changed.wait()

    @property
    def is_over(self) -> bool:
        """Whether the socket has ended, or has to be closed."""
        return self.closed is not None or self.violation is not None

    async def close(self) -> None:
        """Close in good order within two seconds, abort otherwise; the code says whether the application erred."""
        transport = self._transport
        if transport is None:
            return
        if transport.is_disconnected:
            await _gone(transport)
            return
        try:
            if not transport.is_close_frame_sent:
                reason = str(self.violation or "").encode()[:120].decode("ascii", "ignore")
                transport.send_close(WSCloseCode(self._close_code), reason)
            async with asyncio.timeout(_CLOSE_S):
                while self.closed is None:
                    await self._changed.wait()
                transport.disconnect()
                await _gone(transport)
        except TimeoutError:
            transport.disconnect(graceful=False)

    def leave(self) -> None:
        """Close in good order without waiting for the answer; abort if the application has not read what was sent."""
        transport = self._transport
        if transport is None or transport.is_disconnected:
            return
        if not transport.is_close_frame_sent:
            transport.send_close(WSCloseCode(self._close_code))
        is_flushed = transport.underlying_transport.get_write_buffer_size() == 0
        transport.disconnect(graceful=is_flushed)

    def abort(self) -> None:
        """End it at once."""
        if self._transport is not None:
            self._transport.disconnect(graceful=False)

    # --- for picows -------------------------------------------------------------------------------------------------

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The handshake was answered with 101."""
        self._transport = transport
        self._handler.opened(self)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        """A frame came."""
        match frame.msg_type:
            case WSMsgType.TEXT | WSMsgType.CONTINUATION:
                self._text(frame)
            case WSMsgType.CLOSE:
                self._has_closed(int(frame.get_close_code().value), frame)
                if not transport.is_close_frame_sent:
                    transport.send_close(frame.get_close_code())
                transport.disconnect()
            case WSMsgType.BINARY:
                self._violate(
                    ProtocolViolation("the application sent a binary frame; a stream is text (JSON)"), 1003
                )

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        """The TCP connection is gone."""
        if self._slice is not None:
            self._slice.cancel()
        handshake = transport.close_handshake
        sent = handshake.sent if handshake is not None else None
        if self.closed is None:
            self.closed = Closed(_ABNORMAL)
        if sent is not None and self.violation is None and sent.code.value in {1002, 1007, 1009}:
            self.violation = ProtocolViolation(f"the application broke the WebSocket protocol: {sent.reason}")
        self._changed.ring()

    def pause_writing(self) -> None:
        """The send buffer is full."""
        self.can_write = False

    def resume_writing(self) -> None:
        """The send buffer has room."""
        self.can_write = True
        self._changed.ring()

    # --- inside -----------------------------------------------------------------------------------------------------

    def _text(self, frame: WSFrame) -> None:
        payload = frame.get_payload_as_bytes()
        if not frame.fin or self._fragments:
            self._fragments += payload
            payload = bytes(self._fragments) if frame.fin or len(self._fragments) > MAX_MESSAGE else b""
            if not payload and not frame.fin:
                return
            self._fragments.clear()
        if len(payload) > MAX_MESSAGE:
            self._violate(
                ProtocolViolation(f"a message of the application is over {MAX_MESSAGE} octets"), 1009
            )
            return
        if self.violation is not None or self.closed is not None:
            return
        self._account(len(payload))
        try:
            self._handler.received(payload)
        except ProtocolViolation as violation:
            self._violate(violation, 1008)

    def _violate(self, violation: ProtocolViolation, code: int) -> None:
        if self.violation is None:
            self.violation = violation
            self._close_code = code
            self._changed.ring()

    def _has_closed(self, code: int, frame: WSFrame) -> None:
        if self.closed is None:
            try:
                reason = frame.get_close_reason()
            except (ValueError, UnicodeDecodeError):
                reason = ""
            self.closed = Closed(code or _NO_STATUS, reason or "")
            self._changed.ring()

    def _account(self, octets: int) -> None:
        """Count what comes in a slice of time; pause reading where it is too much."""
        self._octets += octets
        self._messages += 1
        if self._slice is None:
            self._slice = asyncio.get_running_loop().call_later(_SLICE_S, self._next_slice)
        is_over = self._octets > _MAX_OCTETS_PER_SLICE or self._messages > _MAX_MESSAGES_PER_SLICE
        if is_over and not self._is_paused and self._transport is not None:
            self._is_paused = True
            self._transport.underlying_transport.pause_reading()

    def _next_slice(self) -> None:
        self._slice = None
        self._octets = self._messages = 0
        if self._is_paused and self._transport is not None and not self._transport.is_disconnected:
            self._is_paused = False
            self._transport.underlying_transport.resume_reading()


async def _gone(transport: WSTransport) -> None:
    try:
        await transport.wait_disconnected()
    except WSError:
        return


class SocketClient:
    """Opens WebSockets to applications. `tls` None: the authorities of the system and of `SSL_CERT_FILE`."""

    def __init__(self, egress: Egress, timeout_s: float, tls: ssl.SSLContext | None = None) -> None:
        self._egress = egress
        self._timeout_s = timeout_s
        self._tls = tls

    async def connect(self, url: SocketUrl, headers: Headers, handler: SocketHandler) -> Connection:
        """An open connection. Safe to cancel.

        Raises:
            StreamError: no connection, TLS, or handshake; `code` is Twilio's.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._connect(url, headers, handler)
        except TimeoutError as error:
            message = f"no WebSocket to {url.signed_base} within {self._timeout_s:g} s"
            raise HandshakeTimedOut(message) from error

    async def _connect(self, url: SocketUrl, headers: Headers, handler: SocketHandler) -> Connection:
        async def open_socket(_: WSParsedURL) -> socket:
            return await self._open_socket(url)

        if self._tls is None and url.is_secure:
            self._tls = ssl.create_default_context()
        where = url.signed_base
        extra = [*headers, *((("Authorization", url.authorization),) if url.authorization else ())]
        try:
            transport, listener = await ws_connect(
                lambda: Connection(handler),
                url.text,
                ssl_context=self._tls,
                websocket_handshake_timeout=None,
                logger_name=_LOGGER,
                enable_auto_ping=True,
                auto_ping_idle_timeout=_PING_S,
                auto_ping_reply_timeout=_PING_S,
                max_frame_size=2 * MAX_MESSAGE,
                extra_headers=extra,
                max_redirects=0,
                socket_factory=open_socket,
                use_aiofastnet=False,
            )
        except WSHandshakeError as error:
            status = error.response.status if error.response is not None else None
            answered = (
                f"answered the handshake with {int(status)}" if status else f"answered nonsense: {error}"
            )
            raise HandshakeRefused(f"{where} {answered}, not 101 Switching Protocols") from error
        except WSProtocolError as error:
            raise HandshakeRefused(f"{where}: {error}") from error
        except ssl.SSLError as error:
            raise TlsFailed(f"TLS with {where} failed: {error.reason or error}") from error
        except OSError as error:
            if url.is_secure:
                raise TlsFailed(f"TLS with {where} failed: {error or type(error).__name__}") from error
            raise HandshakeRefused(f"{where} closed the connection during the handshake: {error}") from error
        if not isinstance(listener, Connection) or transport.response is None:
            raise HandshakeRefused(f"{where} closed the connection without an answer to the handshake")
        return listener

    async def _open_socket(self, url: SocketUrl) -> socket:
        """A connected TCP socket. Raises ConnectionRefused."""
        try:
            found = await self._egress.addresses(url.host, url.port)
            infos = [(each.family, SOCK_STREAM, IPPROTO_TCP, "", (each.host, each.port)) for each in found]
            opened = await aiohappyeyeballs.start_connection(infos, happy_eyeballs_delay=0.25)
        except OSError as error:
            reason = error.strerror or str(error) or type(error).__name__
            raise ConnectionRefused(f"no connection to {url.signed_base}: {reason}") from error
        opened.setsockopt(IPPROTO_TCP, TCP_NODELAY, 1)
        return opened
