"""What this room needs of others: audio to send, audio to play, and addresses to connect to; `adapters/` fills it."""

import socket
from collections.abc import Sequence
from typing import Protocol

from msgspec import Struct


class AudioFrame(Protocol):
    """20 ms of audio, in the stream's format."""

    @property
    def timestamp_ms(self) -> int:
        """Since listening began, never going back."""
        ...

    @property
    def payload(self) -> bytes:
        """The samples."""
        ...


class AudioSource(Protocol):
    """One track of a call, 20 ms at a time without a gap, from the moment it was opened."""

    track: str
    """`inbound` or `outbound`."""

    async def read(self) -> Sequence[AudioFrame]:
        """The frames that came since, at least one. Safe to cancel. Empty: the source is closed."""
        ...

    def close(self) -> None:
        """Listen no more. Idempotent."""
        ...


class MarkReached(Struct, frozen=True):
    """`number` was played, or dropped by `clear`."""

    number: int
    is_cleared: bool


class AudioSink(Protocol):
    """What the application lets a call hear: a queue that is played in real time."""

    def write(self, payload: bytes) -> int:
        """Queue audio; the number of octets that found room."""
        ...

    def mark(self, number: int) -> None:
        """Report `number` when everything queued so far has left as RTP."""
        ...

    def clear(self) -> None:
        """Drop what is queued; every mark in it is reported as cleared."""
        ...

    def pause(self) -> None:
        """Keep what is queued and play silence."""
        ...

    def resume(self) -> None:
        """Play on."""
        ...

    async def next_mark(self) -> MarkReached | None:
        """The next mark that was reached; None: the sink is closed. Safe to cancel."""
        ...

    def close(self) -> None:
        """Drop what is queued and fall silent. Idempotent."""
        ...


class Address(Struct, frozen=True):
    """Where a TCP connection goes."""

    family: socket.AddressFamily
    host: str
    port: int


class Egress(Protocol):
    """Which addresses may be connected to."""

    async def addresses(self, host: str, port: int) -> Sequence[Address]:
        """The allowed addresses of `host`.

        Raises:
            OSError: the name is unknown, or none of its addresses is allowed.
        """
        ...
