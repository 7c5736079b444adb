"""A list is read a page at a time."""

from typing import Generic, TypeVar

from msgspec import Struct

T = TypeVar("T")


class PageRequest(Struct, frozen=True):
    """Which page: by number from 0, or the `size` records that come after the one with the sid `after`.

    The latter costs the same for every page, and records that arrive meanwhile shift nothing.
    """

    page: int = 0
    size: int = 50
    after: str | None = None
    oldest_first: bool = False


class Page(Struct, Generic[T], frozen=True):
    """One page of a list, in its order, and whether another one follows."""

    records: tuple[T, ...]
    request: PageRequest
    has_next: bool
