"""Video lines: what one party offers is offered on to the other untouched; the packets are relayed, never decoded.

Formats keep their payload types, `a=fmtp` and `a=rtcp-fb` on the way through; other attributes of the line
(bandwidth, extensions, SSRCs, keys) are the hop's own and are left out. So are formats whose packets name other
formats by their numbers (`red`, RFC 2198), since a relay changes numbers, those of error correction that go with
them, and feedback that counts packets by an extension of the header.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

from msgspec.structs import replace

from callapi.media.errors import NotAcceptable
from callapi.media.plane.types import Direction, VideoFormat, VideoParameters
from callapi.media.sdp import lines
from callapi.media.sdp.description import (
    STATIC_FORMATS,
    Attribute,
    MediaDescription,
    RtpMap,
    SessionDescription,
)
from callapi.media.sdp.security import Protection

_REPAIR: Final = "rtx"
_NOT_RELAYED: Final = frozenset({"red", "ulpfec", "flexfec", "flexfec-03"})
_OF_EXTENSIONS: Final = frozenset({"transport-cc"})
_PICTURE_REQUESTS: Final = frozenset({"nack pli", "ccm fir"})
"""Feedback that each video phone understands, whether its description has it or not."""
_APT: Final = re.compile(r"(?:^|;)\s*apt\s*=\s*(\d{1,3})\s*(?=;|$)", re.IGNORECASE)
_LEVEL: Final = re.compile(r"(profile-level-id\s*=\s*[0-9a-f]{4})([0-9a-f]{2})", re.IGNORECASE)


def formats_of(
    line: MediaDescription, otherwise: Mapping[int, RtpMap] = STATIC_FORMATS
) -> tuple[VideoFormat, ...]:
    """What a peer's video line lists, under the peer's numbers; those without `a=rtpmap` are `otherwise`'s."""
    listed = [_format(line, known) for known in line.rtpmaps(otherwise)]
    media = {each.payload_type: each for each in listed if each.name.lower() != _REPAIR}
    found = []
    for each in listed:
        if each.name.lower() in _NOT_RELAYED:
            continue
        if each.name.lower() == _REPAIR:
            apt = _APT.search(each.fmtp)
            repaired = media.get(int(apt[1])) if apt is not None else None
            if repaired is None or repaired.name.lower() in _NOT_RELAYED:
                continue
            rest = _APT.sub("", each.fmtp).strip("; ")
            found.append(replace(each, fmtp=rest, repairs=repaired))
        else:
            found.append(each)
    return tuple(found)


def _format(line: MediaDescription, known: RtpMap) -> VideoFormat:
    feedback = line.of_format("rtcp-fb", known.payload_type)
    return VideoFormat(
        name=known.name,
        payload_type=known.payload_type,
        receive_payload_type=known.payload_type,
        clock_rate=known.clock_rate,
        fmtp=";".join(line.of_format("fmtp", known.payload_type)),
        feedback=tuple(each for each in feedback if each not in _OF_EXTENSIONS),
    )


def common(offered: Sequence[VideoFormat], other_party: Sequence[VideoFormat]) -> tuple[VideoFormat, ...]:
    """The formats of an offer that the other party of the relay has too; all of them if it has not been asked.

    They stand in the other party's order, each once, with what both understand.
    """
    if not other_party:
        return tuple(offered)
    agreed: list[tuple[VideoFormat, VideoFormat]] = []
    """As offered, and as agreed on."""
    for known in other_party:
        taken = [each for each, _ in agreed]
        alike = [each for each in _alike(offered, known) if each not in taken]
        if known.repairs is None:
            if alike:
                agreed.append((alike[0], _narrowed(alike[0], known)))
            continue
        for each, narrowed in agreed:
            repair = next((known for known in alike if known.repairs == each), None)
            if repair is not None:
                agreed.append((repair, replace(repair, repairs=narrowed)))
                break
    return tuple(narrowed for _, narrowed in agreed)


