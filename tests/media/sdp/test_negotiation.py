"""RFC 3264, one leg at a time, and two legs that must always agree."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callapi.media import Direction, MediaAddress, NotAcceptable
from callapi.media.sdp.description import MediaDescription, SessionDescription, parse
from callapi.media.sdp.negotiation import LocalMedia, MediaNegotiation

OURS = LocalMedia("192.0.2.1", 20_000)


def offer(*lines: str, connection: str = "IN IP4 192.0.2.7") -> bytes:
    """A phone's description with these lines after its session part."""
    head = ("v=0", "o=phone 1 1 IN IP4 192.0.2.7", "s=-", f"c={connection}", "t=0 0")
    return "\r\n".join((*head, *lines, "")).encode()


EVERYTHING = offer(
    "a=sendrecv",
    "m=audio 4000 RTP/AVPF 96 0 8 97 101",
    "a=rtpmap:96 opus/48000/2",
    "a=fmtp:96 useinbandfec=1;maxplaybackrate=16000",
    "a=rtpmap:97 telephone-event/48000",
    "a=rtpmap:101 telephone-event/8000",
    "a=ptime:20",
    "a=rtcp:4010 IN IP4 192.0.2.8",
    "m=video 4002 RTP/AVPF 99",
    "a=rtpmap:99 VP8/90000",
    "a=rtcp-fb:99 nack pli",
    "m=audio 4004 RTP/SAVP 0",
)
G711 = offer("m=audio 4000 RTP/AVP 8 0 101", "a=rtpmap:101 telephone-event/8000", "a=fmtp:101 0-15")


def audio_of(body: bytes) -> MediaDescription:
    """The audio line that is open, else the first."""
    lines = [each for each in parse(body).media if each.kind == "audio"]
    return next((each for each in lines if each.port), lines[0])


def version_of(body: bytes) -> int:
    origin = parse(body).origin
    assert origin is not None
    return origin.version


def answered(leg: MediaNegotiation, body: bytes) -> SessionDescription:
    return parse(leg.receive_offer(body))


# --- what we offer ----------------------------------------------------------------------------------------------


def test_an_offer_lists_the_codecs_in_the_configured_order() -> None:
    body = MediaNegotiation(OURS, session_id=42).make_offer()
    assert body.decode().split("\r\n") == [
        "v=0",
        "o=callapi 42 1 IN IP4 192.0.2.1",
        "s=-",
        "c=IN IP4 192.0.2.1",
        "t=0 0",
        "m=audio 20000 RTP/AVP 0 8 9 111 101 110",
        "a=rtpmap:0 PCMU/8000",
        "a=rtpmap:8 PCMA/8000",
        "a=rtpmap:9 G722/8000",
        "a=rtpmap:111 opus/48000/2",
        "a=fmtp:111 minptime=10;useinbandfec=1",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-15",
        "a=rtpmap:110 telephone-event/48000",
        "a=fmtp:110 0-15",
        "a=ptime:20",
        "a=sendrecv",
        "",
    ]


def test_a_leg_may_have_codecs_of_its_own() -> None:
    leg = MediaNegotiation(LocalMedia("192.0.2.1", 20_000, codecs=("G722", "PCMA")))
    assert audio_of(leg.make_offer()).formats == ("9", "8", "101")


def test_the_same_offer_again_has_the_same_version() -> None:
    leg = MediaNegotiation(OURS)
    first = leg.make_offer()
    assert leg.make_offer() == first
    leg.local_hold()
    assert version_of(leg.make_offer()) == version_of(first) + 1


# --- what we answer ---------------------------------------------------------------------------------------------


def test_the_answer_names_one_codec_the_first_of_the_offerer() -> None:
    leg = MediaNegotiation(OURS)
    answer = audio_of(leg.receive_offer(G711))
    assert (answer.port, answer.formats) == (20_000, ("8", "101"))
    assert leg.audio is not None
    assert (leg.audio.codec.name, leg.audio.codec.payload_type) == ("PCMA", 8)
    assert leg.audio.remote == MediaAddress("192.0.2.7", 4000)
    assert (leg.audio.telephone_event, leg.audio.receive_telephone_event) == (101, 101)


