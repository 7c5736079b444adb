"""Text that a database will not take: NUL (PostgreSQL) and lone surrogates (both), as strangers may send them."""

from collections.abc import Mapping
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from callapi.store.changes import Change

T = TypeVar("T")


def scrub(changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """The same changes with U+FFFD in place of such characters."""
    return tuple(_scrub(change) for change in changes)


def scrubbed(record: T) -> T:
    """The same for one record."""
    clean: T = _scrub(record)
    return clean


def _scrub(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case Mapping():
            return {_scrub(key): _scrub(each) for key, each in value.items()}
        case tuple() | list():
            return tuple(map(_scrub, value))
        case Struct():
            return replace(value, **{name: _scrub(getattr(value, name)) for name in value.__struct_fields__})
        case _:
            return value