def _alike(formats: Sequence[VideoFormat], known: VideoFormat) -> list[VideoFormat]:
    """Those of one kind with `known`, the most similar first."""
    kind, parameters, profile = known.kind, known.parameters, _profile(known)
    alike = [each for each in formats if each.kind == kind]
    return sorted(alike, key=lambda each: (each.parameters != parameters, _profile(each) != profile))


def _profile(known: VideoFormat) -> str:
    """Of H.264, with its constraints; the level left out."""
    found = _LEVEL.search(known.parameters)
    return found[1].lower() if found is not None else ""


def _narrowed(offered: VideoFormat, known: VideoFormat) -> VideoFormat:
    """An offered format with the limits of the other party, who is the one that decodes it."""
    feedback = tuple(each for each in offered.feedback if each in known.feedback or each in _PICTURE_REQUESTS)
    if offered.name.lower() != "h264":
        return replace(offered, fmtp=known.fmtp, feedback=feedback)
    level = _LEVEL.search(known.fmtp)
    fmtp = offered.fmtp
    if level is not None:
        fmtp = _LEVEL.sub(lambda ours: ours[1] + min(ours[2], level[2], key=_level), fmtp)
    return replace(offered, fmtp=fmtp, feedback=feedback)


def _level(text: str) -> int:
    return int(text, 16)


def answered(theirs: MediaDescription, ours: MediaDescription) -> tuple[VideoFormat, ...]:
    """The formats of an answer, each with the number that our offer had for it; the same number comes first."""
    offered = formats_of(ours)
    agreed: dict[int, VideoFormat] = {}
    """By the peer's number."""
    for each in formats_of(theirs, {known.payload_type: known for known in ours.rtpmaps()}):
        alike = _alike(offered, each)
        if each.repairs is not None:
            repaired = agreed.get(each.repairs.payload_type)
            if repaired is None:
                continue
            number = repaired.receive_payload_type
            alike = [known for known in alike if known.repairs and known.repairs.payload_type == number]
            each = replace(each, repairs=repaired)  # noqa: PLW2901 - as our offer numbers it
        same_number = [known for known in alike if known.payload_type == each.payload_type]
        match = next(iter(same_number or alike), None)
        if match is not None:
            agreed[each.payload_type] = replace(each, receive_payload_type=match.payload_type)
    return tuple(agreed.values())


def line(
    port: int,
    formats: Sequence[VideoFormat],
    direction: Direction,
    protection: Protection,
    *,
    is_muxed: bool,
) -> MediaDescription:
    """Our `m=video`, each format under our number."""
    attributes: list[Attribute] = []
    for each in formats:
        number = each.receive_payload_type
        attributes.append(("rtpmap", str(RtpMap(number, each.name, each.clock_rate))))
        fmtp = [f"apt={each.repairs.receive_payload_type}"] if each.repairs is not None else []
        fmtp += [each.fmtp] if each.fmtp else []
        if fmtp:
            attributes.append(("fmtp", f"{number} {';'.join(fmtp)}"))
        attributes += [("rtcp-fb", f"{number} {value}") for value in each.feedback]
    attributes.append((direction.value, None))
    if is_muxed or protection.is_muxed:
        attributes.append(("rtcp-mux", None))
    numbers = tuple(str(each.receive_payload_type) for each in formats)
    words = (*attributes, *protection.attributes)
    return MediaDescription("video", protection.port or port, protection.profile, numbers, attributes=words)


def parameters(
    remote: SessionDescription,
    theirs: MediaDescription,
    agreed: tuple[VideoFormat, ...],
    local: str,
    wish: Direction,
) -> VideoParameters | None:
    """What `agreed` formats on their line come to; None if there is nothing in common or no address to send to.

    Video never fails a call: what cannot be had is refused (port 0), and the audio goes on.
    """
    try:
        address = lines.remote_address(remote, theirs, local)
    except NotAcceptable:
        return None
    if not agreed:
        return None
    return VideoParameters(
        remote=address,
        formats=agreed,
        remote_rtcp=lines.remote_rtcp(theirs, address, local),
        direction=lines.our_direction(wish, remote.direction_of(theirs), address),
        rtcp_mux=theirs.has("rtcp-mux"),
    )
