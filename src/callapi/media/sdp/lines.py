"""Single `m=` lines: which of the peer's can be used, what they say, and how ours are written."""

import ipaddress
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from callapi.media.errors import NotAcceptable
from callapi.media.plane.types import Direction, MediaAddress
from callapi.media.sdp.description import Attribute, MediaDescription, SessionDescription
from callapi.media.sdp.dtls import DTLS_PROFILES
from callapi.media.sdp.formats import Announced
from callapi.media.sdp.security import PLAIN_PROFILES, SDES_PROFILES, Protection
from callapi.media.sdp.text import quotable

_PROFILES: Final = PLAIN_PROFILES | SDES_PROFILES | DTLS_PROFILES
_BROADCAST: Final = "255.255.255.255"


def standing(media: Sequence[MediaDescription], kind: str) -> int | None:
    """Where our line of `kind` stands among `media`: the open one, else a closed one that may be opened again."""
    mine = [index for index, each in enumerate(media) if each.kind == kind and _is_rtp(each)]
    return next((index for index in mine if media[index].port), mine[0] if mine else None)


def open_lines(media: Sequence[MediaDescription], kind: str) -> list[int]:
    """Where the lines of `kind` stand that are open, whatever their profile."""
    return [index for index, each in enumerate(media) if each.kind == kind and each.port]


def answered(media: Sequence[MediaDescription], index: int, kind: str) -> MediaDescription | None:
    """The answer's line `index`, None if it is refused or missing."""
    line = media[index] if index < len(media) else None
    return line if line is not None and line.kind == kind and line.port and _is_rtp(line) else None


def _is_rtp(line: MediaDescription) -> bool:
    return line.protocol.upper() in _PROFILES


def audio(
    port: int,
    formats: Announced,
    protection: Protection,
    *,
    ptime_ms: int,
    direction: Direction,
    is_muxed: bool,
) -> MediaDescription:
    """Our `m=audio`."""
    numbers, attributes = _audio_words(formats, ptime_ms, direction)
    if is_muxed or protection.is_muxed:
        attributes = (*attributes, ("rtcp-mux", None))
    return MediaDescription(
        "audio",
        protection.port or port,
        protection.profile,
        numbers,
        attributes=attributes + protection.attributes,
    )


@lru_cache(maxsize=128)
def _audio_words(
    formats: Announced, ptime_ms: int, direction: Direction
) -> tuple[tuple[str, ...], tuple[Attribute, ...]]:
    """The formats of the line, and its attributes."""
    attributes: list[Attribute] = []
    for known, fmtp in formats:
        attributes.append(("rtpmap", str(known)))
        if fmtp:
            attributes.append(("fmtp", f"{known.payload_type} {fmtp}"))
    attributes += [("ptime", str(ptime_ms)), (direction.value, None)]
    return tuple([str(known.payload_type) for known, _ in formats]), tuple(attributes)


def refused(line: MediaDescription) -> MediaDescription:
    """The answer to a line that we do not want: its own words with port 0 (RFC 3264 §6)."""
    return MediaDescription(line.kind, 0, line.protocol, line.formats or ("0",))


def remote_address(
    description: SessionDescription, line: MediaDescription, local: str
) -> MediaAddress | None:
    """Where `line` is to be sent; None for 0.0.0.0, the hold of RFC 2543.

    Raises:
        NotAcceptable: no `c=`, a host name, a multicast group, or an address of another family than ours.
    """
    host = description.address_of(line)
    if host is None:
        raise NotAcceptable(301, "the session description has no c= line")
    return MediaAddress(host, line.port) if _is_reachable(host, local) else None


def ice_address(line: MediaDescription, local: str) -> MediaAddress:
    """A literal address among the candidates of a line whose true one comes by ICE; port 0: none is known yet."""
    for value in line.values("candidate"):
        words = value.split()
        if len(words) >= 6 and words[2].lower() == "udp" and words[5].isdigit() and len(words[5]) <= 5:
            try:
                if 0 < int(words[5]) < 65_536 and _is_reachable(words[4], local):
                    return MediaAddress(words[4], int(words[5]))
            except NotAcceptable:
                continue
    return MediaAddress("::" if ":" in local else "0.0.0.0", 0)  # noqa: S104 - no address is bound


@lru_cache(maxsize=1024)
def _is_reachable(host: str, local: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise NotAcceptable(301, quotable(f"{host} in c= is not an IP address")) from None
    if address.is_unspecified:
        return False
    if address.is_multicast or host == _BROADCAST:
        raise NotAcceptable(330, f"{host} in c= is not one host")
    if (":" in host) != (":" in local) or "%" in host:
        raise NotAcceptable(301, quotable(f"{host} in c= is not of the address family of {local}"))
    return True


def remote_rtcp(line: MediaDescription, rtp: MediaAddress | None, local: str) -> MediaAddress | None:
    """The address of `a=rtcp:53020 IN IP4 192.0.2.1` (RFC 3605); None: the port after RTP's, or RTP's own."""
    words = (line.value("rtcp") or "").split()
    if rtp is None or not words or line.has("rtcp-mux"):
        return None
    port = int(words[0]) if words[0].isascii() and words[0].isdigit() and len(words[0]) <= 5 else 0
    host = words[3] if len(words) >= 4 else rtp.host
    try:
        usable = 0 < port < 65_536 and _is_reachable(host, local)
    except NotAcceptable:
        usable = False
    return MediaAddress(host, port) if usable else None


def our_direction(wish: Direction, remote: Direction, address: MediaAddress | None) -> Direction:
    """What our `wish` and the peer's direction leave to us; without an address nothing is sent."""
    sends = wish.sends and remote.receives and address is not None
    receives = wish.receives and remote.sends
    if sends:
        return Direction.SENDRECV if receives else Direction.SENDONLY
    return Direction.RECVONLY if receives else Direction.INACTIVE


def remote_holds(remote: Direction, address: MediaAddress | None) -> bool:
    """Whether the peer does not want to hear us: by direction (RFC 3264 §8.4) or by 0.0.0.0 (RFC 2543)."""
    return address is None or not remote.receives


def no_common_codec(line: MediaDescription, codecs: Sequence[str]) -> NotAcceptable:
    """Why there is no codec that we can use."""
    named = {str(known.payload_type): known.name for known in line.rtpmaps()}
    theirs = " ".join(named.get(text, text) for text in line.formats)
    return NotAcceptable(305, quotable(f"no common codec: offered {theirs}, spoken here {' '.join(codecs)}"))
