"""Keys in offer and answer: RFC 4568, RFC 8643, and the three policies."""

from base64 import b64encode
from collections.abc import Callable
from itertools import count

import pytest

from callapi.base.values import SrtpPolicy
from callapi.media import MediaSecurity, NotAcceptable, VideoFormat
from callapi.media.plane.types import SrtpKeys
from callapi.media.sdp.crypto import SUITES, crypto_lines
from callapi.media.sdp.description import MediaDescription, parse
from callapi.media.sdp.negotiation import LocalMedia, MediaNegotiation

OURS = LocalMedia("192.0.2.1", 20_000, video_port=20_002)
CM80, CM256, GCM = "AES_CM_128_HMAC_SHA1_80", "AES_256_CM_HMAC_SHA1_80", "AEAD_AES_256_GCM"
OFF, OPTIONAL, REQUIRED = SrtpPolicy.OFF, SrtpPolicy.OPTIONAL, SrtpPolicy.REQUIRED
THEIR_KEY = b"their key and salt, 30 octets."


def written(key: bytes, suite: str = CM80, tag: int = 1) -> str:
    return f"a=crypto:{tag} {suite} inline:{b64encode(key).decode()}"


THEIRS = written(THEIR_KEY)


def offer(*lines: str, profile: str = "RTP/SAVP") -> bytes:
    head = ("v=0", "o=phone 1 1 IN IP4 192.0.2.7", "s=-", "c=IN IP4 192.0.2.7", "t=0 0")
    return "\r\n".join((*head, f"m=audio 4000 {profile} 0", *lines, "")).encode()


def random_of() -> Callable[[int], bytes]:
    numbers = count(1)
    return lambda octets: bytes([next(numbers)]) * octets


def leg(policy: SrtpPolicy = OPTIONAL, *, is_private: bool = True) -> MediaNegotiation:
    return MediaNegotiation(OURS, MediaSecurity(policy, is_private, random=random_of()))


def audio(body: bytes) -> MediaDescription:
    return next(each for each in parse(body).media if each.kind == "audio")


def keys(party: MediaNegotiation) -> SrtpKeys | None:
    assert party.audio is not None
    return party.audio.srtp


# --- reading


@pytest.mark.parametrize("suite", SUITES)
@pytest.mark.parametrize("padding", ["=", ""])
def test_every_suite_is_read_with_and_without_padding(suite: str, padding: str) -> None:
    key = bytes(range(SUITES[suite]))
    line = written(key, suite, tag=7)
    if not padding:
        line = line.rstrip("=")
    [read] = crypto_lines(audio(offer(line)))
    assert (read.tag, read.suite, read.key) == (7, suite, key)
    assert "key=" not in repr(read)


@pytest.mark.parametrize(
    "line",
    [
        THEIRS.replace(CM80, "F8_128_HMAC_SHA1_80"),
        THEIRS[:-4],
        THEIRS.replace("inline:", "uri:"),
        f"{THEIRS}|2^20|1:4",
        f"{THEIRS};inline:{b64encode(THEIR_KEY).decode()}",
        f"{THEIRS} UNENCRYPTED_SRTCP",
        f"{THEIRS} KDR=1",
        THEIRS.replace(":1 ", ":one "),
        "a=crypto:1",
        "a=crypto",
        f"a=crypto:1 {CM80} inline:!!!",
    ],
)
def test_a_line_that_asks_for_more_than_we_can_is_not_taken(line: str) -> None:
    assert crypto_lines(audio(offer(line))) == ()


def test_lifetime_and_hints_are_read_over() -> None:
    [read] = crypto_lines(audio(offer(f"{THEIRS}|2^31 WSH=128 -SOMETHING")))
    assert read.key == THEIR_KEY


# --- answering


def test_savp_is_answered_in_kind_with_a_key_of_our_own() -> None:
    party = leg()
    answer = audio(party.receive_offer(offer("a=crypto:9 F8_128_HMAC_SHA1_80 inline:AA==", THEIRS)))
    assert answer.protocol == "RTP/SAVP"
    [ours] = crypto_lines(answer)
    assert (ours.tag, ours.suite) == (1, CM80)
    assert ours.key != THEIR_KEY
    assert keys(party) == SrtpKeys(CM80, ours.key, THEIR_KEY)
    assert party.encryption == "sdes"


def test_the_first_suite_of_the_offer_that_we_have_is_taken() -> None:
    party = leg()
    theirs = bytes(46)
    answer = audio(party.receive_offer(offer(written(theirs, CM256, tag=4), THEIRS.replace(":1 ", ":5 "))))
    [ours] = crypto_lines(answer)
    assert (ours.tag, ours.suite, len(ours.key)) == (4, CM256, 46)


def test_avp_with_keys_is_answered_as_avp_with_keys() -> None:
    """RFC 8643."""
    party = leg()
    answer = audio(party.receive_offer(offer(THEIRS, profile="RTP/AVP")))
    assert answer.protocol == "RTP/AVP"
    assert crypto_lines(answer)
    assert keys(party)


