"""FLAC (RFC 9639): the number of samples stands in STREAMINFO, and each frame says which sample it begins with."""

from typing import Final

from callapi.media.prompts.containers.values import Piece

_STREAMINFO: Final = 34
_TOTAL: Final = 4 + 4 + 13
"""Where the 36 bits of the number of samples begin, after 4 bits of another field."""
_BLOCK_SIZES: Final = {1: 192, **{code: 576 << code - 2 for code in range(2, 6)}}
_BLOCK_SIZES.update({code: 256 << code - 8 for code in range(8, 16)})


def flac_pieces(body: bytes) -> list[Piece]:
    """The file with the number of samples that its frames have; if it was cut, up to its last whole frame."""
    if len(body) < _TOTAL + 5 or body[4] & 0x7F:
        return []
    claimed = int.from_bytes(body[_TOTAL : _TOTAL + 5], "big") & 0xF_FFFF_FFFF
    last = _last_frame(body)
    if last is None:
        return []
    begin, end, is_whole = last
    if end == claimed:
        return [Piece(body)]
    reached = end if is_whole else begin
    flaw = f"{claimed - reached} of {claimed} samples are missing at its end" if claimed > reached else ""
    return [Piece(_with_total(body, reached), flaw)]


def _with_total(body: bytes, total: int) -> bytes:
    field = (body[_TOTAL] & 0xF0) << 32 | total & 0xF_FFFF_FFFF
    return body[:_TOTAL] + field.to_bytes(5, "big") + body[_TOTAL + 5 :]


def _last_frame(body: bytes) -> tuple[int, int, bool] | None:
    """The samples that the last frame begins and ends with (RFC 9639 §9.1), and whether it is all there."""
    block_size = int.from_bytes(body[8:10], "big")
    place = len(body)
    while (place := body.rfind(b"\xff", _TOTAL, place)) >= 0:
        if body[place + 1 : place + 2] in {b"\xf8", b"\xf9"} and (found := _frame(body, place, block_size)):
            return *found, _crc(body[place:-2], 16, 0x8005) == int.from_bytes(body[-2:], "big")
    return None


def _frame(body: bytes, place: int, block_size: int) -> tuple[int, int] | None:
    """The samples of the frame whose header is at `place`; None: there is none, by its checksum."""
    if place + 6 > len(body):
        return None
    code = body[place + 2] >> 4
    number, after = _number(body, place + 4)
    if number is None:
        return None
    length = {6: 1, 7: 2}.get(code, 0)
    size = int.from_bytes(body[after : after + length], "big") + 1 if length else _BLOCK_SIZES.get(code, 0)
    after += length + {12: 1, 13: 2, 14: 2}.get(body[place + 2] & 0x0F, 0)
    if not size or after >= len(body) or _crc(body[place:after], 8, 0x07) != body[after]:
        return None
    begin = number if body[place + 1] & 1 else number * block_size
    return begin, begin + size


def _number(body: bytes, place: int) -> tuple[int | None, int]:
    """A number coded as UTF-8 codes characters, of up to 36 bits, and the place behind it."""
    first = body[place]
    if first < 0x80:
        return first, place + 1
    length = 8 - (first ^ 0xFF).bit_length()
    if not 2 <= length <= 7 or place + length > len(body):
        return None, place
    number = first & (0x7F >> length)
    for octet in body[place + 1 : place + length]:
        if octet & 0xC0 != 0x80:
            return None, place
        number = number << 6 | octet & 0x3F
    return number, place + length


def _crc(octets: bytes, width: int, polynomial: int) -> int:
    """RFC 9639 §9.1.8 and §9.3: from 0, not reflected."""
    value, top, mask = 0, 1 << width - 1, (1 << width) - 1
    for octet in octets:
        value ^= octet << width - 8
        for _ in range(8):
            value = (value << 1 ^ (polynomial if value & top else 0)) & mask
    return value
