"""`<Sip>`: a SIP URI to call, with headers, transport and credentials of its own. A noun of `<Dial>`.

The URI is the text, or the attribute `name`, which is the way to write it beside a nested `<Video>`. The
URI stays as the application wrote it, headers included: what is over a limit fails this one leg when it is
dialled, and not the whole document.
"""

from dataclasses import dataclass

from callapi.rcml.elements.noun import Noun

URI_LIMIT = 255
"""A URI without its headers must be shorter than this many characters."""
HEADERS_LIMIT = 1024
"""The headers of a URI (what follows the `?`) must be shorter than this many characters."""
CODECS = ("PCMU", "PCMA", "G722", "opus")


@dataclass(frozen=True, slots=True)
class Sip(Noun):
    """Call a SIP URI."""

    uri: str
    """As written: `sip:alice@example.com;transport=tcp?X-Order=7`. Empty: nothing to call, the leg fails."""
    username: str | None = None
    """Answers a 401 or 407 of this leg, together with `password`."""
    password: str | None = None
    video: bool = False
    """`<Video enable="true"/>` is nested: offer the caller's video too."""
    codecs: tuple[str, ...] | None = None
    """Audio codecs to offer, in this order, out of `CODECS`; None: as the server is configured."""
