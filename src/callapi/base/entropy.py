"""Random text of the operating system, fetched for many at once.

A call needs some ten random names. Asking the system for each releases the interpreter lock each time, and
another thread may then keep it for milliseconds.
"""

from collections import deque
from os import urandom
from typing import Final

_DIGITS: Final = 32
_AT_ONCE: Final = 256

_ready: deque[str] = deque()


def random_hex() -> str:
    """32 lower-case hex digits that cannot be predicted, never given twice. Safe from any thread."""
    while True:
        try:
            return _ready.pop()
        except IndexError:
            fresh = urandom(_DIGITS // 2 * _AT_ONCE).hex()
            _ready.extend([fresh[at : at + _DIGITS] for at in range(0, len(fresh), _DIGITS)])


def random_octets(count: int) -> bytes:
    """`count` octets that cannot be predicted, never given twice. Safe from any thread."""
    return bytes.fromhex("".join(random_hex() for _ in range(0, count, _DIGITS // 2)))[:count]