def test_the_answer_keeps_the_offerers_numbers() -> None:
    leg = MediaNegotiation(OURS)
    answer = audio_of(
        leg.receive_offer(
            offer(
                "m=audio 4000 RTP/AVP 18 96 97 98",
                "a=rtpmap:96 Opus/48000/2",
                "a=fmtp:96 maxaveragebitrate=16000",
                "a=rtpmap:97 telephone-event/8000",
                "a=rtpmap:98 telephone-event/48000",
            )
        )
    )
    assert answer.formats == ("96", "98")
    assert leg.audio is not None
    assert (leg.audio.codec.name, leg.audio.codec.fmtp) == ("opus", "maxaveragebitrate=16000")
    assert (leg.audio.codec.payload_type, leg.audio.codec.receive_payload_type) == (96, 96)
    assert leg.audio.telephone_event == 98


def test_digits_of_another_clock_are_better_than_none() -> None:
    leg = MediaNegotiation(OURS)
    answer = leg.receive_offer(
        offer("m=audio 4000 RTP/AVP 96 101", "a=rtpmap:96 opus/48000", "a=rtpmap:101 telephone-event/8000")
    )
    assert audio_of(answer).formats == ("96", "101")
    assert audio_of(answer).values("rtpmap") == ["96 opus/48000/2", "101 telephone-event/8000"]


def test_there_are_as_many_lines_as_in_the_offer_in_its_order() -> None:
    body = offer(
        "m=image 5000 udptl t38",
        "m=audio 6000 RTP/SAVP 0",
        "m=audio 4000 RTP/AVP 0",
        "m=audio 4002 RTP/AVP 0",
        "m=video 4004 RTP/AVP 96",
        "a=rtpmap:96 VP8/90000",
        "m=text 0 RTP/AVP",
        "m=x-odd 9 TCP/ODD *",
    )
    media = answered(MediaNegotiation(OURS), body).media
    assert [f"{each.kind} {each.port} {each.protocol} {' '.join(each.formats)}" for each in media] == [
        "image 0 udptl t38",
        "audio 0 RTP/SAVP 0",
        "audio 20000 RTP/AVP 0",
        "audio 0 RTP/AVP 0",
        "video 0 RTP/AVP 96",
        "text 0 RTP/AVP 0",
        "x-odd 0 TCP/ODD *",
    ]


@pytest.mark.parametrize(
    ("body", "code", "text"),
    [
        (offer("m=audio 4000 RTP/AVP 18 3"), 305, "offered G729 GSM, spoken here PCMU PCMA G722 opus"),
        (offer("m=audio 4000 RTP/AVP 96"), 305, "offered 96"),
        (offer('m=audio 4000 RTP/AVP "96"'), 305, r"offered \?96\?"),
        (offer("m=audio 4000 RTP/SAVP 0"), 302, "RTP/SAVP is refused: srtp is off"),
        (offer("m=audio 4000 UDP/TLS/RTP/SAVPF 0"), 302, "UDP/TLS/RTP/SAVPF"),
        (offer("m=video 4000 RTP/AVP 96"), 304, "an audio stream is needed"),
        (offer(), 304, "an audio stream is needed"),
        (b"v=0\r\nm=audio 4000 RTP/AVP 0\r\n", 301, "no c= line"),
        (offer("m=audio 4000 RTP/AVP 0", connection="IN IP4 pbx.example"), 301, "pbx.example in c="),
        (offer("m=audio 4000 RTP/AVP 0", connection="IN IP6 2001:db8::1"), 301, "address family"),
        (offer("m=audio 4000 RTP/AVP 0", connection="IN IP4 224.2.1.1/127"), 330, "not one host"),
        (offer("m=audio 4000 RTP/AVP 0", connection="IN IP4 255.255.255.255"), 330, "not one host"),
        (b"hello", 307, "not a session description"),
    ],
)
def test_what_is_not_acceptable_says_why_and_changes_nothing(body: bytes, code: int, text: str) -> None:
    leg = MediaNegotiation(OURS)
    before = leg.receive_offer(G711)
    with pytest.raises(NotAcceptable, match=text) as caught:
        leg.receive_offer(body)
    assert caught.value.warning_code == code
    assert '"' not in caught.value.text
    assert leg.receive_offer(G711) == before


