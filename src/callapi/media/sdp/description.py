"""Session descriptions (RFC 8866, RFC 4566 before it): read as tolerantly as phones require, write strictly.

What is read: `o= s= c= b= a= m=`, in any order that keeps each media description together, with CRLF, LF or
CR, with or without the mandatory lines that are not needed (`v= o= s= t=`). Other lines are skipped. What cannot
be used without guessing (a broken `m=` or `c=`) is an `SdpError`, and nothing else is ever raised. What is
written keeps the RFC's order.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Final

from msgspec import Struct

from callapi.media.errors import SdpError
from callapi.media.plane.types import Direction

MAX_BYTES: Final = 32_768
MAX_LINES: Final = 1_000
MAX_MEDIA: Final = 16
MAX_FORMATS: Final = 64

Attribute = tuple[str, str | None]
_MediaLine = tuple[str, int, str, tuple[str, ...]]
"""Kind, port, protocol and formats."""

_LINE_END: Final = re.compile(r"\r\n|\n|\r")
_VISIBLE: Final = re.compile(r"[!-~]+")
_VISIBLE_WORDS: Final = re.compile(r"[!-~\s]+")
_ORIGIN: Final = re.compile(r"([!-~]+)\s+([0-9]{1,20})\s+([0-9]{1,20})\s+[!-~]+\s+[!-~]+\s+([!-~]+)")
_DIRECTIONS: Final[Mapping[str, Direction]] = {str(each): each for each in Direction}


class Origin(Struct, frozen=True, gc=False):
    """`o=`: who made the description, and which version of it this is."""

    username: str
    session_id: int
    version: int
    address: str

    def __str__(self) -> str:
        return f"{self.username} {self.session_id} {self.version} {connection_text(self.address)}"


class RtpMap(Struct, frozen=True, gc=False, cache_hash=True):
    """`a=rtpmap`: what a payload type number stands for."""

    payload_type: int
    name: str
    clock_rate: int
    channels: int = 1

    def __str__(self) -> str:
        channels = f"/{self.channels}" if self.channels > 1 else ""
        return f"{self.payload_type} {self.name}/{self.clock_rate}{channels}"


STATIC_FORMATS: Final[Mapping[int, RtpMap]] = {
    known.payload_type: known
    for known in (
        RtpMap(0, "PCMU", 8000),
        RtpMap(3, "GSM", 8000),
        RtpMap(4, "G723", 8000),
        RtpMap(8, "PCMA", 8000),
        RtpMap(9, "G722", 8000),
        RtpMap(13, "CN", 8000),
        RtpMap(15, "G728", 8000),
        RtpMap(18, "G729", 8000),
    )
}
"""Payload types that need no `a=rtpmap` (RFC 3551 §6)."""


class MediaDescription(Struct, frozen=True, gc=False):
    """One `m=` line and what belongs to it. `address` is the host of its own `c=`, None if it has none."""

    kind: str
    port: int
    protocol: str
    formats: tuple[str, ...]
    address: str | None = None
    bandwidths: tuple[str, ...] = ()
    attributes: tuple[Attribute, ...] = ()

    def has(self, name: str) -> bool:
        """Whether there is an attribute `name`, with a value or without."""
        return name in dict(self.attributes)

    def value(self, name: str) -> str | None:
        """The value of the first attribute `name`."""
        for each, value in self.attributes:
            if each == name:
                return value
        return None

    def values(self, name: str) -> list[str]:
        """The values of all attributes `name`, in their order."""
        return [value for each, value in self.attributes if each == name and value is not None]

    def number(self, name: str) -> int | None:
        """The value of attribute `name` if it is a number; fractions are cut (`a=ptime:20.0` is about)."""
        text = (self.value(name) or "").partition(".")[0].strip()
        return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else None

    @property
    def direction(self) -> Direction | None:
        """`a=sendrecv` and its kin; None if the session's holds."""
        return _direction(self.attributes)

    def rtpmaps(self, otherwise: Mapping[int, RtpMap] = STATIC_FORMATS) -> list[RtpMap]:
        """What the listed formats stand for, in the order of the list: by `a=rtpmap`, else by `otherwise`.

        Unknown numbers are left out. A static number is what RFC 3551 §6 says, whatever its `a=rtpmap`: many phones
        write `9 G722/16000`, the rate of its samples.
        """
        stated = {known.payload_type: known for text in self.values("rtpmap") if (known := _rtpmap(text))}
        numbers = (int(text) for text in self.formats if text.isdigit() and len(text) <= 3)
        return [
            known
            for each in numbers
            if (known := STATIC_FORMATS.get(each) or stated.get(each) or otherwise.get(each))
        ]

    def of_format(self, name: str, payload_type: int) -> list[str]:
        """The values of attribute `name` (`fmtp`, `rtcp-fb`) that are about `payload_type`."""
        split = (value.strip().partition(" ") for value in self.values(name))
        return [rest.strip() for number, _, rest in split if number in {str(payload_type), "*"}]

    def lines(self) -> list[str]:
        """As written (RFC 8866 §5)."""
        written = [f"m={' '.join((self.kind, str(self.port), self.protocol, *self.formats))}"]
        if self.address is not None:
            written.append(f"c={connection_text(self.address)}")
        written += [f"b={each}" for each in self.bandwidths]
        return written + _attribute_lines(self.attributes)


