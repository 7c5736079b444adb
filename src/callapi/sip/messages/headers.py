"""Header fields: the ordered multi-map of raw values, and the typed values that machines read.

`Headers` groups fields by name: the order of values under one name is kept, and names stay in the order in which
they first came (RFC 3261 §7.3.1: the order of fields with different names carries no meaning). `Content-Length` is
framing, so it belongs to the parser and the writer.

More liberal than the grammar: a display name without quotes may hold any character but controls and `" < > , ;`.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from callapi.sip.errors import ParseError
from callapi.sip.messages.header_names import KNOWN_KEYS, KNOWN_NAMES, TOKEN, identify, key_of
from callapi.sip.messages.parameters import (
    QUOTED,
    Parameters,
    find_parameter,
    format_parameters,
    parse_parameters,
    quote,
    quote_if_needed,
    split_list,
    unquote,
)
from callapi.sip.messages.uri import MEMO_ENTRIES, MEMO_TEXT, Uri, format_host_port, parse_uri

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

T = TypeVar("T")

_PLAIN_ADDRESS = re.compile(r'(?:"([^"\\]*+)"|([^"<>,;\x00-\x08\x0a-\x1f\x7f]*+))<([^<>\s]++)>')
_QUOTED_ADDRESS = re.compile(rf"({QUOTED})\s*+<([^<>]*+)>", re.DOTALL)
_BARE_ADDRESS = re.compile(r'([^<>",;?\s]++)\s*+')
_PLAIN_VIA = re.compile(rf"SIP/2\.0/({TOKEN}++) ([A-Za-z0-9_.\-]++)(?::([0-9]{{1,5}}))?")
_VIA = re.compile(
    rf"SIP\s*+/\s*+2\.0\s*+/\s*+({TOKEN}++)\s++(\[[0-9A-Fa-f:.]++\]|[A-Za-z0-9_.\-]++)\s*+(?::\s*+([0-9]{{1,5}})\s*+)?",
    re.IGNORECASE,
)
_CSEQ = re.compile(rf"([0-9]++)\s++({TOKEN}++)")
_LINE_END = "\r\n"
_UNREAD: Any = object()
_WITHHELD = frozenset({"Authorization", "Proxy-Authorization"})


class Field(Struct, eq=False, gc=False):
    """Every value under one name, as it is written and as it is read. Messages share fields, so that none is changed:
    `typed` alone is set, once, by the reader of its name.
    """

    lines: tuple[str, ...]
    """`name: value` for each value, in the spelling that goes on the wire."""
    values: tuple[str, ...]
    typed: Any = _UNREAD
    is_checked: bool = False
    """Whether `Headers.read_all` has seen it, and found nothing wrong."""

    def and_(self, other: Field) -> Field:
        """Both, in this order."""
        return Field(self.lines + other.lines, self.values + other.values)


def _read_line(line: str) -> tuple[str, Field]:
    name, colon, value = line.partition(":")
    known = KNOWN_NAMES.get(name) if colon else None
    key, spelling = known or _identify_field(line)
    value = value.strip(" \t")
    written = f"{spelling}: {value}"
    # Kept once where it came as we would write it.
    return key, Field((line if written == line else written,), (value,))


_read_line_once = lru_cache(MEMO_ENTRIES)(_read_line)
"""A call repeats most lines in each of its messages, and every call some of them; the field keeps what was read too."""


class Headers:  # noqa: PLW1641 - mutable, so it has no hash
    """Ordered, case-insensitive multi-map of raw header values, with what was read from them."""

    __slots__ = ("_fields", "_packed")

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._fields: dict[str, Field] = {}
        for name, value in items:
            self.add(name, value)

    def __getattr__(self, name: str) -> dict[str, Field]:
        """The fields of packed headers, which are unpacked by that."""
        if name != "_fields":
            raise AttributeError(name)
        self._fields = Headers.from_lines(self._packed.split(_LINE_END))[0]._fields
        del self._packed
        return self._fields

    @classmethod
    def from_lines(cls, lines: Iterable[str]) -> tuple[Headers, ParseError | None]:
        """Read unfolded `name: value` lines; the first malformed line is reported, the others are kept."""
        fields: dict[str, Field] = {}
        fault: ParseError | None = None
        for line in lines:
            try:
                key, field = _read_line_once(line) if len(line) <= MEMO_TEXT else _read_line(line)
            except ParseError as error:
                fault = fault or error
                continue
            fields[key] = fields[key].and_(field) if key in fields else field
        return cls._of(fields), fault

    @classmethod
    def _of(cls, fields: dict[str, Field]) -> Headers:
        headers = cls.__new__(cls)
        headers._fields = fields
        return headers

    def get(self, name: str) -> str | None:
        """The first value under this name."""
        field = self._fields.get(KNOWN_KEYS.get(name) or key_of(name))
        return field.values[0] if field else None

    def get_all(self, name: str) -> list[str]:
        """Every value under this name; a comma-separated list counts as one value."""
        field = self._fields.get(KNOWN_KEYS.get(name) or key_of(name))
        return list(field.values) if field else []

    def lacks(self, keys: Iterable[str]) -> str | None:
        """The first of these keys (long names in lower case) under which nothing is written; None: there is none."""
        fields = self._fields
        for key in keys:
            if key not in fields or not fields[key].values[0]:
                return key
        return None

    @property
    def repeated(self) -> set[str]:
        """The keys (long names in lower case) of names that are there more than once."""
        return {key for key, field in self._fields.items() if len(field.values) > 1}

    def add(self, name: str, value: str) -> None:
        """Append a field. Raises ParseError if the name is not a token."""
        key, spelling = KNOWN_NAMES.get(name) or identify(name)
        fields = self._fields
        added = Field((f"{spelling}: {value}",), (value,))
        fields[key] = fields[key].and_(added) if key in fields else added

    def set(self, name: str, value: str) -> None:
        """Replace every field of this name by one, in its place."""
        key, spelling = KNOWN_NAMES.get(name) or identify(name)
        self._fields[key] = Field((f"{spelling}: {value}",), (value,))

    def update(self, other: Headers) -> None:
        """Set every field of the other headers: those of a template cost next to nothing."""
        self._fields.update(other._fields)

    def prepend(self, name: str, value: str) -> None:
        """Put a field before the others of its name, as a new Via goes on top."""
        key, spelling = KNOWN_NAMES.get(name) or identify(name)
        fields = self._fields
        added = Field((f"{spelling}: {value}",), (value,))
        fields[key] = added.and_(fields[key]) if key in fields else added

    def remove(self, name: str) -> None:
        """Remove every field of this name, if there is any."""
        self._fields.pop(KNOWN_KEYS.get(name) or key_of(name), None)

    def items(self) -> list[tuple[str, str]]:
        """Every field as (name, value)."""
        return [
            (line.partition(":")[0], value)
            for field in self._fields.values()
            for line, value in zip(field.lines, field.values, strict=True)
        ]

    def lines(self) -> list[str]:
        """Every field as `name: value`, but for Content-Length, which only the writer knows; Via comes first."""
        fields = self._fields
        via = fields.get("via")
        if via is not None and next(iter(fields)) != "via":
            # RFC 3261 §7.3.1: what proxies need should be at the top.
            fields = self._fields = {"via": via} | fields
        if "content-length" in fields:
            fields = {key: field for key, field in fields.items() if key != "content-length"}
        return [line for field in fields.values() for line in field.lines]

    def subset(self, keys: Iterable[str]) -> Headers:
        """The fields under these keys (long names in lower case), as far as they exist."""
        fields = self._fields
        return Headers._of({key: fields[key] for key in keys if key in fields})

    def copy(self) -> Headers:
        """An independent copy."""
        return Headers._of(self._fields.copy())

    def read(self, key: str, reader: Callable[[list[str]], T]) -> T:
        """What `reader` makes of the values under a key (a long name in lower case), kept with them.

        One name has one reader.
        """
        field = self._fields.get(key)
        if field is None:
            return reader([])
        value: T = field.typed
        if value is _UNREAD:
            value = field.typed = reader(list(field.values))
        return value

    def pack(self) -> None:
        """Keep the fields as one text, which takes a quarter of the memory, until they are asked for again."""
        self._packed = _LINE_END.join([line for field in self._fields.values() for line in field.lines])
        del self._fields

    def need(self, key: str, reader: Callable[[list[str]], T | None]) -> T:
        """As `read`, of a field that must be there. Raises ParseError where it is not."""
        field = self._fields.get(key)
        value: T | None = _UNREAD if field is None else field.typed
        if value is None or value is _UNREAD:
            value = self.read(key, reader)
            if value is None:
                raise ParseError(f"{identify(key)[1]} is missing")
        return value

    def read_all(self, readers: Mapping[str, Callable[[list[str]], object]]) -> None:
        """Read every field for which there is a reader, by its key, as `read` does."""
        for key, field in self._fields.items():
            if not field.is_checked:
                if key in readers:
                    self.read(key, readers[key])
                field.is_checked = True

    def has_any(self, keys: frozenset[str]) -> bool:
        """Whether a field is there under any of these keys (long names in lower case)."""
        return not keys.isdisjoint(self._fields)

    def __contains__(self, name: str) -> bool:
        return (KNOWN_KEYS.get(name) or key_of(name)) in self._fields

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Headers) and self._written == other._written

    @property
    def _written(self) -> dict[str, tuple[str, ...]]:
        return {key: field.lines for key, field in self._fields.items()}

    def __repr__(self) -> str:
        """For logs: what answers a challenge is withheld."""
        shown = [(name, "(withheld)" if name in _WITHHELD else value) for name, value in self.items()]
        return f"Headers({shown!r})"


class NameAddr(Struct, frozen=True, gc=False):
    """`"display name" <uri>;parameters`, as in From, To, Contact, Route (RFC 3261 §20.10)."""

    display_name: str | None
    """Without quotes and escapes; None if absent or empty."""
    uri: Uri
    parameters: Parameters = ()

    @classmethod
    def parse(cls, text: str) -> NameAddr:
        """Read a name-addr or an addr-spec. Raises ParseError."""
        return _parse_address_once(text) if len(text) <= MEMO_TEXT else _parse_address(text)

    @property
    def tag(self) -> str | None:
        """The `tag` parameter (RFC 3261 §19.3)."""
        for name, value in self.parameters:
            if name == "tag" or name.lower() == "tag":
                return value
        return None

    def parameter(self, name: str) -> str | None:
        """A parameter's value, unquoted; None if it is absent or has no value."""
        return find_parameter(self.parameters, name)

    def with_parameter(self, name: str, value: str | None) -> NameAddr:
        """The same address with this parameter, replaced or added at the end."""
        kept = tuple(pair for pair in self.parameters if pair[0].lower() != name.lower())
        return replace(self, parameters=(*kept, (name, value if value is None else quote_if_needed(value))))

    def without_parameters(self) -> NameAddr:
        """Display name and URI alone."""
        return replace(self, parameters=()) if self.parameters else self

    def __str__(self) -> str:
        name = f"{quote(self.display_name)} " if self.display_name else ""
        return f"{name}<{self.uri}>{format_parameters(self.parameters)}"


