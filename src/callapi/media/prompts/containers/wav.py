"""RIFF WAVE and AIFF: chunks with a length each. Audio goes on to the end of the file unless more chunks follow it.

A writer that does not know the length yet leaves 0 or the largest number; one that broke off leaves a length that is
never reached; appended files follow the first. None of these lengths decides how much is played.
"""

from collections.abc import Iterator
from typing import Final, Literal

from msgspec import Struct

from callapi.media.prompts.containers.mp3 import mp3_pieces
from callapi.media.prompts.containers.values import Piece

_HEADER: Final = 12
_ENDLESS: Final = 0x7FFF_0000
"""From here on a length says that its writer did not know it."""
_MAX_CHUNKS: Final = 64
_MPEG: Final = frozenset({0x50, 0x55})
_COMM_FRAMES: Final = 2
ByteOrder = Literal["little", "big"]


class _Chunk(Struct, frozen=True):
    """A chunk as its header has it."""

    name: bytes
    start: int
    """Of its content."""
    claimed: int

    @property
    def end(self) -> int:
        """Where the next one begins, if its length is true."""
        return self.start + self.claimed + self.claimed % 2


def wav_pieces(body: bytes) -> list[Piece]:
    """One piece for each `data` chunk; none if there is no WAVE in `body`."""
    pieces: list[Piece] = []
    for start, end in _files(body, (b"RIFF", b"RIFX")):
        order: ByteOrder = "big" if body[start : start + 4] == b"RIFX" else "little"
        if body[start + 8 : start + _HEADER] == b"WAVE":
            pieces.extend(_wave(body[start:end], order))
    return pieces


def _wave(body: bytes, order: ByteOrder) -> list[Piece]:
    form = b""
    for chunk in _chunks(body, order):
        if chunk.name == b"fmt ":
            form = body[chunk.start : chunk.start + min(chunk.claimed, 1024)]
        elif chunk.name == b"data" and form:
            data, flaw = _data(body, chunk, order)
            if int.from_bytes(form[:2], order) in _MPEG and (inside := mp3_pieces(data)):
                return inside
            whole = b"WAVEfmt " + len(form).to_bytes(4, order) + form.ljust(len(form) + len(form) % 2, b"\0")
            whole += b"data" + len(data).to_bytes(4, order) + data
            return [Piece(body[:4] + len(whole).to_bytes(4, order) + whole, flaw)]
    return []


def aiff_pieces(body: bytes) -> list[Piece]:
    """The piece of an AIFF or AIFC file, with true lengths; none if it is not one."""
    if body[8:_HEADER] not in {b"AIFF", b"AIFC"}:
        return []
    chunks = list(_chunks(body, "big"))
    common = next((each for each in chunks if each.name == b"COMM"), None)
    sound = next((each for each in chunks if each.name == b"SSND"), None)
    if common is None or sound is None or common.claimed < 18:
        return []
    data, flaw = _data(body, sound, "big")
    form = bytearray(body[common.start : common.start + common.claimed])
    channels, bits = int.from_bytes(form[:2], "big"), int.from_bytes(form[6:8], "big")
    is_plain = body[8:_HEADER] == b"AIFF" or bytes(form[18:22]) in {b"NONE", b"sowt", b"twos"}
    width = channels * ((bits + 7) // 8)
    if is_plain and width:
        form[_COMM_FRAMES:6] = ((len(data) - 8) // width).to_bytes(4, "big", signed=False)
    rest = [each for each in chunks if each.name not in {b"COMM", b"SSND"} and each.end <= sound.start]
    whole = body[8:_HEADER] + b"".join(
        _written(each.name, body[each.start : each.start + each.claimed]) for each in rest
    )
    whole += _written(b"COMM", bytes(form)) + _written(b"SSND", data)
    return [Piece(b"FORM" + len(whole).to_bytes(4, "big") + whole, flaw)]


def _written(name: bytes, content: bytes) -> bytes:
    return name + len(content).to_bytes(4, "big") + content + bytes(len(content) % 2)


def _files(body: bytes, magics: tuple[bytes, ...]) -> Iterator[tuple[int, int]]:
    """Where each of the appended files begins and ends: another begins where the chunks of one end."""
    start = 0
    while start + _HEADER <= len(body):
        order: ByteOrder = "big" if body[start : start + 4] == b"RIFX" else "little"
        following = next(
            (
                each.start - 8
                for each in _chunks(body[start:], order)
                if each.name in magics and body[start + each.start : start + each.start + 4] == b"WAVE"
            ),
            None,
        )
        end = len(body) if following is None else start + following
        yield start, end
        if following is None:
            return
        start = end


def _chunks(body: bytes, order: ByteOrder) -> Iterator[_Chunk]:
    """The chunks in their order, as far as their lengths lead to another."""
    place = _HEADER
    for _ in range(_MAX_CHUNKS):
        if place + 8 > len(body):
            return
        chunk = _Chunk(body[place : place + 4], place + 8, int.from_bytes(body[place + 4 : place + 8], order))
        yield chunk
        if not _is_name(body[chunk.end : chunk.end + 4]):
            return
        place = chunk.end


def _is_name(text: bytes) -> bool:
    """Whether four octets may be the name of a chunk."""
    return len(text) == 4 and all(0x20 <= octet < 0x7F for octet in text)


def _data(body: bytes, chunk: _Chunk, order: ByteOrder) -> tuple[bytes, str]:
    """The audio of a chunk, and what is missing of it."""
    end, flaw = chunk.start + chunk.claimed, ""
    if end > len(body):
        is_cut = chunk.claimed < _ENDLESS
        flaw = f"{end - len(body)} of {chunk.claimed} octets are missing at its end" if is_cut else ""
        end = len(body)
    elif not _ends_there(body, chunk, order):
        end = len(body)
    return body[chunk.start : end], flaw


def _ends_there(body: bytes, chunk: _Chunk, order: ByteOrder) -> bool:
    """Whether nothing but chunks follows, each within the file."""
    place = chunk.end
    if (
        chunk.claimed == 0
        and place == chunk.start
        and place < len(body)
        and not _is_name(body[place : place + 4])
    ):
        return False
    for _ in range(_MAX_CHUNKS):
        left = len(body) - place
        if left < 8:
            return left <= 1 or not any(body[place:])
        if not _is_name(body[place : place + 4]):
            return False
        place += 8 + int.from_bytes(body[place + 4 : place + 8], order)
        place += place % 2
        if place > len(body) + 1:
            return False
    return True
