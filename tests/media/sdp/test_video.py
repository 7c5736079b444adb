"""Video is relayed: formats go from party to party untouched, and nothing of it happens unasked."""

from callapi.media import Direction, MediaAddress, VideoFormat
from callapi.media.sdp.description import MediaDescription, parse
from callapi.media.sdp.negotiation import LocalMedia, MediaNegotiation

CALLER_OFFER = b"""v=0
c=IN IP4 192.0.2.7
m=audio 4000 RTP/AVP 0
m=video 4002 RTP/AVPF 97 98 99 100
b=AS:1500
a=rtpmap:97 H264/90000
a=fmtp:97 profile-level-id=42801F; packetization-mode=1
a=rtpmap:98 H264/90000
a=fmtp:98 profile-level-id=64001F; packetization-mode=1
a=rtpmap:99 VP8/90000
a=rtcp-fb:* nack pli
a=rtcp-fb:99 ccm fir
a=rtpmap:100 AV1X/90000
a=rtcp:4010
"""


BROWSER_OFFER = b"""v=0
c=IN IP4 192.0.2.7
m=audio 4000 RTP/AVP 0
m=video 4002 RTP/AVPF 96 97 102 103 108 109 118 119 120
a=rtpmap:96 VP8/90000
a=rtcp-fb:96 goog-remb
a=rtcp-fb:96 transport-cc
a=rtcp-fb:96 nack
a=rtcp-fb:96 nack pli
a=rtpmap:97 rtx/90000
a=fmtp:97 apt=96
a=rtpmap:102 H264/90000
a=fmtp:102 packetization-mode=1;profile-level-id=42001f
a=rtpmap:103 rtx/90000
a=fmtp:103 apt=102
a=rtpmap:108 H264/90000
a=fmtp:108 packetization-mode=1;profile-level-id=42e01f
a=rtpmap:109 rtx/90000
a=fmtp:109 apt=108;rtx-time=3000
a=rtpmap:118 red/90000
a=rtpmap:119 rtx/90000
a=fmtp:119 apt=118
a=rtpmap:120 ulpfec/90000
"""
CALLEE = b"v=0\nc=IN IP4 192.0.2.9\nm=audio 5000 RTP/AVP 0\n"


def leg(**more: int) -> MediaNegotiation:
    return MediaNegotiation(LocalMedia("192.0.2.1", 20_000, codecs=("PCMU",), **more))


def video_of(body: bytes) -> MediaDescription:
    return next(each for each in parse(body).media if each.kind == "video")


def numbers(formats: tuple[VideoFormat, ...]) -> list[tuple[str, int, int]]:
    return [(each.name, each.payload_type, each.receive_payload_type) for each in formats]


def test_offered_video_is_refused_and_remembered() -> None:
    caller = leg()
    assert video_of(caller.receive_offer(CALLER_OFFER)).port == 0
    assert caller.video is None
    assert [each.name for each in caller.offered_video] == ["H264", "H264", "VP8", "AV1X"]
    assert caller.offered_video[2].feedback == ("nack pli", "ccm fir")


def test_no_offer_of_ours_has_video_unasked() -> None:
    assert [each.kind for each in parse(leg(video_port=20_002).make_offer()).media] == ["audio"]


def test_a_callers_video_goes_to_the_callee_and_back() -> None:
    caller, callee = leg(), leg()
    caller.receive_offer(CALLER_OFFER)
    callee.relay_video(20_002, caller.offered_video)
    offered = video_of(callee.make_offer())
    assert (offered.port, offered.protocol, offered.formats) == (20_002, "RTP/AVP", ("97", "98", "99", "100"))
    assert offered.of_format("fmtp", 97) == ["profile-level-id=42801F; packetization-mode=1"]
    assert offered.of_format("rtcp-fb", 99) == ["nack pli", "ccm fir"]

    # The callee takes two of them, one under a number of its own.
    callee.receive_answer(
        b"v=0\nc=IN IP4 192.0.2.9\nm=audio 5000 RTP/AVP 0\nm=video 5002 RTP/AVP 120 99\n"
        b"a=rtpmap:120 H264/90000\na=fmtp:120 profile-level-id=42E00D;packetization-mode=1\n"
        b"a=rtpmap:99 VP8/90000\na=sendonly\n"
    )
    assert callee.video is not None
    assert callee.video.remote == MediaAddress("192.0.2.9", 5002)
    assert callee.video.direction is Direction.RECVONLY
    assert numbers(callee.video.formats) == [("H264", 120, 97), ("VP8", 99, 99)]

    # The caller gets them in a re-offer, in the place of the line that was refused.
    caller.relay_video(20_004, callee.video.formats)
    media = parse(caller.make_offer()).media
    assert [(each.kind, each.port) for each in media] == [("audio", 20_000), ("video", 20_004)]
    assert [str(each) for each in media[1].rtpmaps()] == ["97 H264/90000", "99 VP8/90000"]
    caller.receive_answer(CALLER_OFFER)
    assert caller.video is not None
    assert numbers(caller.video.formats) == [("H264", 97, 97), ("VP8", 99, 99)]
    assert caller.video.remote_rtcp == MediaAddress("192.0.2.7", 4010)


