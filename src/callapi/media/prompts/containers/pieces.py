"""Which container a file is, also behind bytes that are not part of it, and its pieces."""

from collections.abc import Callable, Mapping
from typing import Final

from callapi.media.prompts.containers.flac import flac_pieces
from callapi.media.prompts.containers.mp3 import mp3_pieces
from callapi.media.prompts.containers.ogg import ogg_pieces
from callapi.media.prompts.containers.sun import au_pieces
from callapi.media.prompts.containers.values import Piece
from callapi.media.prompts.containers.wav import aiff_pieces, wav_pieces

JUNK: Final = 4096
"""Octets before a file in which its beginning is looked for: a byte order mark, line ends, padding."""
_READERS: Final[Mapping[bytes, Callable[[bytes], list[Piece]]]] = {
    b"RIFF": wav_pieces,
    b"RIFX": wav_pieces,
    b"fLaC": flac_pieces,
    b"OggS": ogg_pieces,
    b".snd": au_pieces,
    b"FORM": aiff_pieces,
}


def pieces_of(body: bytes, *, is_headerless: bool = False) -> list[Piece]:
    """The files in `body`, in their order; `body` itself where nothing is known about it.

    `is_headerless`: the content type says that it is samples alone unless it begins as a file does.
    """
    if (reader := _READERS.get(body[:4])) is not None:
        return reader(body) or [Piece(body)]
    if body[:4] in {b"RF64", b"caff", b"riff"} or is_headerless:
        return [Piece(body)]
    if pieces := mp3_pieces(body):
        return pieces
    places = [(place, magic) for magic in _READERS if (place := body.find(magic, 0, JUNK)) > 0]
    if not places:
        return [Piece(body)]
    place, magic = min(places)
    return _READERS[magic](body[place:]) or [Piece(body[place:])]
