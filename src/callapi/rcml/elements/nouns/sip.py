"""`<Sip>`: a SIP URI to call, with headers, transport and credentials of its own. A noun of `<Dial>`.

The URI is the text, or the attribute `name`, which is the way to write it beside a nested `<Video>`. It stays
as the application wrote it, headers included: what is over a limit fails this one leg when it is dialled, and
not the whole document. Only `sip:` is put before `alice@example.com`. `<Uri>`, the ancestor's word, reads as
`<Sip>`. What Twilio's libraries nest, `<Uri>` and `<Headers>`, is read as if it were written on the URI.
"""

import re
from dataclasses import dataclass, field

from callapi.base.values import SrtpPolicy
from callapi.rcml.attributes import Attributes
from callapi.rcml.elements.copied_text import read_target
from callapi.rcml.elements.element import refuse_nested
from callapi.rcml.elements.machine_detection import DetectedParty, read_machine_detection
from callapi.rcml.elements.nouns.noun import (
    Noun,
    read_callbacks,
    read_video,
    warn_without_target,
    with_header,
)
from callapi.rcml.tree import ElementNode

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
    password: str | None = field(default=None, repr=False)
    video: bool = False
    """`<Video enable="true"/>` is nested: offer the caller's video too."""
    srtp: SrtpPolicy | None = None
    """Whether media is encrypted; None: as the server is configured."""
    codecs: tuple[str, ...] | None = None
    """Audio codecs to offer, in this order, out of `CODECS`; None: as the server is configured."""
    machine_detection: DetectedParty | None = None
    """Find out who answers."""


def read_sip(node: ElementNode) -> Sip:
    """`<Sip>` or `<Uri>` as written."""
    given = Attributes(node)
    callbacks = read_callbacks(node, given, 13241)
    name, text = given.text("name"), node.text
    username = given.secret("username", code=13249) or None
    password = given.secret("password", code=13249)
    codecs = _read_codecs(given)
    srtp = _read_srtp(given)
    detection = read_machine_detection(given)
    given.finish()
    if name and text:
        node.warn(f"<{node.name}> has a name and a text: the name is the URI, the text is overlooked")
    uri, video = name or text, False
    headers: list[ElementNode] = []
    for child in node.children:
        match child.name:
            case "Video":
                video = read_video(child)
            case "Uri":
                uri = uri or child.text
                inside = Attributes(child)
                username = username or inside.secret("username", code=13249)
                password = inside.secret("password", code=13249) if password is None else password
                inside.without_effect("priority", "weight")
                inside.finish()
            case "Headers":
                headers.extend(header for header in child.children if header.name == "Header")
            case _:
                refuse_nested(child, node, 13215)
    uri = read_target(node, uri)
    warn_without_target(node, uri, "the SIP URI")
    uri = sip_uri(uri)
    for header in headers:
        uri = with_header(uri, header)
    return Sip(uri, username, password, video, srtp, codecs, detection, **callbacks)


def sip_uri(text: str) -> str:
    """`text`, with the scheme put before a mere `user@host`."""
    user, at, _ = text.partition("@")
    return f"sip:{text}" if at and ":" not in user else text


def _read_srtp(given: Attributes) -> SrtpPolicy | None:
    written = given.text("srtp")
    if written is None:
        return None
    if written not in set(SrtpPolicy):
        given.refuse("srtp", "off, optional or required")
        return None
    return SrtpPolicy(written)


def _read_codecs(given: Attributes) -> tuple[str, ...] | None:
    listed = given.text("codecs")
    if listed is None:
        return None
    names = {codec.lower(): codec for codec in CODECS}
    chosen = [names.get(name.lower()) for name in re.split(r"[\s,]+", listed) if name]
    if not chosen or None in chosen:
        given.refuse("codecs", f"a list out of {', '.join(CODECS)}")
    return tuple(dict.fromkeys(codec for codec in chosen if codec)) or None
