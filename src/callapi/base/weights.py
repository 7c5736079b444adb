"""Choice among equals by weight (RFC 2782), of SRV records and of trunks alike. Pure: chance comes in as an argument.

The RFC draws whole numbers from 0 to the sum, which gives the first of two equals two calls of three. Here shares are
exactly as the weights.
"""

from collections.abc import Callable, Iterable
from typing import Final, Protocol, TypeVar

LEAST: Final = 0.01
"""What weight 0 counts: "a very small chance of being selected"."""


class Weighted(Protocol):
    """What is chosen among."""

    @property
    def weight(self) -> int:
        """Its share, beside those of its peers; from 0."""
        ...


T = TypeVar("T", bound=Weighted)


def drawn_by_weight(peers: Iterable[T], choose: Callable[[], float]) -> list[T]:
    """All of `peers`, each next one drawn by weight; `choose` gives numbers from 0 up to 1."""
    waiting = list(peers)
    ordered: list[T] = []
    while len(waiting) > 1:
        draw = choose() * sum(_share(each) for each in waiting)
        place = 0
        while place < len(waiting) - 1 and draw >= _share(waiting[place]):
            draw -= _share(waiting[place])
            place += 1
        ordered.append(waiting.pop(place))
    return ordered + waiting


def _share(peer: Weighted) -> float:
    return peer.weight or LEAST