@pytest.mark.parametrize(
    ("party", "profile", "is_keyed"),
    [
        (leg(OFF), "RTP/AVP", False),
        (leg(is_private=False), "RTP/AVP", False),
        (leg(REQUIRED), "RTP/AVP", True),
        (leg(REQUIRED), "RTP/SAVPF", True),
    ],
)
def test_keys_are_taken_by_policy_and_if_they_were_private(
    party: MediaNegotiation, profile: str, is_keyed: bool
) -> None:
    answer = audio(party.receive_offer(offer(THEIRS, profile=profile)))
    assert answer.protocol == profile
    assert bool(crypto_lines(answer)) is is_keyed
    assert bool(keys(party)) is is_keyed
    assert party.encryption == ("sdes" if is_keyed else "none")


def test_keys_that_others_can_see_are_noted() -> None:
    party = leg(is_private=False)
    party.receive_offer(offer(THEIRS, profile="RTP/AVP"))
    assert party.security_note is not None
    assert "TLS" in party.security_note
    party.receive_offer(offer(profile="RTP/AVP"))
    assert party.security_note is None


@pytest.mark.parametrize(
    ("party", "body", "code", "text"),
    [
        (leg(OFF), offer(THEIRS), 302, "srtp is off"),
        (leg(is_private=False), offer(THEIRS), 302, "over TLS only"),
        (leg(REQUIRED, is_private=False), offer(THEIRS), 302, "over TLS only"),
        (leg(), offer(THEIRS.replace(CM80, "F8_128_HMAC_SHA1_80")), 302, "offered F8_128_HMAC_SHA1_80"),
        (leg(), offer(), 302, "offered no a=crypto"),
        (leg(REQUIRED), offer(profile="RTP/AVP"), 399, "srtp is required"),
        (leg(REQUIRED, is_private=False), offer(THEIRS, profile="RTP/AVP"), 399, "srtp is required"),
    ],
)
def test_what_the_policy_forbids_is_refused(
    party: MediaNegotiation, body: bytes, code: int, text: str
) -> None:
    with pytest.raises(NotAcceptable, match=text) as caught:
        party.receive_offer(body)
    assert caught.value.warning_code == code
    assert party.audio is None


def test_of_two_lines_the_one_that_may_be_taken_is() -> None:
    """Some phones offer SAVP and AVP side by side."""
    both = offer(THEIRS) + b"m=audio 4002 RTP/AVP 0\r\n"
    lines = parse(leg(OFF).receive_offer(both)).media
    assert [(each.port, each.protocol) for each in lines] == [(0, "RTP/SAVP"), (20_000, "RTP/AVP")]
    lines = parse(leg().receive_offer(both)).media
    assert [(each.port, each.protocol) for each in lines] == [(20_000, "RTP/SAVP"), (0, "RTP/AVP")]


def test_our_key_stays_whatever_the_peer_offers_next() -> None:
    party = leg()
    first = crypto_lines(audio(party.receive_offer(offer(THEIRS))))
    other = b"another key and salt of theirs"
    again = crypto_lines(audio(party.receive_offer(offer(written(other, tag=3)))))
    assert [each.key for each in again] == [each.key for each in first]
    assert keys(party) == SrtpKeys(CM80, first[0].key, other)
    assert [each.key for each in crypto_lines(audio(party.make_offer()))] == [first[0].key]


def test_a_key_is_not_used_again_once_another_suite_was_in_force() -> None:
    party = leg()
    seen = [
        crypto_lines(audio(party.receive_offer(offer(line))))[0].key
        for line in (THEIRS, written(bytes(44), GCM), THEIRS)
    ]
    assert len(set(seen)) == 3


def test_our_own_key_sent_back_is_refused() -> None:
    party = leg()
    [ours] = crypto_lines(audio(party.receive_offer(offer(THEIRS))))
    with pytest.raises(NotAcceptable, match="our own key"):
        party.receive_offer(offer(written(ours.key)))
    assert keys(party) == SrtpKeys(CM80, ours.key, THEIR_KEY)


# --- offering


@pytest.mark.parametrize(
    ("party", "profile", "suites"),
    [
        (leg(OFF), "RTP/AVP", []),
        (leg(is_private=False), "RTP/AVP", []),
        (leg(), "RTP/AVP", list(SUITES)),
        (leg(REQUIRED), "RTP/SAVP", list(SUITES)),
        (leg(REQUIRED, is_private=False), "RTP/SAVP", list(SUITES)),
    ],
)
def test_what_is_offered_follows_the_policy(party: MediaNegotiation, profile: str, suites: list[str]) -> None:
    line = audio(party.make_offer())
    offered = crypto_lines(line)
    assert (line.protocol, [each.suite for each in offered]) == (profile, suites)
    assert [each.tag for each in offered] == list(range(1, len(suites) + 1))
    assert len({each.key for each in offered}) == len(suites)


