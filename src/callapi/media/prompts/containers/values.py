"""What a file is taken apart into."""

from msgspec import Struct


class Piece(Struct, frozen=True):
    """One file in itself, fit for a decoder."""

    body: bytes
    flaw: str = ""
    """What is missing of it, as a sentence; empty: nothing that is known."""