def test_an_address_with_a_zone_is_of_no_use_here() -> None:
    leg = MediaNegotiation(LocalMedia("2001:db8::1", 20_000))
    with pytest.raises(NotAcceptable, match="fe80::1%eth0"):
        leg.receive_offer(offer("m=audio 4000 RTP/AVP 0", connection="IN IP6 fe80::1%eth0"))


def test_an_ipv6_leg_talks_to_ipv6() -> None:
    leg = MediaNegotiation(LocalMedia("2001:db8::1", 20_000))
    answer = leg.receive_offer(offer("m=audio 4000 RTP/AVP 0", connection="IN IP6 2001:db8::7"))
    assert parse(answer).address == "2001:db8::1"
    assert leg.audio is not None
    assert leg.audio.remote == MediaAddress("2001:db8::7", 4000)


@pytest.mark.parametrize(
    ("attributes", "rtcp", "mux"),
    [
        ([], None, False),
        (["a=rtcp:4567"], MediaAddress("192.0.2.7", 4567), False),
        (["a=rtcp:4567 IN IP4 192.0.2.8"], MediaAddress("192.0.2.8", 4567), False),
        (["a=rtcp:4567 IN IP4 host.example"], None, False),
        (["a=rtcp:99999"], None, False),
        (["a=rtcp:no"], None, False),
        (["a=rtcp:4000", "a=rtcp-mux"], None, True),
    ],
)
def test_rtcp_goes_where_the_peer_wants_it(
    attributes: list[str], rtcp: MediaAddress | None, mux: bool
) -> None:
    leg = MediaNegotiation(OURS)
    answer = audio_of(leg.receive_offer(offer("m=audio 4000 RTP/AVP 0", *attributes)))
    assert leg.audio is not None
    assert (leg.audio.remote_rtcp, leg.audio.rtcp_mux, answer.has("rtcp-mux")) == (rtcp, mux, mux)


@pytest.mark.parametrize(
    ("attributes", "ptime_ms"),
    [
        ([], 20),
        (["a=ptime:30"], 30),
        (["a=ptime:25"], 20),
        (["a=ptime:5"], 10),
        (["a=ptime:200"], 60),
        (["a=ptime:0"], 20),
        (["a=maxptime:10"], 10),
        (["a=ptime:60", "a=maxptime:40"], 40),
    ],
)
def test_packets_are_as_long_as_the_peer_wants(attributes: list[str], ptime_ms: int) -> None:
    leg = MediaNegotiation(OURS)
    answer = audio_of(leg.receive_offer(offer("m=audio 4000 RTP/AVP 0", *attributes)))
    assert leg.audio is not None
    assert leg.audio.ptime_ms == ptime_ms
    assert answer.value("ptime") == "20"


def test_lines_that_list_the_same_formats_differ_in_all_else() -> None:
    """What is remembered of a list of formats says nothing of ports, addresses, direction and multiplexing."""
    one, other = MediaNegotiation(OURS), MediaNegotiation(LocalMedia("192.0.2.1", 30_000))
    formats = ("a=rtpmap:97 telephone-event/8000", "a=ptime:30")
    first = one.receive_offer(offer("m=audio 4000 RTP/AVP 8 97", *formats))
    second = other.receive_offer(
        offer("m=audio 5000 RTP/AVPF 8 97", *formats, "a=rtcp:5005", "a=rtcp-mux", "a=sendonly")
    )
    assert one.audio is not None
    assert other.audio is not None
    assert one.audio.codec == other.audio.codec
    assert (one.audio.remote, one.audio.rtcp_mux) == (MediaAddress("192.0.2.7", 4000), False)
    assert (other.audio.remote, other.audio.rtcp_mux) == (MediaAddress("192.0.2.7", 5000), True)
    assert (one.audio.direction, other.audio.direction) == (Direction.SENDRECV, Direction.RECVONLY)
    assert (audio_of(first).port, audio_of(first).direction) == (20_000, Direction.SENDRECV)
    assert (audio_of(second).port, audio_of(second).direction) == (30_000, Direction.RECVONLY)
    assert not audio_of(first).has("rtcp-mux")
    assert (audio_of(second).protocol, audio_of(second).has("rtcp-mux")) == ("RTP/AVPF", True)


