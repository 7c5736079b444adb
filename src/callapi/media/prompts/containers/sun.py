"""AU (Sun, NeXT): a header with the length of the audio, which goes on to the end of the file."""

from typing import Final

from callapi.media.prompts.containers.values import Piece

_MAGIC: Final = b".snd"
_UNKNOWN: Final = 0xFFFF_FFFF


def au_pieces(body: bytes) -> list[Piece]:
    """One piece for each of the appended files."""
    pieces: list[Piece] = []
    while len(body) >= 24:
        start, claimed = (int.from_bytes(body[place : place + 4], "big") for place in (4, 8))
        end = start + claimed
        is_followed = claimed > 0 and body[end : end + 4] == _MAGIC and start >= 24
        rest = body[end:] if is_followed else b""
        missing = end - len(body)
        flaw = (
            f"{missing} of {claimed} octets are missing at its end"
            if missing > 0 and claimed != _UNKNOWN
            else ""
        )
        whole = body[:end] if is_followed else body
        length = max(len(whole) - start, 0)
        pieces.append(Piece(whole[:8] + length.to_bytes(4, "big") + whole[12:], flaw))
        body = rest
    return pieces
