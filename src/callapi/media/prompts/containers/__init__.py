"""Audio files as they are found: joined, cut short, behind junk, with lengths in their headers that are not true.

Decoders believe the lengths of a header and stop there. Here each file is taken apart into `Piece`s whose headers say
what follows, with a sentence about what is missing. Pure: octets in, octets out; nothing is decoded.
"""

from callapi.media.prompts.containers.pieces import pieces_of
from callapi.media.prompts.containers.values import Piece

__all__ = ["Piece", "pieces_of"]