def test_the_same_line_means_to_each_leg_what_its_own_list_makes_of_it() -> None:
    body = offer("m=audio 4000 RTP/AVP 8 0 96", "a=rtpmap:96 opus/48000/2")
    taken = []
    for codecs in (("PCMU", "PCMA"), ("PCMU",), ("opus",)):
        leg = MediaNegotiation(LocalMedia("192.0.2.1", 20_000, codecs=codecs))
        leg.receive_offer(body)
        assert leg.audio is not None
        taken.append((leg.audio.codec.name, leg.audio.codec.receive_payload_type))
    assert taken == [("PCMA", 8), ("PCMU", 0), ("opus", 96)]
    with pytest.raises(NotAcceptable):
        MediaNegotiation(LocalMedia("192.0.2.1", 20_000, codecs=("G722",))).receive_offer(body)


def test_opus_has_no_packets_of_30_ms() -> None:
    leg = MediaNegotiation(OURS)
    leg.receive_offer(offer("m=audio 4000 RTP/AVP 96", "a=rtpmap:96 opus/48000/2", "a=ptime:30"))
    assert leg.audio is not None
    assert leg.audio.ptime_ms == 20


# --- hold -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("theirs", "connection", "ours", "on_hold"),
    [
        ("sendrecv", "192.0.2.7", "sendrecv", False),
        ("sendonly", "192.0.2.7", "recvonly", True),
        ("recvonly", "192.0.2.7", "sendonly", False),
        ("inactive", "192.0.2.7", "inactive", True),
        ("sendrecv", "0.0.0.0", "recvonly", True),
        ("sendonly", "0.0.0.0", "recvonly", True),
        ("inactive", "0.0.0.0", "inactive", True),
    ],
)
def test_our_direction_mirrors_the_peers(theirs: str, connection: str, ours: str, on_hold: bool) -> None:
    leg = MediaNegotiation(OURS)
    leg.receive_offer(G711)
    held = offer("m=audio 4000 RTP/AVP 8 0", f"a={theirs}", connection=f"IN IP4 {connection}")
    answer = audio_of(leg.receive_offer(held))
    assert answer.direction == Direction(ours)
    assert leg.audio is not None
    assert (leg.audio.direction, leg.remote_on_hold) == (Direction(ours), on_hold)
    assert (leg.audio.remote is None) == (connection == "0.0.0.0")
    leg.receive_offer(G711)
    assert (leg.audio.direction, leg.remote_on_hold) == (Direction.SENDRECV, False)


def test_a_direction_at_session_level_holds_for_every_line() -> None:
    leg = MediaNegotiation(OURS)
    leg.receive_offer(offer("a=sendonly", "m=audio 4000 RTP/AVP 0"))
    assert leg.remote_on_hold


def test_our_hold_is_ours_until_resumed() -> None:
    leg = MediaNegotiation(OURS)
    leg.receive_offer(G711)
    leg.local_hold()
    assert audio_of(leg.make_offer()).direction is Direction.SENDONLY
    leg.receive_answer(offer("m=audio 4000 RTP/AVP 8", "a=recvonly"))
    assert leg.audio is not None
    assert (leg.audio.direction, leg.remote_on_hold) == (Direction.SENDONLY, False)
    # The peer's own refresh does not end our hold, and its hold on top leaves nothing.
    assert audio_of(leg.receive_offer(G711)).direction is Direction.SENDONLY
    both = leg.receive_offer(offer("m=audio 4000 RTP/AVP 8", "a=sendonly"))
    assert audio_of(both).direction is Direction.INACTIVE
    leg.resume()
    assert audio_of(leg.make_offer()).direction is Direction.SENDRECV