@pytest.mark.parametrize("policy", [OPTIONAL, REQUIRED])
@pytest.mark.parametrize("suite", SUITES)
def test_two_legs_agree_on_any_suite(policy: SrtpPolicy, suite: str) -> None:
    caller = MediaNegotiation(OURS, MediaSecurity(policy, True, (suite,)))
    callee = leg()
    caller.receive_answer(callee.receive_offer(caller.make_offer()))
    ours, theirs = keys(caller), keys(callee)
    assert ours is not None
    assert theirs is not None
    assert (ours.suite, ours.send, ours.receive) == (suite, theirs.receive, theirs.send)
    assert "receive" not in repr(ours)


def test_a_suite_that_was_not_offered_is_not_acceptable() -> None:
    party = MediaNegotiation(OURS, MediaSecurity(REQUIRED, True, (GCM,)))
    party.make_offer()
    with pytest.raises(NotAcceptable, match="no key of an offered suite"):
        party.receive_answer(offer(THEIRS))


def test_a_plain_answer_to_an_optional_offer_is_plain_and_stays_so() -> None:
    party = leg()
    party.make_offer()
    party.receive_answer(offer(profile="RTP/AVP"))
    assert (keys(party), party.encryption) == (None, "none")
    assert crypto_lines(audio(party.make_offer())) == ()


@pytest.mark.parametrize(
    ("policy", "answer"),
    [
        (REQUIRED, offer(profile="RTP/SAVP")),
        (REQUIRED, offer(profile="RTP/AVP")),
        (REQUIRED, offer(THEIRS.replace(CM80, "F8_128_HMAC_SHA1_80"))),
        (OPTIONAL, offer(profile="RTP/SAVP")),
    ],
)
def test_an_answer_without_the_keys_that_it_needs_is_not_acceptable(
    policy: SrtpPolicy, answer: bytes
) -> None:
    party = leg(policy)
    party.make_offer()
    with pytest.raises(NotAcceptable, match="no key of an offered suite"):
        party.receive_answer(answer)
    assert party.audio is None


def test_a_re_offer_keeps_profile_suite_and_key() -> None:
    party = leg(REQUIRED)
    first = party.make_offer()
    key = next(each.key for each in crypto_lines(audio(first)) if each.suite == CM80)
    party.receive_answer(offer(THEIRS))
    line = audio(party.make_offer())
    assert line.protocol == "RTP/SAVP"
    assert [(each.suite, each.key) for each in crypto_lines(line)] == [(CM80, key)]


# --- video


def test_video_has_keys_of_its_own() -> None:
    party = leg()
    body = (
        offer(THEIRS)
        + ("m=video 4002 RTP/SAVP 99\r\na=rtpmap:99 VP8/90000\r\n" + written(bytes(30)) + "\r\n").encode()
    )
    audio_line, video_line = parse(party.receive_offer(body)).media
    assert party.video is not None
    assert party.video.srtp is not None
    assert crypto_lines(video_line)[0].key != crypto_lines(audio_line)[0].key


def test_video_that_is_not_acceptable_costs_the_video_alone() -> None:
    party = leg(REQUIRED)
    body = offer(THEIRS) + b"m=video 4002 RTP/AVP 99\r\na=rtpmap:99 VP8/90000\r\n"
    assert [each.port for each in parse(party.receive_offer(body)).media] == [20_000, 0]
    assert party.video is None


def test_our_own_video_key_sent_back_costs_the_video_alone() -> None:
    party = leg()
    video = "m=video 4002 RTP/SAVP 99\r\na=rtpmap:99 VP8/90000\r\n{}\r\n"
    answer = party.receive_offer(offer(THEIRS) + video.format(written(bytes(30))).encode())
    [ours] = crypto_lines(parse(answer).media[1])
    body = offer(THEIRS) + video.format(written(ours.key)).encode()
    assert [each.port for each in parse(party.receive_offer(body)).media] == [20_000, 0]
    assert party.video is None


def test_a_video_answer_without_keys_costs_the_video_alone() -> None:
    party = leg()
    party.relay_video(20_002, (VideoFormat("VP8", 99, 99),))
    party.make_offer()
    party.receive_answer(offer(profile="RTP/AVP") + b"m=video 4002 RTP/SAVP 99\r\na=rtpmap:99 VP8/90000\r\n")
    assert party.audio is not None
    assert party.video is None


def test_of_an_answer_the_first_line_of_an_offered_suite_counts() -> None:
    party = MediaNegotiation(OURS, MediaSecurity(REQUIRED, True, suites=(CM80,), random=random_of()))
    key = next(each.key for each in crypto_lines(audio(party.make_offer())) if each.suite == CM80)
    party.receive_answer(offer(written(bytes(range(46)), CM256, tag=9), THEIRS))
    assert keys(party) is not None
    assert MediaNegotiation(OURS).encryption == "none"
    assert (party.encryption, key != THEIR_KEY) == ("sdes", True)
