"""How records look to clients: a table of fields for each resource, written as JSON or as XML.

JSON names are Twilio's, XML names the same in CamelCase, as Twilio and Restcomm write them.
"""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import Any, Final, Generic, TypeVar

from msgspec import Struct

from callapi.api.requests.request_path import RequestPath
from callapi.base.clock import rfc2822
from callapi.store import Json

R = TypeVar("R")

_ROOT_PATH: Final = "/Accounts"


class Field(Struct, Generic[R], frozen=True):
    """One property of a resource. `schema` is its type in the OpenAPI document."""

    name: str
    value: Callable[[R, RequestPath], Json]
    schema: Mapping[str, Json]
    xml_name: str


def field(
    name: str, value: Callable[[R, RequestPath], Json], kind: str = "string", xml_name: str | None = None
) -> Field[R]:
    """A property that `value` makes of record and place."""
    return Field(name, value, {"type": [kind, "null"]}, xml_name or camel_case(name))


def text(name: str, attribute: str | None = None) -> Field[Any]:
    """A field of the record as it is."""
    return field(name, _getter(attribute or name))


def number(name: str, attribute: str | None = None) -> Field[Any]:
    """A number, as a number."""
    return field(name, _getter(attribute or name), "integer")


def counted(name: str, attribute: str | None = None, xml_name: str | None = None) -> Field[Any]:
    """A number as text: Twilio's spelling of durations."""
    get = attrgetter(attribute or name)

    def value(record: Any, _: RequestPath) -> Json:
        found = get(record)
        return None if found is None else str(found)

    return field(name, value, xml_name=xml_name)


def instant(name: str, attribute: str | None = None) -> Field[Any]:
    """An instant in RFC 2822, UTC."""
    get = attrgetter(attribute or name)

    def value(record: Any, _: RequestPath) -> Json:
        found = get(record)
        return None if found is None else rfc2822(found)

    return field(name, value)


def nothing(name: str, kind: str = "string") -> Field[Any]:
    """What Twilio has and this product does not: null."""
    return field(name, lambda _record, _place: None, kind)


def uri(name: str, path: Callable[[R], str]) -> Field[R]:
    """The address of the resource itself."""
    return field(name, lambda record, request_path: request_path.uri(path(record)))


def subresources(paths: Mapping[str, str], path: Callable[[R], str]) -> Field[R]:
    """Addresses below the resource: name and the last part of the path."""

    def value(record: R, request_path: RequestPath) -> Json:
        return {name: request_path.uri(f"{path(record)}/{last}") for name, last in paths.items()}

    return field("subresource_uris", value, "object")


def path_of(collection: str) -> Callable[[Any], str]:
    """The path of a record of `collection`, below its account."""

    def path(record: Any) -> str:
        return f"{_ROOT_PATH}/{record.account_sid}/{collection}/{record.sid}"

    return path


class Representation(Struct, Generic[R], frozen=True):
    """A resource: its name in lists (`calls`), its element (`Call`), its fields in their order."""

    plural: str
    element: str
    fields: tuple[Field[Any], ...]
    schema: str = ""
    """Its name in the OpenAPI document, where another resource has the same element."""

    def as_json(self, record: R, request_path: RequestPath) -> Mapping[str, Json]:
        """An object with every field; what does not exist is null."""
        return {each.name: each.value(record, request_path) for each in self.fields}

    def as_xml(self, record: R, request_path: RequestPath) -> Mapping[str, Json]:
        """The children of the element; what does not exist is left out."""
        pairs = ((each.xml_name, each.value(record, request_path)) for each in self.fields)
        return {name: value for name, value in pairs if value is not None}

    @property
    def plural_element(self) -> str:
        """The element around a list."""
        return camel_case(self.plural)


def camel_case(name: str) -> str:
    """`date_created` as `DateCreated`."""
    return "".join(part[:1].upper() + part[1:] for part in name.split("_"))


def _getter(attribute: str) -> Callable[[Any, RequestPath], Json]:
    get = attrgetter(attribute)

    def value(record: Any, _: RequestPath) -> Json:
        found: Json = get(record)
        return found

    return value