def test_a_closed_audio_line_is_a_pause_and_can_be_opened_again() -> None:
    leg = MediaNegotiation(OURS)
    leg.receive_offer(G711)
    assert audio_of(leg.receive_offer(offer("m=audio 0 RTP/AVP 8"))).port == 0
    assert leg.audio is not None
    assert (leg.audio.remote, leg.audio.direction) == (None, Direction.INACTIVE)
    assert leg.remote_on_hold
    reopened = parse(leg.make_offer())
    assert [each.port for each in reopened.media] == [20_000]


def test_a_first_offer_with_a_closed_audio_line_is_nothing_to_talk_about() -> None:
    with pytest.raises(NotAcceptable, match="audio stream is needed"):
        MediaNegotiation(OURS).receive_offer(offer("m=audio 0 RTP/AVP 8"))


def test_audio_is_not_given_up_for_fax() -> None:
    leg = MediaNegotiation(OURS)
    leg.receive_offer(G711)
    with pytest.raises(NotAcceptable, match="audio stream is needed"):
        leg.receive_offer(offer("m=audio 0 RTP/AVP 8", "m=image 5000 udptl t38"))
    assert leg.audio is not None
    assert leg.audio.remote is not None


# --- answers to our offers --------------------------------------------------------------------------------------


def test_the_first_codec_of_the_answer_is_used_under_both_numbers() -> None:
    leg = MediaNegotiation(OURS)
    leg.make_offer()
    leg.receive_answer(
        offer(
            "m=audio 4000 RTP/AVP 13 96 0 97",
            "a=rtpmap:96 opus/48000/2",
            "a=rtpmap:97 telephone-event/48000",
        )
    )
    assert leg.audio is not None
    codec = leg.audio.codec
    assert (codec.name, codec.payload_type, codec.receive_payload_type) == ("opus", 96, 111)
    assert (leg.audio.telephone_event, leg.audio.receive_telephone_event) == (97, 110)


def test_numbers_without_rtpmap_are_ours() -> None:
    leg = MediaNegotiation(OURS)
    leg.make_offer()
    leg.receive_answer(offer("m=audio 4000 RTP/AVP 111 110"))
    assert leg.audio is not None
    assert (leg.audio.codec.name, leg.audio.telephone_event) == ("opus", 110)


def test_the_same_answer_means_what_each_offer_had_announced() -> None:
    """96 without a=rtpmap is opus to the leg that had to give opus this number, and nothing to another."""
    one, other = MediaNegotiation(OURS), MediaNegotiation(OURS)
    one.receive_offer(offer("m=audio 4000 RTP/AVP 96", "a=rtpmap:96 opus/48000/2"))
    for leg in (one, other):
        leg.make_offer()
    answer = offer("m=audio 5000 RTP/AVP 96 8")
    one.receive_answer(answer)
    other.receive_answer(answer)
    assert one.audio is not None
    assert other.audio is not None
    assert (one.audio.codec.name, other.audio.codec.name) == ("opus", "PCMA")


def test_a_later_answer_replaces_an_earlier_one() -> None:
    """A 183 from a gateway, then a 200 from the phone behind it."""
    leg = MediaNegotiation(OURS)
    leg.make_offer()
    leg.receive_answer(offer("m=audio 4000 RTP/AVP 0"))
    leg.receive_answer(offer("m=audio 5000 RTP/AVP 8"))
    assert leg.audio is not None
    assert (leg.audio.codec.name, leg.audio.remote) == ("PCMA", MediaAddress("192.0.2.7", 5000))


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (offer("m=audio 0 RTP/AVP 0"), 304),
        (offer(), 304),
        (offer("m=video 4000 RTP/AVP 96"), 304),
        (offer("m=audio 4000 RTP/SAVP 0"), 302),
        (offer("m=audio 4000 RTP/AVP 18"), 305),
        (b"", 307),
    ],
)
def test_an_unusable_answer_changes_nothing(body: bytes, code: int) -> None:
    leg = MediaNegotiation(OURS)
    leg.make_offer()
    with pytest.raises(NotAcceptable) as caught:
        leg.receive_answer(body)
    assert caught.value.warning_code == code
    assert leg.audio is None


