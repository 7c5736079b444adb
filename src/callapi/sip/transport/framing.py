"""Framing: from the bytes of a connection to messages and back (RFC 3261 §18.3), apart from the socket's life.

Sans-I/O: a connection feeds what arrived, hands on the messages, and writes what `take_outgoing` returns.
"""

from __future__ import annotations

from typing import Protocol

from callapi.sip.errors import ParseError
from callapi.sip.messages.message import Message
from callapi.sip.messages.parser import KeepAlive, StreamParser

Framed = tuple[Message | ParseError, bytes]
"""One message, or why it is not one, and the bytes that it was made of."""


class Framing(Protocol):
    """How messages are delimited on one connection."""

    @property
    def is_open(self) -> bool:
        """Whether messages may be sent; False while a handshake is under way."""

    @property
    def is_broken(self) -> bool:
        """Whether nothing more can be read: the connection is to be closed once the outgoing bytes are written."""

    @property
    def is_closed_by_peer(self) -> bool:
        """Whether it is broken because the peer has closed it in good order."""

    @property
    def is_idle(self) -> bool:
        """Whether no message has begun."""

    def feed(self, data: bytes) -> list[Framed]:
        """Take what arrived and return the messages that are complete. Never raises."""

    def wrap(self, message: bytes) -> bytes:
        """The bytes that carry one message."""

    def take_outgoing(self) -> bytes:
        """What must be written now: handshake, keep-alives, closing. Empties the store."""

    def keep_alive(self) -> None:
        """Put a keep-alive that the peer must answer into the outgoing bytes, where the framing has one."""

    def close(self) -> None:
        """Put the closing of the framing, if it has one, into the outgoing bytes."""


class StreamFraming:
    """Messages one after the other, delimited by Content-Length; CRLF keep-alives between them (RFC 5626 §4.4.1)."""

    __slots__ = ("_outgoing", "_parser")

    is_open = True
    is_closed_by_peer = False

    def __init__(self) -> None:
        self._parser = StreamParser()
        self._outgoing = b""

    @property
    def is_broken(self) -> bool:
        """As `Framing`: the boundaries of messages are lost."""
        return self._parser.is_broken

    @property
    def is_idle(self) -> bool:
        """As `Framing`."""
        return self._parser.is_idle

    def feed(self, data: bytes) -> list[Framed]:
        """As `Framing`; a ping is answered."""
        found: list[Framed] = []
        for value, raw in self._parser.feed(data):
            if isinstance(value, KeepAlive):
                if value is KeepAlive.PING:
                    self._outgoing = b"\r\n"
            else:
                found.append((value, raw))
        return found

    def wrap(self, message: bytes) -> bytes:
        """As `Framing`: a message is its own frame."""
        return message

    def take_outgoing(self) -> bytes:
        """As `Framing`."""
        outgoing, self._outgoing = self._outgoing, b""
        return outgoing

    def keep_alive(self) -> None:
        """As `Framing`: idle TCP and TLS connections are closed after `idle_s`; no ping is sent."""

    def close(self) -> None:
        """As `Framing`: a stream has no closing of its own."""
