"""MPEG audio (ISO/IEC 11172-3, 13818-3): a file is its frames, whatever stands before, between and behind them.

Without a Xing header a decoder guesses the length from the first frame's bitrate, which is wrong for a variable one;
with the header of a first file it stops where that ends, though another was appended. So each run of frames of one
kind becomes a file of its own, behind a header frame that has their number.
"""

import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from callapi.media.prompts.containers.values import Piece

_BITRATES: Final = {  # kbit/s by index, for (is MPEG-1, layer)
    (True, 1): (0, 32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (0, 32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (0, 32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
_RATES: Final = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8000)}
_ID3V2_HEADER: Final = 10
_BEGINNING: Final = 3
"""Frames in a row that make a beginning; inside a run one header is enough."""
_TAGS: Final = (b"Xing", b"Info")
_LOST_FRAMES: Final = 2
"""Encoders differ in whether the header frame counts."""


# A header's first octets, and the beginning of an ID3v2 tag.
_SYNC: Final = re.compile(rb"\xff[\xe2-\xff][\x10-\xef]|ID3")
_MAX_MISSES: Final = 100_000
"""Places that looked like a header and were none, after which the rest is not searched."""


class _Frame(Struct, frozen=True):
    """A frame's header."""

    length: int
    kind: tuple[int, int, int, bool]
    """Version bits, layer, rate and whether it is mono: what decoders take for one stream."""

    @property
    def side_info(self) -> int:
        """Octets between the header and the data of a layer III frame, where a Xing tag stands."""
        version, _, _, is_mono = self.kind
        return (17 if is_mono else 32) if version == 3 else (9 if is_mono else 17)


class _Run(Struct):
    """Frames of one kind that follow one another; junk between them is left out."""

    first: _Frame
    spans: list[tuple[int, int]]
    frames: int = 0
    claimed: int | None = None
    """The number of frames in its Xing header; None: it has none."""
    header: int = 0
    """Octets of the header frame, which is the first."""
    is_cut: bool = False

    def add(self, start: int, end: int) -> None:
        """Take a frame in."""
        self.frames += 1
        if self.spans and self.spans[-1][1] == start:
            self.spans[-1] = self.spans[-1][0], end
        else:
            self.spans.append((start, end))


def mp3_pieces(body: bytes) -> list[Piece]:
    """One piece for each run of frames; none if there are no frames in `body`."""
    return [_piece(body, run) for run in _runs(body) if run.frames]


def _runs(body: bytes) -> Iterator[_Run]:
    run: _Run | None = None
    for place, frame in _frames(body):
        tag = _tag_of(body, place, frame)
        if run is None or frame.kind != run.first.kind or tag is not None:
            if run is not None:
                yield run
            run = _Run(frame, [])
        end = place + frame.length
        if tag is not None:
            run.claimed, run.header = tag, frame.length
            run.spans.append((place, min(end, len(body))))
        elif end > len(body):
            run.is_cut = True
        else:
            run.add(place, end)
    if run is not None:
        yield run


def _frames(body: bytes) -> Iterator[tuple[int, _Frame]]:
    """Each frame and its place; the last one may end behind the end of `body`."""
    place, known, misses = _after_tag(body, 0), None, 0
    while place + 4 <= len(body):
        frame = _frame_at(body, place)
        if frame is not None and (frame.kind == known or _is_beginning(body, place, frame)):
            yield place, frame
            known = frame.kind
            place += frame.length
            continue
        misses += 1
        after = _after_tag(body, place)
        found = _SYNC.search(body, max(after, place + 1))
        if found is None or misses > _MAX_MISSES:
            return
        place = found.start()


def _is_beginning(body: bytes, place: int, frame: _Frame) -> bool:
    """Whether frames of one kind follow one another from here, or up to the end."""
    for _ in range(_BEGINNING - 1):
        place += frame.length
        if place + 4 > len(body):
            return place <= len(body)
        following = _frame_at(body, place)
        if following is None or following.kind != frame.kind:
            return body[place : place + 3] in {b"TAG", b"ID3"}
        frame = following
    return True


def _frame_at(body: bytes, place: int) -> _Frame | None:
    """The header at `place` (ISO/IEC 11172-3 §2.4.1.3); None: it is none, or of a free bitrate."""
    sync, second, third, fourth = body[place : place + 4]
    if sync != 0xFF or second & 0xE0 != 0xE0:
        return None
    version, layer = second >> 3 & 3, 4 - (second >> 1 & 3)
    bitrate, rate = third >> 4, third >> 2 & 3
    if version == 1 or layer == 4 or bitrate in {0, 15} or rate == 3:
        return None
    is_first = version == 3
    kbits, hertz = _BITRATES[is_first, layer][bitrate], _RATES[version][rate]
    padding = third >> 1 & 1
    if layer == 1:
        length = (12_000 * kbits // hertz + padding) * 4
    else:
        length = (144_000 if is_first or layer == 2 else 72_000) * kbits // hertz + padding
    return _Frame(length, (version, layer, hertz, fourth >> 6 == 3))


def _after_tag(body: bytes, place: int) -> int:
    """The place behind an ID3v2 tag that begins at `place`, if one does and fits."""
    head = body[place : place + _ID3V2_HEADER]
    if head[:3] != b"ID3" or len(head) < _ID3V2_HEADER or any(octet & 0x80 for octet in head[6:]):
        return place
    size = head[6] << 21 | head[7] << 14 | head[8] << 7 | head[9]
    end = place + _ID3V2_HEADER + size
    return end if end <= len(body) else place


def _tag_of(body: bytes, place: int, frame: _Frame) -> int | None:
    """The number of frames that a Xing, Info or VBRI frame claims (0: it says nothing); None: it is another frame."""
    _, layer, _, _ = frame.kind
    if layer != 3:
        return None
    start = place + 4 + frame.side_info
    if body[start : start + 4] in _TAGS:
        has_number = len(body) >= start + 12 and body[start + 7] & 1
        return int.from_bytes(body[start + 8 : start + 12], "big") if has_number else 0
    if body[place + 36 : place + 40] == b"VBRI":
        return int.from_bytes(body[place + 50 : place + 54], "big")
    return None


def _piece(body: bytes, run: _Run) -> Piece:
    missing = (run.claimed or 0) - run.frames
    flaw = ""
    if missing > _LOST_FRAMES:
        flaw = f"{missing} of {run.claimed} frames are missing at its end"
    elif run.is_cut:
        flaw = "it ends within a frame"
    if run.claimed is not None and abs(missing) <= _LOST_FRAMES and len(run.spans) == 1:
        return Piece(
            body[slice(*run.spans[0])], flaw
        )  # its header is true, and says what to leave out at both ends
    frames = b"".join(body[start:end] for start, end in run.spans)[run.header :]
    _, layer, _, _ = run.first.kind
    return Piece((_header_frame(body, run) if layer == 3 else b"") + frames, flaw)


def _header_frame(body: bytes, run: _Run) -> bytes:
    """A frame of silence whose Xing header has the number of frames (layer III only)."""
    first = run.first
    place = run.spans[0][0]
    version, layer, hertz, _ = first.kind
    for bitrate in range(1, 15):
        head = bytes((0xFF, body[place + 1] | 1, bitrate << 4 | body[place + 2] & 0x0C, body[place + 3]))
        length = (144_000 if version == 3 else 72_000) * _BITRATES[version == 3, layer][bitrate] // hertz
        if length >= 4 + first.side_info + 12:
            break
    tag = b"Xing" + (1).to_bytes(4, "big") + run.frames.to_bytes(4, "big")
    return (head + bytes(first.side_info) + tag).ljust(length, b"\0")