def test_an_answer_to_no_offer_is_refused() -> None:
    leg = MediaNegotiation(OURS)
    with pytest.raises(NotAcceptable, match="no offer of ours"):
        leg.receive_answer(G711)
    leg.make_offer()
    leg.receive_offer(G711)
    with pytest.raises(NotAcceptable, match="no offer of ours"):
        leg.receive_answer(G711)


def test_late_offer() -> None:
    """An INVITE without a description: ours in the 200, theirs in the ACK."""
    leg = MediaNegotiation(OURS)
    assert len(parse(leg.make_offer()).media) == 1
    leg.receive_answer(G711)
    assert leg.audio is not None
    assert leg.audio.codec.name == "PCMA"


# --- re-offers --------------------------------------------------------------------------------------------------


def test_a_re_offer_lists_the_codec_in_use_first_under_its_number() -> None:
    leg = MediaNegotiation(OURS)
    leg.receive_offer(
        offer(
            "m=audio 4000 RTP/AVPF 101 97",
            "a=rtpmap:101 opus/48000/2",
            "a=rtpmap:97 telephone-event/48000",
            "a=rtcp-mux",
        )
    )
    audio = audio_of(leg.make_offer())
    assert audio.formats == ("101", "0", "8", "9", "96", "97")
    assert audio.values("rtpmap")[-2:] == ["96 telephone-event/8000", "97 telephone-event/48000"]
    assert (audio.protocol, audio.has("rtcp-mux")) == ("RTP/AVPF", True)


def test_a_re_offer_repeats_every_line_in_its_place() -> None:
    leg = MediaNegotiation(OURS)
    leg.receive_offer(offer("m=audio 6000 RTP/SAVP 0", "m=image 5000 udptl t38", "m=audio 4000 RTP/AVP 0"))
    media = parse(leg.make_offer()).media
    assert [(each.kind, each.port) for each in media] == [("audio", 0), ("image", 0), ("audio", 20_000)]


def test_a_moved_peer_is_followed() -> None:
    leg = MediaNegotiation(OURS)
    first = leg.receive_offer(G711)
    again = leg.receive_offer(G711.replace(b"m=audio 4000", b"m=audio 4444"))
    assert leg.audio is not None
    assert leg.audio.remote == MediaAddress("192.0.2.7", 4444)
    assert version_of(first) == version_of(again)


def answer_or_refusal(leg: MediaNegotiation, body: bytes) -> bytes | NotAcceptable:
    try:
        return leg.receive_offer(body)
    except NotAcceptable as refusal:
        return refusal


@given(st.data())
def test_a_damaged_offer_is_answered_or_not_acceptable(data: st.DataObject) -> None:
    body = bytearray(EVERYTHING)
    for _ in range(data.draw(st.integers(1, 5))):
        begin = data.draw(st.integers(0, len(body)))
        end = min(len(body), begin + data.draw(st.integers(0, 6)))
        body[begin:end] = data.draw(
            st.binary(max_size=5) | st.sampled_from([b"0", b"\n", b" ", b"/", b"-1", b"96"])
        )
    leg = MediaNegotiation(LocalMedia("192.0.2.1", 20_000, video_port=20_002))
    outcome = answer_or_refusal(leg, bytes(body))
    if isinstance(outcome, NotAcceptable):
        assert 300 <= outcome.warning_code <= 399
        assert outcome.text.isascii()
        assert '"' not in outcome.text
        assert leg.audio is None
    else:
        answer = parse(outcome)
        assert [each.kind for each in answer.media] == [each.kind for each in parse(bytes(body)).media]
        assert leg.audio is not None
        assert audio_of(outcome).formats[0] == str(leg.audio.codec.payload_type)


@given(st.binary(max_size=300))
def test_a_damaged_answer_changes_nothing(body: bytes) -> None:
    leg = MediaNegotiation(OURS)
    leg.make_offer()
    with pytest.raises(NotAcceptable):
        leg.receive_answer(b"v=0\n" + body)
    assert leg.audio is None


def test_repr_says_what_is_in_force() -> None:
    leg = MediaNegotiation(OURS)
    assert repr(leg) == "<MediaNegotiation nothing yet v0>"
    leg.make_offer()
    leg.receive_answer(G711)
    leg.make_offer()
    assert repr(leg) == "<MediaNegotiation PCMA v2 offer sent>"


