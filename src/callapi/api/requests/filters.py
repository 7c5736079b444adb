"""Filters of lists: parameters that name a field of the record become conditions on it."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from msgspec import Struct

from callapi.api.requests.parameter_types import SPAN, Span
from callapi.api.requests.parameters import Given, Parameter
from callapi.store import AtLeast, Below, Condition, Equals


class Interval(Struct, frozen=True):
    """Three parameters on one instant: `Name` (that day or second), `Name>` (or later), `Name<` (or earlier)."""

    field: str
    within: Parameter[Span]
    since: Parameter[Span]
    until: Parameter[Span]

    @property
    def parameters(self) -> tuple[Parameter[Span], ...]:
        """For the table of an operation."""
        return self.within, self.since, self.until

    def between(self, given: Given) -> tuple[datetime | None, datetime | None]:
        """At least the first, before the second; None: no bound."""
        within, since, until = given.get(self.within), given.get(self.since), given.get(self.until)
        begins = [each.begin for each in (within, since) if each]
        # Twilio's libraries write a date as its midnight: a client does not mean the calls of that very second.
        ends = ([within.day_or_second_end] if within else []) + ([until.end] if until else [])
        return max(begins, default=None), min(ends, default=None)

    def conditions(self, given: Given) -> tuple[Condition, ...]:
        """The same for the store."""
        begin, end = self.between(given)
        least = () if begin is None else (AtLeast(self.field, begin),)
        below = () if end is None else (Below(self.field, end),)
        return (*least, *below)


def interval(name: str, field: str, about: str) -> Interval:
    """The parameters `name`, `name>` and `name<`; clients write the latter as `name>=2026-11-17`."""
    return Interval(
        field,
        Parameter(name, SPAN, f"{about}: on this day (UTC), or in this second"),
        Parameter(f"{name}>", SPAN, f"{about}: then or later", aliases=(f"{name}>=",)),
        Parameter(f"{name}<", SPAN, f"{about}: then or earlier", aliases=(f"{name}<=",)),
    )


def matching(given: Given, parameters: Iterable[Parameter[Any]]) -> tuple[Condition, ...]:
    """Each parameter that was given, as the value of its field."""
    return tuple(Equals(each.field, given[each]) for each in parameters if each.field and each in given)
