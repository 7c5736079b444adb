"""One connection to an application: a request goes out, one bounded answer comes back, then the next request.

`httptools` (the parser of Node.js) reads the octets. What must be counted is counted here: the fields of a header,
interim answers, the body after its content coding.
"""

import asyncio
from collections.abc import Callable
from typing import Final, cast

from httptools import HttpParserError, HttpParserUpgrade, HttpResponseParser

from callapi.webhooks.client.content import Decoder, decoder_of
from callapi.webhooks.client.failures import SHOWN_BODY, Try, broken_off, connection_lost, unreadable
from callapi.webhooks.errors import TooLarge, WebhookError
from callapi.webhooks.exchange import WebAnswer

MAX_HEAD: Final = 65_536
"""Octets of status line and header fields, interim answers included."""
MAX_FIELDS: Final = 256


class Connection(asyncio.Protocol):
    """Not shared: the exchange that has it from the pool gives it back before the next begins."""

    __slots__ = (
        "_answered",
        "_decoder",
        "_field_octets",
        "_fields",
        "_head_octets",
        "_is_delimited",
        "_is_message_over",
        "_max_bytes",
        "_on_lost",
        "_one",
        "_parser",
        "_transport",
        "idle_since",
        "is_usable",
    )

    def __init__(self, on_lost: Callable[["Connection"], None]) -> None:
        """`on_lost` is called once, when the connection has ended."""
        self._on_lost = on_lost
        self._answered: asyncio.Future[WebAnswer] | None = None
        self._parser: HttpResponseParser | None = HttpResponseParser(self)
        self.is_usable = True
        """Whether a further request may go out here."""
        self.idle_since = 0.0
        """When it was last given back, on the clock of the loop."""

    async def exchange(self, request: bytes, one: Try, max_bytes: int) -> WebAnswer:
        """Send `request`; the answer's head, and its body in `one`. The connection may be used again if it `is_usable`.

        Of a redirect no body is kept, of a failure only what is shown. Safe to cancel.

        Raises:
            WebhookError: no usable answer.
        """
        self._one, self._max_bytes = one, max_bytes
        self._fields: list[tuple[str, str]] = []
        self._head_octets = self._field_octets = 0
        self._decoder: Decoder | None = None
        self._is_delimited = self._is_message_over = False
        answered: asyncio.Future[WebAnswer] = asyncio.get_running_loop().create_future()
        self._answered = answered
        if self._parser is None:
            self._fail(connection_lost(None, one, has_begun=False))
        else:
            self._transport.write(request)
        try:
            return await answered
        except asyncio.CancelledError:
            self.is_usable = False
            raise
        finally:
            self._answered = None

    def close(self) -> None:
        """End the connection; octets that the peer does not take are dropped."""
        self.is_usable = False
        if self._transport.get_write_buffer_size() or self._transport.get_extra_info("sslcontext"):
            self._transport.abort()
        else:
            self._transport.close()

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """As Protocol."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """As Protocol."""
        if self._answered is None or self._answered.done() or self._parser is None:
            self.is_usable = False  # octets that belong to no request
            self._transport.close()
            return
        one = self._one
        if one.head is None:
            self._head_octets += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserUpgrade:
            self._finish(is_usable=False)
        except HttpParserError as error:
            self._fail(unreadable(error, one))
        if one.head is None:
            if self._head_octets > MAX_HEAD:
                self._fail(unreadable(f"its header is longer than {MAX_HEAD} octets", one))
        elif 300 <= one.head.status < 400:
            self._finish(is_usable=False)  # unless the whole of it has come

    def connection_lost(self, exc: Exception | None) -> None:
        """As Protocol."""
        self.is_usable, self._parser = False, None
        if self._answered is not None and not self._answered.done():
            one = self._one
            if exc is None and one.head is not None and not self._is_delimited:
                self._complete(is_usable=False)  # the end of the connection is the end of the body
            else:
                self._fail(connection_lost(exc, one, has_begun=self._head_octets > 0))
        self._on_lost(self)

    # What the parser calls

    def on_message_begin(self) -> None:
        """A further answer that belongs to no request, or the one after an interim answer."""
        if self._is_message_over:
            self.is_usable = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """One field."""
        self._field_octets += len(name) + len(value)
        if len(self._fields) == MAX_FIELDS or self._field_octets > MAX_HEAD:
            text = f"its header has more than {MAX_FIELDS} fields or {MAX_HEAD} octets"
            self._fail(unreadable(text, self._one))
            return
        text = value.decode("ascii" if value.isascii() else "utf-8", "replace")
        self._fields.append((name.decode("latin-1"), text))

    def on_headers_complete(self) -> None:
        """The whole header; of an interim answer (RFC 9110 §15.2) it is dropped."""
        if self._is_message_over or self._parser is None:
            return
        status = self._parser.get_status_code()
        if 100 <= status < 200 and status != 101:
            self._fields = []
            return
        content_type = ""
        for name, value in self._fields:
            match name.lower():
                case "content-type" if not content_type:
                    content_type = value
                case "content-length":
                    self._is_delimited = True
                case "transfer-encoding" if "chunked" in value.lower():
                    self._is_delimited = True
                case "content-encoding":
                    self._set_coding(value)
        headers = tuple(self._fields)
        self._one.head = WebAnswer(status, content_type, b"", self._one.target.text, 0.0, headers)

    def on_body(self, body: bytes) -> None:
        """A part of the body as it was sent."""
        one, head = self._one, self._one.head
        if head is None or self._is_message_over or 300 <= head.status < 400:
            return
        if self._answered is None or self._answered.done():
            return
        if self._decoder is None:
            self._keep(body, head.status)
            return
        try:
            for piece in self._decoder.decode(body):
                if not self._keep(piece, head.status):
                    break
        except ValueError:
            self._fail(broken_off(one))

    def on_message_complete(self) -> None:
        """The end of an answer."""
        if self._one.head is not None and not self._is_message_over and self._parser is not None:
            self._complete(is_usable=self._parser.should_keep_alive())

    # The answer

    def _set_coding(self, value: str) -> None:
        try:
            self._decoder = decoder_of(value)
        except ValueError as error:
            self._fail(unreadable(error, self._one))

    def _keep(self, piece: bytes, status: int) -> bool:
        """Add to the body; False if no more of it is wanted."""
        body = self._one.body
        body += piece
        if 200 <= status < 300:
            if len(body) <= self._max_bytes:
                return True
            message = f"{self._one.target.text} answered with more than {self._max_bytes} bytes"
            self._fail(TooLarge(message, self._one.request, self._one.shown()))
            return False
        if len(body) <= SHOWN_BODY:
            return True
        del body[SHOWN_BODY:]
        self._finish(is_usable=False)
        return False

    def _complete(self, *, is_usable: bool) -> None:
        self._is_message_over = True
        if self._decoder is not None and self._one.body and not self._decoder.is_complete:
            self._fail(broken_off(self._one))
        else:
            self._finish(is_usable=is_usable)

    def _finish(self, *, is_usable: bool) -> None:
        head = self._one.head
        if head is not None and self._answered is not None and not self._answered.done():
            self.is_usable = is_usable
            self._answered.set_result(head)

    def _fail(self, error: WebhookError) -> None:
        self.is_usable = False
        if self._answered is not None and not self._answered.done():
            self._answered.set_exception(error)
