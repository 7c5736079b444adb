"""The parameters of an operation, declared once: read and checked here, described in the OpenAPI document."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Generic, TypeVar, cast

from msgspec import Struct

from callapi.api.errors import INVALID_PARAMETER, ApiError, Fault
from callapi.api.requests.parameter_types import Kind

T = TypeVar("T")


class Parameter(Struct, Generic[T], frozen=True, eq=False):
    """One parameter. Given empty it counts as absent, and in an update takes away what was there."""

    name: str
    kind: Kind[T]
    about: str
    default: T | None = None
    is_required: bool = False
    aliases: tuple[str, ...] = ()
    """Other spellings, Restcomm's mostly."""
    field: str | None = None
    """The field of the record that it sets."""
    is_kept: bool = False
    """Given empty, it changes nothing: the field cannot be without a value."""
    fault: Fault = INVALID_PARAMETER
    """What a bad value is refused with."""
    missing: Fault | None = None
    """What its absence is refused with, if not with `fault`."""


class Given:
    """The values of one request, by parameter: `given[TIMEOUT]` for what is there, `given.get(URL)` for what may be."""

    __slots__ = ("_cleared", "_values")

    def __init__(self, values: Mapping[Parameter[Any], Any], cleared: frozenset[Parameter[Any]]) -> None:
        self._values = values
        self._cleared = cleared

    def get(self, parameter: Parameter[T]) -> T | None:
        """Its value, else its default."""
        return cast("T | None", self._values.get(parameter, parameter.default))

    def __getitem__(self, parameter: Parameter[T]) -> T:
        """Its value; for parameters that are required or have a default."""
        value = self.get(parameter)
        if value is None:
            raise _missing(parameter)
        return value

    def __contains__(self, parameter: Parameter[Any]) -> bool:
        """Whether the request has a value for it."""
        return parameter in self._values

    def changes(self, parameters: Iterable[Parameter[Any]]) -> dict[str, Any]:
        """Record fields and their new values, for `dataclasses.replace`; what was not given is not in it."""
        changed = {}
        for each in parameters:
            if each.field is not None and each in self._values:
                changed[each.field] = self._values[each]
            elif each.field is not None and each in self._cleared and not each.is_kept:
                changed[each.field] = each.default
        return changed


def read(parameters: Iterable[Parameter[Any]], form: Mapping[str, Sequence[str]]) -> Given:
    """Reads the declared parameters of a request. Parameters that the operation does not declare change nothing.

    Raises:
        ApiError: a value that is not allowed, or a required one that is absent.
    """
    values: dict[Parameter[Any], Any] = {}
    cleared = set()
    for parameter in parameters:
        texts = next((form[name] for name in (parameter.name, *parameter.aliases) if name in form), ())
        if any(texts):
            values[parameter] = _value(parameter, [each for each in texts if each])
        elif parameter.is_required:
            raise _missing(parameter)
        elif texts:
            cleared.add(parameter)
    return Given(values, frozenset(cleared))


def _value(parameter: Parameter[T], texts: Sequence[str]) -> T:
    try:
        return parameter.kind.read(texts)
    except ValueError as error:
        raise ApiError(parameter.fault, f"{parameter.fault.text}: {parameter.name} {error}") from error


def _missing(parameter: Parameter[Any]) -> ApiError:
    if parameter.missing is not None:
        return ApiError(parameter.missing)
    return ApiError(parameter.fault, f"{parameter.fault.text}: {parameter.name} is missing")
