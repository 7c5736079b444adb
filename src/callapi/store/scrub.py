"""Text that a database will not take: NUL (PostgreSQL) and lone surrogates (both), as strangers may send them."""

from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from typing import Any

from callapi.store.changes import Change


def scrub(changes: tuple[Change, ...]) -> tuple[Change, ...]:
    """The same changes with U+FFFD in place of such characters."""
    return tuple(_scrub(change) for change in changes)


def _scrub(value: Any) -> Any:
    match value:
        case str():
            return value.replace("\0", "\ufffd").encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case Mapping():
            return {_scrub(key): _scrub(each) for key, each in value.items()}
        case tuple() | list():
            return tuple(map(_scrub, value))
        case _ if is_dataclass(value) and not isinstance(value, type):
            return replace(value, **{each.name: _scrub(getattr(value, each.name)) for each in fields(value)})
        case _:
            return value