class SessionDescription(Struct, frozen=True, gc=False):
    """A whole description. `origin` is None if it has no legible `o=`."""

    origin: Origin | None = None
    name: str = "-"
    address: str | None = None
    bandwidths: tuple[str, ...] = ()
    attributes: tuple[Attribute, ...] = ()
    media: tuple[MediaDescription, ...] = ()

    def values(self, name: str) -> list[str]:
        """The values of all attributes `name` of the session part."""
        return [value for each, value in self.attributes if each == name and value is not None]

    def address_of(self, media: MediaDescription) -> str | None:
        """Where `media` is to be sent: its own `c=`, else the session's."""
        return media.address or self.address

    def direction_of(self, media: MediaDescription) -> Direction:
        """Its own direction, else the session's, else sendrecv (RFC 8866 §6.7)."""
        return media.direction or _direction(self.attributes) or Direction.SENDRECV

    def __str__(self) -> str:
        written = ["v=0"]
        if self.origin is not None:
            written.append(f"o={self.origin}")
        written.append(f"s={self.name}")
        if self.address is not None:
            written.append(f"c={connection_text(self.address)}")
        written += [f"b={each}" for each in self.bandwidths]
        written += ["t=0 0", *_attribute_lines(self.attributes)]
        for media in self.media:
            written += media.lines()
        return "\r\n".join(written) + "\r\n"

    def __bytes__(self) -> bytes:
        return str(self).encode()


def parse(body: bytes) -> SessionDescription:
    """Read one session description.

    Raises:
        SdpError: too big, no description at all, or a line that media depends on cannot be read.
    """
    if len(body) > MAX_BYTES:
        raise SdpError(f"the session description has {len(body)} bytes; at most {MAX_BYTES} are read")
    lines = _LINE_END.split(body.decode("utf-8", "replace"))
    if len(lines) > MAX_LINES:
        raise SdpError(f"the session description has over {MAX_LINES} lines")
    return _Reader().read(lines)


def connection_text(host: str) -> str:
    """`IN IP4 192.0.2.1` or `IN IP6 2001:db8::1`; a host name counts as IP4."""
    return f"IN {'IP6' if ':' in host else 'IP4'} {host}"


class _Section:
    """The lines that may stand both in the session part and under an `m=`."""

    __slots__ = ("address", "attributes", "bandwidths")

    def __init__(self) -> None:
        self.address: str | None = None
        self.bandwidths: list[str] = []
        self.attributes: list[Attribute] = []


