"""Session descriptions: those of real phones are read, broken ones are an `SdpError`, ours keep the RFC's order."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callapi.media import Direction, SdpError
from callapi.media.sdp.description import (
    MAX_BYTES,
    MAX_MEDIA,
    MediaDescription,
    Origin,
    RtpMap,
    SessionDescription,
    parse,
)

LINPHONE = b"""v=0\r
o=alice 2342 1107 IN IP4 192.0.2.7\r
s=Talk\r
c=IN IP4 192.0.2.7\r
b=AS:380\r
t=0 0\r
a=rtcp-xr:rcvr-rtt=all:10000 stat-summary=loss,dup,jitt,TTL voip-metrics\r
m=audio 7078 RTP/AVP 96 0 8 101 97\r
a=rtpmap:96 opus/48000/2\r
a=fmtp:96 useinbandfec=1\r
a=rtpmap:101 telephone-event/48000\r
a=rtpmap:97 telephone-event/8000\r
m=video 9078 RTP/AVPF 98\r
c=IN IP6 2001:db8::7\r
a=rtpmap:98 H264/90000\r
a=fmtp:98 profile-level-id=42801F; packetization-mode=1\r
a=rtcp-fb:98 nack pli\r
a=rtcp-fb:* ccm fir\r
a=recvonly\r
"""


def test_a_whole_offer_is_read() -> None:
    description = parse(LINPHONE)
    audio, video = description.media
    assert description.origin == Origin("alice", 2342, 1107, "192.0.2.7")
    assert (description.name, description.bandwidths) == ("Talk", ("AS:380",))
    assert (audio.kind, audio.port, audio.protocol) == ("audio", 7078, "RTP/AVP")
    assert [str(known) for known in audio.rtpmaps()] == [
        "96 opus/48000/2",
        "0 PCMU/8000",
        "8 PCMA/8000",
        "101 telephone-event/48000",
        "97 telephone-event/8000",
    ]
    assert audio.of_format("fmtp", 96) == ["useinbandfec=1"]
    assert (description.address_of(audio), description.address_of(video)) == ("192.0.2.7", "2001:db8::7")
    assert video.of_format("rtcp-fb", 98) == ["nack pli", "ccm fir"]
    assert description.direction_of(audio) is Direction.SENDRECV
    assert description.direction_of(video) is Direction.RECVONLY


@pytest.mark.parametrize("line_end", ["\n", "\r", "\r\n"])
def test_any_line_end_is_read(line_end: str) -> None:
    assert parse(LINPHONE.replace(b"\r\n", line_end.encode())) == parse(LINPHONE)


def test_mandatory_lines_without_use_may_be_missing() -> None:
    description = parse(b"c=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 0")
    assert description.origin is None
    assert description.address_of(description.media[0]) == "192.0.2.1"


def test_lines_may_come_in_odd_order_and_with_odd_blanks() -> None:
    description = parse(
        b"\r\n s=x\r\nt=0 0\r\na=sendonly\r\no=- 1 1 IN IP4 h\r\nv=0\r\nc= IN  IP4  192.0.2.1/127 \r\n"
        b"z=? \r\nnonsense\r\nm=audio  4000/2 RTP/AVP  8 0\r\na=rtpmap:8 pcma/8000\r\na=ptime: 20 \r\n\r\n"
    )
    (audio,) = description.media
    assert description.address == "192.0.2.1"
    assert (audio.port, audio.formats, audio.number("ptime")) == (4000, ("8", "0"), 20)
    assert description.direction_of(audio) is Direction.SENDONLY


@pytest.mark.parametrize(
    "line",
    [
        b"o=bob 1 2 IN IP4",
        b"o=bob one 2 IN IP4 192.0.2.1",
        b"a=rtpmap:0 PCMU",
        b"a=rtpmap:x PCMU/8000",
        b"a=rtpmap:0 PCMU/8000/1/1",
        b"a=ptime:soon",
        b"a=",
        b"a",
        b"\xff\xfe",
    ],
)
def test_what_nothing_depends_on_is_forgiven(line: bytes) -> None:
    description = parse(b"v=0\nc=IN IP4 192.0.2.1\nm=audio 4000 RTP/AVP 0\n" + line)
    assert description.media[0].rtpmaps() == [RtpMap(0, "PCMU", 8000)]
    assert description.media[0].number("ptime") is None


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"", "not a session description"),
        (b"<xml/>", "not a session description"),
        (b"v=0\nm=audio", "line 2: m= wants"),
        (b"v=0\nm=audio 4000", "line 2: m= wants"),
        (b"v=0\nm=audio x RTP/AVP 0", "line 2: the port"),
        (b"v=0\nm=audio 65536 RTP/AVP 0", "line 2: the port"),
        ("v=0\nm=audio ٤٠٠٠ RTP/AVP 0".encode(), "line 2: m= wants"),
        (b"v=0\nm=audio 1 RTP/\x01VP 0", "line 2: m= wants"),
        (b"v=0\nc=IN IP4", "line 2: c= wants"),
        (b"v=0\nc=IN IP4 /127", "line 2: c= wants"),
        (b"v=0\n" + b"m=audio 1 RTP/AVP 0\n" * (MAX_MEDIA + 1), "more than 16"),
        (b"v=0\nm=audio 1 RTP/AVP" + b" 0" * 65, "over 64 formats"),
        (b"v=0\n" + b"a=x\n" * 1_001, "over 1000 lines"),
        (b"v=0\n" + b"a" * MAX_BYTES, "at most 32768"),
    ],
)
def test_what_cannot_be_used_says_why(body: bytes, complaint: str) -> None:
    with pytest.raises(SdpError, match=complaint):
        parse(body)


def test_ours_keeps_the_order_of_the_rfc() -> None:
    description = SessionDescription(
        origin=Origin("callapi", 7, 1, "2001:db8::1"),
        address="2001:db8::1",
        bandwidths=("AS:64",),
        attributes=(("group", "LS 1"),),
        media=(
            MediaDescription(
                kind="audio",
                port=4000,
                protocol="RTP/AVP",
                formats=("0",),
                address="192.0.2.1",
                bandwidths=("TIAS:64000",),
                attributes=(("ptime", "20"), ("sendrecv", None)),
            ),
        ),
    )
    assert bytes(description) == (
        b"v=0\r\no=callapi 7 1 IN IP6 2001:db8::1\r\ns=-\r\nc=IN IP6 2001:db8::1\r\nb=AS:64\r\nt=0 0\r\n"
        b"a=group:LS 1\r\nm=audio 4000 RTP/AVP 0\r\nc=IN IP4 192.0.2.1\r\nb=TIAS:64000\r\na=ptime:20\r\n"
        b"a=sendrecv\r\n"
    )


words = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=12)
names = words.filter(lambda text: ":" not in text)
values = st.lists(words, min_size=1, max_size=3).map(" ".join)
hosts = st.one_of(st.ip_addresses().map(str), words.filter(lambda text: "/" not in text and ":" not in text))
attributes = st.lists(st.tuples(names, st.none() | values), max_size=4).map(tuple)
bandwidths = st.lists(values, max_size=2).map(tuple)
media = st.builds(
    MediaDescription,
    kind=words,
    port=st.integers(0, 65_535),
    protocol=words,
    formats=st.lists(words, max_size=4).map(tuple),
    address=st.none() | hosts,
    bandwidths=bandwidths,
    attributes=attributes,
)
descriptions = st.builds(
    SessionDescription,
    origin=st.none() | st.builds(Origin, words, st.integers(0, 2**63), st.integers(0, 2**63), hosts),
    name=values,
    address=st.none() | hosts,
    bandwidths=bandwidths,
    attributes=attributes,
    media=st.lists(media, max_size=4).map(tuple),
)


@given(descriptions)
def test_what_is_written_is_read_again(description: SessionDescription) -> None:
    assert parse(bytes(description)) == description


def _survives(body: bytes) -> None:
    """Parsing and every question asked of the result raise nothing but SdpError."""
    try:
        description = parse(body)
    except SdpError:
        return
    for each in description.media:
        each.rtpmaps()
        each.number("ptime")
        each.of_format("fmtp", 96)
        description.direction_of(each)
    parse(bytes(description))


@given(st.binary(max_size=200) | st.binary(max_size=200).map(lambda tail: b"v=0\n" + tail))
def test_noise_is_nothing_but_an_sdp_error(body: bytes) -> None:
    _survives(body)


@given(st.data())
def test_a_damaged_offer_is_nothing_but_an_sdp_error(data: st.DataObject) -> None:
    body = bytearray(LINPHONE)
    for _ in range(data.draw(st.integers(1, 6))):
        begin = data.draw(st.integers(0, len(body)))
        end = min(len(body), begin + data.draw(st.integers(0, 8)))
        body[begin:end] = data.draw(
            st.binary(max_size=6) | st.sampled_from([b"\n", b"m=", b"c=", b" ", b":"])
        )
    _survives(bytes(body))


def test_what_has_neither_origin_nor_address_is_written_without_them() -> None:
    description = parse(b"v=0\ns=-\nt=0 0\n")
    assert str(description) == "v=0\r\ns=-\r\nt=0 0\r\n"
