"""Video lines: what one party offers is offered on to the other untouched; the packets are relayed, never decoded.

Formats keep their payload types, `a=fmtp` and `a=rtcp-fb` on the way through; other attributes of the line
(bandwidth, extensions, SSRCs, keys) are the hop's own and are left out.
"""

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

_H264_DEFAULT_PROFILE: Final = "42"
_H264_DEFAULT_MODE: Final = "0"


def formats_of(
    line: MediaDescription, otherwise: Mapping[int, RtpMap] = STATIC_FORMATS
) -> tuple[VideoFormat, ...]:
    """What a peer's video line lists, under the peer's numbers; those without `a=rtpmap` are `otherwise`'s."""
    return tuple(
        VideoFormat(
            name=known.name,
            payload_type=known.payload_type,
            receive_payload_type=known.payload_type,
            clock_rate=known.clock_rate,
            fmtp=";".join(line.of_format("fmtp", known.payload_type)),
            feedback=tuple(line.of_format("rtcp-fb", known.payload_type)),
        )
        for known in line.rtpmaps(otherwise)
    )


def common(offered: Sequence[VideoFormat], other_party: Sequence[VideoFormat]) -> tuple[VideoFormat, ...]:
    """The formats of an offer that the other party of the relay has too; all of them if it has not been asked."""
    if not other_party:
        return tuple(offered)
    return tuple(each for each in offered if any(_is_same(each, known) for known in other_party))


def answered(theirs: MediaDescription, ours: MediaDescription) -> tuple[VideoFormat, ...]:
    """The formats of an answer, each with the number that our offer had for it; the same number comes first."""
    offered = formats_of(ours)
    agreed = []
    for each in formats_of(theirs, {known.payload_type: known for known in ours.rtpmaps()}):
        same_number = [known for known in offered if known.payload_type == each.payload_type]
        match = next((known for known in (*same_number, *offered) if _is_same(each, known)), None)
        if match is not None:
            agreed.append(replace(each, receive_payload_type=match.payload_type))
    return tuple(agreed)


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
        if each.fmtp:
            attributes.append(("fmtp", f"{number} {each.fmtp}"))
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


def _is_same(one: VideoFormat, other: VideoFormat) -> bool:
    """Whether what is packed as `one` can be read as `other`; H.264 says so in its fmtp (RFC 6184 §8.2.2)."""
    if (one.name.lower(), one.clock_rate) != (other.name.lower(), other.clock_rate):
        return False
    return one.name.lower() != "h264" or _h264_kind(one.fmtp) == _h264_kind(other.fmtp)


def _h264_kind(fmtp: str) -> tuple[str, str]:
    """Profile (the level may differ) and packetization mode."""
    fields = (each.strip().partition("=") for each in fmtp.lower().split(";"))
    known = {name: value for name, _, value in fields}
    profile = known.get("profile-level-id", _H264_DEFAULT_PROFILE)[:2]
    return profile, known.get("packetization-mode", _H264_DEFAULT_MODE)
