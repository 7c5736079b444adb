"""Inputs that are nearly right: mutations of a corpus, from a seed."""

import random
from collections.abc import Sequence

_NUMBERS = (
    b"0",
    b"-1",
    b"255",
    b"256",
    b"65535",
    b"65536",
    b"4294967295",
    b"4294967296",
    b"9" * 30,
    b"1e9",
    b"\xd9\xa1",
)
_ODD = (
    b"\x00",
    b"\r",
    b"\n",
    b"\r\n",
    b"\r\n\r\n",
    b"\xff",
    b"\xc3\x28",
    b"\xed\xa0\x80",
    b"\xe2\x80\xae",
    b"%00",
    b"%",
    b"\t",
)
MAX_LENGTH = 70_000


class Mutator:
    """`corpus`: what is right, or once was wrong; `words`: what means something to the reader."""

    def __init__(self, chance: random.Random, corpus: Sequence[bytes], words: Sequence[bytes]) -> None:
        self._chance = chance
        self._corpus = corpus
        self._words = (*words, *_NUMBERS, *_ODD)
        self._steps = (self._flip, self._insert, self._drop, self._repeat, self._splice, self._replace_number)

    def make(self) -> bytes:
        """One more input."""
        return self.change(self._chance.choice(self._corpus))

    def change(self, data: bytes) -> bytes:
        """The same input, changed in some places, mostly."""
        for _ in range(self._chance.choice((0, 1, 1, 2, 3, 5, 8, 20))):
            data = self._chance.choice(self._steps)(data)
        return data[:MAX_LENGTH]

    def _place(self, data: bytes) -> int:
        return self._chance.randrange(len(data) + 1)

    def _span(self, data: bytes) -> tuple[int, int]:
        start = self._place(data)
        return start, min(len(data), start + self._chance.choice((1, 2, 4, 16, 100)))

    def _flip(self, data: bytes) -> bytes:
        if not data:
            return data
        at = self._chance.randrange(len(data))
        return data[:at] + bytes([data[at] ^ 1 << self._chance.randrange(8)]) + data[at + 1 :]

    def _insert(self, data: bytes) -> bytes:
        at = self._place(data)
        return data[:at] + self._chance.choice(self._words) + data[at:]

    def _drop(self, data: bytes) -> bytes:
        start, end = self._span(data)
        return data[:start] + data[end:]

    def _repeat(self, data: bytes) -> bytes:
        start, end = self._span(data)
        return data[:end] + data[start:end] * self._chance.choice((1, 2, 10, 200)) + data[end:]

    def _splice(self, data: bytes) -> bytes:
        other = self._chance.choice(self._corpus)
        return data[: self._place(data)] + other[self._place(other) :]

    def _replace_number(self, data: bytes) -> bytes:
        digits = [at for at, byte in enumerate(data[:4096]) if 48 <= byte <= 57]
        if not digits:
            return data
        start = end = self._chance.choice(digits)
        while end < len(data) and 48 <= data[end] <= 57:
            end += 1
        return data[:start] + self._chance.choice(_NUMBERS) + data[end:]