def test_an_answer_takes_what_the_other_party_has() -> None:
    caller = leg()
    other = VideoFormat("h264", 110, 110, fmtp="packetization-mode=1;profile-level-id=64002A")
    caller.relay_video(20_002, (other,))
    answer = video_of(caller.receive_offer(CALLER_OFFER))
    assert (answer.port, answer.protocol, answer.formats) == (20_002, "RTP/AVPF", ("98",))


def test_an_answer_takes_everything_while_no_other_was_asked() -> None:
    caller = leg(video_port=20_002)
    assert video_of(caller.receive_offer(CALLER_OFFER)).formats == ("97", "98", "99", "100")
    assert caller.video is not None
    # A hold of ours keeps the video line and its formats.
    caller.local_hold()
    held = video_of(caller.make_offer())
    assert (held.port, held.formats, held.direction) == (
        20_002,
        ("97", "98", "99", "100"),
        Direction.SENDONLY,
    )


def test_video_that_cannot_be_had_leaves_the_audio() -> None:
    caller = leg(video_port=20_002)
    caller.relay_video(20_002, (VideoFormat("VP9", 96, 96),))
    assert video_of(caller.receive_offer(CALLER_OFFER)).port == 0
    caller.relay_video(20_002)
    elsewhere = CALLER_OFFER.replace(b"b=AS:1500", b"c=IN IP4 phone.example")
    assert video_of(caller.receive_offer(elsewhere)).port == 0
    assert caller.audio is not None
    assert caller.video is None


def test_video_is_given_up_and_its_line_stays() -> None:
    caller = leg(video_port=20_002)
    caller.receive_offer(CALLER_OFFER)
    caller.relay_video(None)
    media = parse(caller.make_offer()).media
    assert [(each.kind, each.port) for each in media] == [("audio", 20_000), ("video", 0)]
    caller.receive_answer(b"v=0\nc=IN IP4 192.0.2.7\nm=audio 4000 RTP/AVP 0\n")
    assert caller.video is None


def test_a_refused_or_missing_video_line_is_no_video() -> None:
    callee = leg()
    callee.relay_video(20_002, (VideoFormat("VP8", 99, 99),))
    callee.make_offer()
    callee.receive_answer(b"v=0\nc=IN IP4 192.0.2.7\nm=audio 4000 RTP/AVP 0\nm=video 0 RTP/AVP 99\n")
    assert callee.video is None
    assert [each.port for each in parse(callee.make_offer()).media] == [20_000, 20_002]


def test_multiplexed_rtcp_is_only_answered() -> None:
    caller = leg(video_port=20_002)
    answer = video_of(caller.receive_offer(CALLER_OFFER + b"a=rtcp-mux\n"))
    assert caller.video is not None
    assert (answer.has("rtcp-mux"), caller.video.rtcp_mux) == (True, True)
    callee = leg()
    callee.relay_video(20_002, (VideoFormat("VP8", 99, 99),))
    callee.make_offer()
    callee.receive_answer(
        b"v=0\nc=IN IP4 192.0.2.7\nm=audio 4000 RTP/AVP 0\nm=video 4002 RTP/AVP 99\na=rtcp-mux\n"
    )
    assert callee.video is not None
    assert not callee.video.rtcp_mux


def test_a_video_answer_without_a_format_of_ours_is_no_video() -> None:
    callee = leg()
    callee.relay_video(20_002, (VideoFormat("VP8", 99, 99),))
    callee.make_offer()
    callee.receive_answer(
        b"v=0\nc=IN IP4 192.0.2.7\nm=audio 4000 RTP/AVP 0\nm=video 4002 RTP/AVP 96\na=rtpmap:96 H264/90000\n"
    )
    assert callee.video is None
    assert callee.audio is not None


