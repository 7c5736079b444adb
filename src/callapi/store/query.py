"""A question to the records of one kind, as a value that a database and a dictionary can both answer."""

from datetime import datetime
from typing import Generic, TypeAlias, TypeVar

from msgspec import Struct

from callapi.store.records import Record

RecordT = TypeVar("RecordT", bound=Record)
Value: TypeAlias = str | int | datetime


class Equals(Struct, frozen=True):
    """`field` is `value`."""

    field: str
    value: Value


class AtLeast(Struct, frozen=True):
    """`field` is `value` or greater."""

    field: str
    value: Value


class Below(Struct, frozen=True):
    """`field` is less than `value`."""

    field: str
    value: Value


class Missing(Struct, frozen=True):
    """`field` is None."""

    field: str


class Contains(Struct, frozen=True):
    """`text` occurs in `field`."""

    field: str
    text: str


class Beyond(Struct, frozen=True):
    """In falling (or rising) order of `fields` the record comes after `values`: where the page before it ended."""

    fields: tuple[str, ...]
    values: tuple[Value, ...]
    is_rising: bool = False


Condition: TypeAlias = Equals | AtLeast | Below | Missing | Contains | Beyond


class Query(Struct, Generic[RecordT], frozen=True):
    """The records of `kind` that meet all of `where`.

    They come in falling order of the fields `newest_by` (rising if `is_rising`); without any, in rising order of the
    primary key.
    `limit` None: all of them, for what is small by nature.
    """

    kind: type[RecordT]
    where: tuple[Condition, ...] = ()
    newest_by: tuple[str, ...] = ()
    limit: int | None = None
    offset: int = 0
    is_rising: bool = False