class _Reader:
    """Takes line after line, and knows which section they belong to."""

    def __init__(self) -> None:
        self._is_description = False
        self._origin: Origin | None = None
        self._name = "-"
        self._session = self._section = _Section()
        self._media: list[tuple[_MediaLine, _Section]] = []

    def read(self, lines: Iterable[str]) -> SessionDescription:
        for number, line in enumerate(lines, start=1):
            kind, equals, value = line.strip().partition("=")
            if kind == "a" and equals:
                name, colon, text = value.partition(":")
                self._section.attributes.append((name.strip(), text.strip() if colon else None))
            elif equals:
                try:
                    self._take(kind, value.strip())
                except ValueError as error:
                    raise SdpError(f"line {number}: {error}") from None
        if not self._is_description:
            raise SdpError("the body is not a session description: it has neither v= nor m=")
        return self._description()

    def _take(self, kind: str, value: str) -> None:
        """A line that is not an attribute; a ValueError says what is wrong with it."""
        match kind:
            case "m":
                self._open_media(value)
            case "c":
                self._section.address = _connection(value)
            case "b":
                self._section.bandwidths.append(value)
            case "o":
                self._origin = _origin(value)
            case "s":
                self._name = value or "-"
            case "v":
                self._is_description = True

    def _open_media(self, value: str) -> None:
        self._is_description = True
        if len(self._media) == MAX_MEDIA:
            raise ValueError(f"more than {MAX_MEDIA} m= lines")
        self._section = _Section()
        self._media.append((_media(value), self._section))

    def _description(self) -> SessionDescription:
        media = [
            MediaDescription(*line, section.address, tuple(section.bandwidths), tuple(section.attributes))
            for line, section in self._media
        ]
        session = self._session
        return SessionDescription(
            origin=self._origin,
            name=self._name,
            address=session.address,
            bandwidths=tuple(session.bandwidths),
            attributes=tuple(session.attributes),
            media=tuple(media),
        )


def _media(value: str) -> _MediaLine:
    """`<media> <port>[/<number>] <proto> <fmt> ...`; the words come back in our answer, so they must be plain."""
    words = value.split()
    if len(words) < 3 or not _VISIBLE_WORDS.fullmatch(value):
        raise ValueError("m= wants a media type, a port, a protocol and formats")
    kind, port, protocol, *formats = words
    if len(formats) > MAX_FORMATS:
        raise ValueError(f"m= lists over {MAX_FORMATS} formats")
    return kind, _port(port.partition("/")[0]), protocol, tuple(formats)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) <= 5 and int(text) <= 65_535):
        raise ValueError("the port of m= is not a number up to 65535")
    return int(text)


def _connection(value: str) -> str:
    """`IN IP4 <host>[/<ttl>]`."""
    words = value.split()
    host = words[2].partition("/")[0] if len(words) >= 3 else ""
    if not _VISIBLE.fullmatch(host):
        raise ValueError("c= wants IN, IP4 or IP6, and an address")
    return host


def _origin(value: str) -> Origin | None:
    """None for what real phones write here: nothing of ours depends on it."""
    read = _ORIGIN.fullmatch(value)
    if read is None:
        return None
    username, session_id, version, address = read.groups()
    return Origin(username, int(session_id), int(version), address)


def _rtpmap(text: str) -> RtpMap | None:
    """`<number> <name>/<clock rate>[/<channels>]`; None if it is anything else."""
    number, _, rest = text.partition(" ")
    name, *figures = rest.strip().split("/")
    if not (1 <= len(figures) <= 2 and name):
        return None
    if not all(each.isascii() and each.isdigit() and len(each) <= 6 for each in (number, *figures)):
        return None
    channels = int(figures[1]) if len(figures) == 2 else 1
    return RtpMap(int(number), name, int(figures[0]), channels)


def _direction(attributes: tuple[Attribute, ...]) -> Direction | None:
    for name, value in attributes:
        if value is None and name in _DIRECTIONS:
            return _DIRECTIONS[name]
    return None


def _attribute_lines(attributes: tuple[Attribute, ...]) -> list[str]:
    return [f"a={name}" if value is None else f"a={name}:{value}" for name, value in attributes]