def browser_and_callee(answer: bytes) -> tuple[MediaNegotiation, MediaNegotiation]:
    """The caller with what the callee has accepted."""
    caller, callee = leg(), leg()
    caller.receive_offer(BROWSER_OFFER)
    callee.relay_video(20_002, caller.offered_video)
    callee.make_offer()
    callee.receive_answer(CALLEE + answer)
    assert callee.video is not None
    caller.relay_video(20_004, callee.video.formats)
    return caller, callee


def test_formats_that_name_others_by_number_are_not_offered_on() -> None:
    caller, callee = leg(), leg()
    caller.receive_offer(BROWSER_OFFER)
    callee.relay_video(20_002, caller.offered_video)
    offered = video_of(callee.make_offer())
    assert offered.formats == ("96", "97", "102", "103", "108", "109")
    assert offered.of_format("fmtp", 109) == ["apt=108;rtx-time=3000"]
    assert offered.of_format("rtcp-fb", 96) == ["goog-remb", "nack", "nack pli"]


def test_repetitions_go_with_the_format_they_repeat() -> None:
    caller, callee = browser_and_callee(
        b"m=video 5002 RTP/AVP 40 41 50 51 52\na=rtpmap:40 H264/90000\n"
        b"a=fmtp:40 packetization-mode=1;profile-level-id=42e01e\na=rtpmap:41 rtx/90000\na=fmtp:41 apt=40\n"
        b"a=rtpmap:50 rtx/90000\na=fmtp:50 apt=49\na=rtpmap:51 rtx/90000\n"
        b"a=rtpmap:52 VP9/90000\n"
    )
    assert callee.video is not None
    assert numbers(callee.video.formats) == [("H264", 40, 108), ("rtx", 41, 109)]
    answer = video_of(caller.receive_offer(BROWSER_OFFER))
    assert answer.formats == ("108", "109")
    assert answer.of_format("fmtp", 108) == ["packetization-mode=1;profile-level-id=42e01e"], (
        "the lower level"
    )
    assert answer.of_format("fmtp", 109) == ["apt=108;rtx-time=3000"]
    assert caller.video is not None
    assert [each.kind for each in caller.video.formats] == [each.kind for each in callee.video.formats]
    assert [each.is_repair for each in caller.video.formats] == [False, True]
    # Offered again, the callee's numbers are ours.
    again = video_of(callee.make_offer())
    assert again.of_format("fmtp", 109) == ["apt=108"]


def test_a_repetition_of_a_format_that_was_not_agreed_on_is_none() -> None:
    _, callee = browser_and_callee(
        b"m=video 5002 RTP/AVP 96 98 97 103\na=rtpmap:96 VP8/90000\na=rtpmap:98 VP9/90000\n"
        b"a=rtpmap:97 rtx/90000\na=fmtp:97 apt=98\na=rtpmap:103 rtx/90000\na=fmtp:103 apt=96\n"
    )
    assert callee.video is not None
    assert numbers(callee.video.formats) == [("VP8", 96, 96), ("rtx", 103, 97)]


def test_the_callees_order_limits_and_feedback_come_to_the_caller() -> None:
    caller, _ = browser_and_callee(
        b"m=video 5002 RTP/AVP 102 96 97\na=rtpmap:102 H264/90000\na=fmtp:102 packetization-mode=1\n"
        b"a=rtpmap:96 VP8/90000\na=fmtp:96 max-fs=1200\na=rtcp-fb:96 nack\n"
        b"a=rtpmap:97 rtx/90000\na=fmtp:97 apt=96\n"
    )
    answer = video_of(caller.receive_offer(BROWSER_OFFER))
    assert answer.formats == ("102", "96", "97")
    assert answer.of_format("fmtp", 102) == ["packetization-mode=1;profile-level-id=42001f"]
    assert answer.of_format("fmtp", 96) == ["max-fs=1200"]
    assert answer.of_format("rtcp-fb", 96) == ["nack", "nack pli"], "pictures are asked for by each phone"


def test_video_suits_if_the_peer_sends_first_what_the_other_has() -> None:
    caller = leg(video_port=20_002)
    caller.receive_offer(BROWSER_OFFER)
    assert not caller.video_suits, "nothing was wanted"
    caller.relay_video(20_002, (VideoFormat("vp8", 110, 110),))
    assert caller.video_suits
    caller.relay_video(20_002, (VideoFormat("VP9", 110, 110, fmtp="profile-id=0"),))
    assert not caller.video_suits
    caller.relay_video(None)
    assert not caller.video_suits
    caller.make_offer()
    caller.receive_answer(CALLEE)
    assert caller.video_suits
    caller.relay_video(20_002, (VideoFormat("VP8", 110, 110),))
    assert not caller.video_suits
