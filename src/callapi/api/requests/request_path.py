"""The address of a request: which of the three spellings of the API, in which format it wants its answer.

::

    /2012-04-24/…             Restcomm's; XML, or JSON by `.json` or `Accept`
    /restcomm/2012-04-24/…    the same
    /2010-04-01/…             Twilio's; JSON, or XML by `.xml`
"""

import re
from enum import StrEnum
from typing import Final

from msgspec import Struct

TWILIO: Final = "/2010-04-01"
BASES: Final = ("/2012-04-24", "/restcomm/2012-04-24", TWILIO)

_ADDRESS: Final = re.compile(rf"(?P<base>{'|'.join(BASES)})(?P<path>/Accounts(?:[./].*)?)")
# Restcomm's clients write the suffix after the collection, too: `/Calls.json/CA…`.
_SUFFIX: Final = re.compile(r"\.(?:(json|xml)(?=/|$)|(wav|mp3|pcap)$)")


class Format(StrEnum):
    """What an answer is written in."""

    JSON = "json"
    XML = "xml"
    WAV = "wav"
    MP3 = "mp3"
    PCAP = "pcap"


class RequestPath(Struct, frozen=True):
    """Where a request went: base, path without suffixes, and the last suffix (None: there was none)."""

    base: str
    path: str
    suffix: Format | None
    accept: str = ""
    query: str = ""
    origin: str = ""
    """Scheme and authority, for the few addresses that are absolute."""

    @classmethod
    def of(cls, path: str, accept: str = "", query: str = "", origin: str = "") -> "RequestPath | None":
        """Read the path of a request; None: the path is outside the API."""
        match = _ADDRESS.fullmatch(path)
        if match is None:
            return None
        found = [each[1] or each[2] for each in _SUFFIX.finditer(match["path"])]
        plain = _SUFFIX.sub("", match["path"]).rstrip("/")
        suffix = Format(found[-1]) if found else None
        return cls(match["base"], plain, suffix, accept.lower(), query, origin)

    @property
    def format(self) -> Format:
        """JSON or XML: by the suffix, else by `Accept`, else the base's own."""
        if self.suffix in {Format.JSON, Format.XML}:
            return self.suffix
        if self.base == TWILIO or "json" in self.accept:
            return Format.JSON
        return Format.XML

    @property
    def xml_root(self) -> str:
        """The outermost element."""
        return "TwilioResponse" if self.base == TWILIO else "RestcommResponse"

    def uri(self, path: str) -> str:
        """The address of `path` (`/Accounts/AC…/Calls/CA…`) as this client would write it."""
        return f"{self.base}{path}{self.written_suffix}"

    def url(self, path: str) -> str:
        """The absolute address of `path`, without a suffix."""
        return f"{self.origin}{self.base}{path}"

    @property
    def written_suffix(self) -> str:
        """What addresses end in: nothing where XML is what comes anyway."""
        if self.format is Format.JSON:
            return ".json"
        return ".xml" if self.base == TWILIO else ""