def _parse_address(text: str) -> NameAddr:
    match = _PLAIN_ADDRESS.match(text)
    if match is not None:
        quoted, plain, uri = match.groups()
        name = quoted if quoted is not None else plain.strip()
    elif (match := _QUOTED_ADDRESS.match(text)) is not None:
        name, uri = unquote(match[1]), match[2]
    elif (match := _BARE_ADDRESS.match(text)) is not None:
        # RFC 3261 §20.10: without brackets, what follows a semicolon belongs to the header; a URI that holds a
        # comma or a question mark needs brackets.
        name, uri = "", match[1]
    else:
        raise ParseError(f"not an address: {text[:80]!r}")
    end = match.end()
    return NameAddr(name or None, parse_uri(uri), parse_parameters(text[end:]) if end < len(text) else ())


_parse_address_once = lru_cache(MEMO_ENTRIES)(_parse_address)


class Via(Struct, frozen=True, gc=False):
    """One hop of a message's way (RFC 3261 §20.42)."""

    transport: str
    """In upper case: UDP, TCP, TLS, or one that we do not speak."""
    host: str
    """As received, an IPv6 address without brackets."""
    port: int | None
    parameters: Parameters = ()

    @classmethod
    def parse(cls, text: str) -> Via:
        """Read one via-parm. Raises ParseError."""
        match = _PLAIN_VIA.match(text) or _VIA.match(text)
        if match is None:
            raise ParseError(f"not a Via: {text[:80]!r}")
        transport, host, port = match.groups()
        if port and int(port) > 65535:
            raise ParseError(f"no such port in Via: {port}")
        end = match.end()
        parameters = parse_parameters(text[end:]) if end < len(text) else ()
        return cls(transport.upper(), host.strip("[]"), int(port) if port else None, parameters)

    @classmethod
    def parse_list(cls, text: str) -> list[Via]:
        """Read a header value of one or more via-parms. Raises ParseError."""
        return [cls.parse(item) for item in split_list(text)]

    @property
    def branch(self) -> str | None:
        """RFC 3261 §8.1.1.7."""
        return find_parameter(self.parameters, "branch")

    @property
    def received(self) -> str | None:
        """The address that the message came from, if it is not the one in `host` (RFC 3261 §18.2.1)."""
        return find_parameter(self.parameters, "received")

    @property
    def rport(self) -> int | None:
        """The port that the message came from (RFC 3581); None also for the bare request `;rport`."""
        value = find_parameter(self.parameters, "rport")
        return int(value) if value and value.isascii() and value.isdigit() and len(value) <= 5 else None

    def has_parameter(self, name: str) -> bool:
        """Whether the parameter is there, with a value or without."""
        return name in [key.lower() for key, _ in self.parameters]

    def with_parameter(self, name: str, value: str | None) -> Via:
        """The same hop with this parameter, replaced in its place or added at the end."""
        if not self.has_parameter(name):
            return replace(self, parameters=(*self.parameters, (name, value)))
        return replace(
            self,
            parameters=tuple((key, value if key.lower() == name else old) for key, old in self.parameters),
        )

    def __str__(self) -> str:
        sent_by = format_host_port(self.host, self.port)
        return f"SIP/2.0/{self.transport} {sent_by}{format_parameters(self.parameters)}"


class CSeq(Struct, frozen=True, gc=False):
    """RFC 3261 §20.16."""

    number: int
    method: str

    @classmethod
    def parse(cls, text: str) -> CSeq:
        """Read a CSeq. Raises ParseError, also for a number of 2**31 or more (§8.1.1.5)."""
        match = _CSEQ.fullmatch(text)
        if match is None or len(match[1]) > 20 or int(match[1]) >= 2**31:
            raise ParseError(f"not a CSeq: {text[:80]!r}")
        return cls(int(match[1]), match[2])

    def __str__(self) -> str:
        return f"{self.number} {self.method}"


def _identify_field(line: str) -> tuple[str, str]:
    name, colon, _ = line.partition(":")
    if not colon:
        raise ParseError(f"not a header field: {line[:80]!r}")
    return identify(name.rstrip(" \t"))
