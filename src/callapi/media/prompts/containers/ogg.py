"""Ogg (RFC 3533): pages of logical streams. Files that were appended are streams of their own (chaining).

Decoders take the length from the position in the last page. A file that was cut has no last page: it ends with the
last whole one here.
"""

from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from callapi.media.prompts.containers.values import Piece

_HEADER: Final = 27
_BEGINS, _ENDS = 0x02, 0x04
_MAX_PACKET_TICKS: Final = 8192
"""More than a packet of Vorbis or Opus lasts."""


class _Page(Struct, frozen=True):
    """A page and its place."""

    start: int
    end: int
    flags: int
    position: int
    """Granule position of the last packet that ends on it; -1: none does."""
    packets: int
    segments_kept: int | None = None
    """Of a page that was cut: how many of its segments are whole packets; None: it is whole."""


def ogg_pieces(body: bytes) -> list[Piece]:
    """One piece for each chained stream."""
    pieces: list[Piece] = []
    chain: list[_Page] = []
    end = 0
    for page in _pages(body):
        if page.flags & _BEGINS and chain and not chain[-1].flags & _BEGINS:
            pieces.append(_piece(body, chain))
            chain = []
        chain.append(page)
        end = page.end
    if chain:
        pieces.append(_piece(body, chain, is_cut=any(body[end:]) or _is_cut(chain[-1])))
    return pieces


def _is_cut(last: _Page) -> bool:
    return last.segments_kept is not None or not last.flags & _ENDS


def _pages(body: bytes) -> Iterator[_Page]:
    """The whole pages, found again behind what is none."""
    place = body.find(b"OggS")
    while 0 <= place <= len(body) - _HEADER:
        segments = body[place + _HEADER : place + _HEADER + body[place + 26]]
        start = place + _HEADER + len(segments)
        end = start + sum(segments)
        if len(segments) < body[place + 26]:
            return
        position = int.from_bytes(body[place + 6 : place + 14], "little", signed=True)
        if end > len(body):
            kept = _whole_packets(segments, len(body) - start)
            if kept:
                yield _Page(place, len(body), body[place + 5], position, kept, kept)
            return
        packets = sum(length < 255 for length in segments)
        yield _Page(place, end, body[place + 5], position, packets)
        place = body.find(b"OggS", end)


def _whole_packets(segments: bytes, available: int) -> int:
    """How many segments hold the whole packets within the first `available` octets."""
    total, kept = 0, 0
    for number, length in enumerate(segments, 1):
        total += length
        if total > available:
            break
        if length < 255:
            kept = number
    return kept


def _piece(body: bytes, chain: list[_Page], *, is_cut: bool = False) -> Piece:
    last = chain[-1]
    before = max((each.position for each in chain[:-1]), default=0)
    position = last.position
    if (
        position < before or last.segments_kept is not None
    ):  # a claim that would cut off what earlier pages hold
        position = before + last.packets * _MAX_PACKET_TICKS
    content = b"".join(body[each.start : each.end] for each in chain[:-1])
    if position == last.position and last.flags & _ENDS and last.segments_kept is None:
        return Piece(content + body[last.start : last.end], "it ends before its last page" if is_cut else "")
    page = bytearray(body[last.start : last.end])
    if (kept := last.segments_kept) is not None:
        segments, data = page[_HEADER : _HEADER + page[26]], page[_HEADER + page[26] :]
        page = page[:26] + bytes((kept,)) + segments[:kept] + data[: sum(segments[:kept])]
    page[5] |= _ENDS
    page[6:14] = position.to_bytes(8, "little", signed=True)
    page[22:26] = bytes(4)
    page[22:26] = _checksum(page).to_bytes(4, "little")
    return Piece(content + bytes(page), "it ends before its last page" if is_cut else "")


def _table() -> tuple[int, ...]:
    table = []
    for octet in range(256):
        value = octet << 24
        for _ in range(8):
            value = (value << 1) ^ (0x04C1_1DB7 if value & 0x8000_0000 else 0)
        table.append(value & 0xFFFF_FFFF)
    return tuple(table)


_TABLE: Final = _table()


def _checksum(page: bytes | bytearray) -> int:
    """RFC 3533 §6, 9): CRC-32 of the polynomial 0x04c11db7, from 0, not reflected."""
    value = 0
    for octet in page:
        value = (value << 8 & 0xFFFF_FFFF) ^ _TABLE[value >> 24 ^ octet]
    return value