@pytest.mark.parametrize(
    "first",
    [
        "m=audio 4000 RTP/AVP 18",  # no codec of ours
        "m=audio 4000 RTP/AVP 101",  # a number without a meaning
        "m=audio 4000 RTP/AVP 0\r\nc=IN IP6 2001:db8::1",  # another address family
        "m=audio 4000 RTP/AVP 0\r\nc=IN IP4 nowhere.example",
    ],
)
def test_the_first_line_that_can_be_used_is_taken(first: str) -> None:
    """RFC 3264 §6: each line is judged by itself; the others get port 0."""
    leg = MediaNegotiation(LocalMedia("192.0.2.1", 20_000, codecs=("PCMA",)))
    answer = leg.receive_offer(offer(first, "m=audio 4002 RTP/AVP 8")).decode()
    ports = re.findall(r"m=audio (\d+)", answer)
    assert ports == ["0", "20000"]
    assert leg.audio is not None
    assert leg.audio.remote is not None
    assert leg.audio.remote.port == 4002


@pytest.mark.parametrize(
    "line",
    [
        "m=audio 4000 RTP/AVP 9\r\na=rtpmap:9 G722/16000",
        "m=audio 4000 RTP/AVP 9\r\na=rtpmap:9 G722/8000/1",
        "m=audio 4000 RTP/AVP 9",
        "m=audio 4000 RTP/AVP 105\r\na=rtpmap:105 G722/16000",
        "m=audio 4000 RTP/AVP 105\r\na=rtpmap:105 g722/8000",
    ],
)
def test_g722_however_it_is_spelt(line: str) -> None:
    """RFC 3551 §4.5.2: its clock is 8000; many phones write the rate of its samples."""
    leg = MediaNegotiation(LocalMedia("192.0.2.1", 20_000, codecs=("G722",)))
    answer = leg.receive_offer(offer(line)).decode()
    assert "G722/8000" in answer
    assert leg.audio is not None
    assert leg.audio.codec.clock_rate == 8000


def test_every_format_of_an_answer_may_be_used() -> None:
    """RFC 3264 §6.1, §7: an answer of `0 8` whose sender turns to PCMA, and back."""
    leg = MediaNegotiation(LocalMedia("192.0.2.1", 20_000, codecs=("PCMU", "PCMA", "opus")))
    leg.make_offer()
    leg.receive_answer(
        offer(
            "m=audio 4000 RTP/AVP 0 8 120 101",
            "a=rtpmap:120 opus/48000/2",
            "a=rtpmap:101 telephone-event/8000",
        )
    )
    assert leg.audio is not None
    assert (leg.audio.codec.name, _others(leg)) == ("PCMU", {8: "PCMA", 111: "opus"})
    assert leg.use_format(8)
    assert (leg.audio.codec.name, _others(leg)) == ("PCMA", {0: "PCMU", 111: "opus"})
    assert leg.audio.telephone_event == 101
    assert leg.use_format(111)
    assert (leg.audio.codec.name, leg.audio.codec.payload_type) == ("opus", 120)
    assert leg.audio.codec.receive_payload_type == 111
    assert not leg.use_format(9)
    leg.receive_offer(G711)
    assert not leg.use_format(0)
    assert _others(leg) == {}


def test_every_format_of_a_reoffer_may_come_before_its_answer() -> None:
    """RFC 3264 §5.1: who offers is ready for each of the formats; the answer says which of them stay."""
    leg = MediaNegotiation(LocalMedia("192.0.2.1", 20_000, codecs=("PCMU", "PCMA", "opus")))
    leg.receive_offer(G711)
    assert _others(leg) == {}
    leg.make_offer()
    assert _others(leg) == {0: "PCMU", 111: "opus"}
    assert not leg.use_format(0), "nothing was agreed on yet"
    leg.receive_answer(G711)
    assert _others(leg) == {0: "PCMU"}


def _others(leg: MediaNegotiation) -> dict[int, str]:
    assert leg.audio is not None
    return {each.receive_payload_type: each.name for each in leg.audio.other_formats}
