"""DTLS-SRTP and ICE in offer and answer: RFC 5763, RFC 8839, RFC 8842, as browsers write them."""

import pytest

from callapi.base.values import SrtpPolicy
from callapi.media import Direction, MediaAddress, MediaSecurity, NotAcceptable
from callapi.media.sdp.description import MediaDescription, SessionDescription, parse
from callapi.media.sdp.negotiation import LocalMedia, MediaNegotiation

OURS = LocalMedia("192.0.2.1", 20_000, codecs=("opus", "PCMU"))
PRINT, THEIR_PRINT = bytes(range(32)), bytes(range(100, 132))
THEIRS = f"a=fingerprint:sha-256 {THEIR_PRINT.hex(':').upper()}"
AUDIO = (
    "m=audio 9 UDP/TLS/RTP/SAVPF 111 0 110 126",
    "c=IN IP4 0.0.0.0",
    "a=rtcp:9 IN IP4 0.0.0.0",
    "a=candidate:1 1 udp 2113937151 4f2b.local 49152 typ host generation 0",
    "a=candidate:2 1 udp 2113939711 198.51.100.7 49153 typ host",
    "a=candidate:3 1 tcp 1518280447 198.51.100.7 9 typ host tcptype active",
    "a=ice-ufrag:EsAw",
    "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1",
    "a=ice-options:trickle",
    "a=mid:0",
    "a=extmap:1 urn:ietf:params:rtp-hdrext:ssrc-audio-level",
    "a=sendrecv",
    "a=msid:- 7a25",
    "a=rtcp-mux",
    "a=rtpmap:111 opus/48000/2",
    "a=rtcp-fb:111 transport-cc",
    "a=rtpmap:110 telephone-event/48000",
    "a=rtpmap:126 telephone-event/8000",
)
VIDEO = ("m=video 9 UDP/TLS/RTP/SAVPF 96", "a=mid:1", "a=rtcp-mux", "a=rtpmap:96 VP8/90000")
ICE = ("a=ice-ufrag:EsAw", "a=ice-pwd:P2uYro0UCOQ4zxjKXaWCBui1")


def description(*lines: str, setup: str = "actpass", group: str = "BUNDLE 0 1") -> bytes:
    head = ("v=0", "o=- 1 2 IN IP4 127.0.0.1", "s=-", "t=0 0", f"a=group:{group}", "a=msid-semantic: WMS")
    return "\r\n".join((*head, THEIRS, f"a=setup:{setup}", *lines, "")).encode()


OFFER = description(*AUDIO)
PHONE = (
    "v=0\r\no=- 1 1 IN IP4 192.0.2.7\r\ns=-\r\nc=IN IP4 192.0.2.7\r\nt=0 0\r\n"
    f"{THEIRS}\r\na=setup:actpass\r\nm=audio 4000 UDP/TLS/RTP/SAVPF 0\r\na=rtcp-mux\r\n"
).encode()


def leg(*, is_browser: bool = False, policy: SrtpPolicy = SrtpPolicy.OPTIONAL) -> MediaNegotiation:
    return MediaNegotiation(OURS, MediaSecurity(policy, True, fingerprint=PRINT, is_browser=is_browser))


def audio(body: bytes) -> MediaDescription:
    return next(each for each in parse(body).media if each.kind == "audio")


def answered(party: MediaNegotiation, body: bytes) -> SessionDescription:
    return parse(party.receive_offer(body))


def test_a_browsers_offer_is_answered_in_kind() -> None:
    party = leg()
    session = answered(party, OFFER)
    [line] = session.media
    assert session.attributes == (("ice-lite", None), ("group", "BUNDLE 0"))
    assert (line.protocol, line.port, line.formats) == ("UDP/TLS/RTP/SAVPF", 20_000, ("111", "110"))
    assert line.has("rtcp-mux")
    assert line.value("mid") == "0"
    assert line.value("setup") == "passive"
    assert line.value("fingerprint") == f"sha-256 {PRINT.hex(':').upper()}"
    assert line.value("candidate") == "1 1 udp 2130706431 192.0.2.1 20000 typ host"
    assert line.has("end-of-candidates")
    assert line.value("msid") == "callapi audio"
    for name in ("extmap", "rtcp-fb", "crypto"):
        assert not line.has(name)


def test_what_is_in_force_names_both_sides() -> None:
    party = leg()
    line = audio(party.receive_offer(OFFER))
    parameters = party.audio
    assert parameters is not None
    assert parameters.dtls is not None
    assert parameters.ice is not None
    assert (parameters.dtls.is_client, parameters.dtls.fingerprints) == (False, (THEIR_PRINT,))
    assert (parameters.ice.local_ufrag, parameters.ice.local_pwd) == (
        line.value("ice-ufrag"),
        line.value("ice-pwd"),
    )
    assert parameters.ice.remote_ufrag == "EsAw"
    assert parameters.ice.candidate == MediaAddress("192.0.2.1", 20_000)
    assert parameters.remote == MediaAddress("198.51.100.7", 49_153)
    assert (parameters.rtcp_mux, parameters.direction) == (True, Direction.SENDRECV)
    assert (party.encryption, party.remote_on_hold) == ("dtls", False)
    assert "pwd" not in repr(parameters.ice)


def test_without_any_literal_candidate_the_address_comes_by_ice() -> None:
    lines = [each for each in AUDIO if "198.51.100.7" not in each]
    party = leg()
    party.receive_offer(description(*lines))
    assert party.audio is not None
    assert party.audio.remote == MediaAddress("0.0.0.0", 0)
    assert party.audio.direction is Direction.SENDRECV


def test_a_refused_line_is_in_no_bundle() -> None:
    session = answered(leg(), description(*AUDIO, *VIDEO))
    assert [each.port for each in session.media] == [20_000, 0]
    assert dict(session.attributes)["group"] == "BUNDLE 0"


def test_a_phone_without_ice_has_its_address() -> None:
    party = leg()
    session = answered(party, PHONE)
    assert session.attributes == ()
    assert not session.media[0].has("ice-ufrag")
    assert party.audio is not None
    assert party.audio.remote == MediaAddress("192.0.2.7", 4000)
    assert party.audio.dtls is not None
    assert party.audio.ice is None


@pytest.mark.parametrize(
    ("setup", "ours", "is_client"),
    [("actpass", "passive", False), ("active", "passive", False), ("passive", "active", True)],
)
def test_roles(setup: str, ours: str, is_client: bool) -> None:
    party = leg()
    line = audio(party.receive_offer(description(*AUDIO, setup=setup)))
    assert line.value("setup") == ours
    assert party.audio is not None
    assert party.audio.dtls is not None
    assert party.audio.dtls.is_client is is_client


def test_a_re_offer_keeps_credentials_and_new_ones_of_the_peer_are_a_restart() -> None:
    party = leg()
    first = audio(party.receive_offer(OFFER))
    again = audio(party.receive_offer(OFFER.replace(b"a=sendrecv", b"a=sendonly")))
    assert again.direction is Direction.RECVONLY
    assert again.value("ice-pwd") == first.value("ice-pwd")
    restarted = audio(party.receive_offer(OFFER.replace(b"EsAw", b"Next")))
    assert restarted.value("ice-pwd") != first.value("ice-pwd")
    ours = audio(party.make_offer())
    assert ours.value("setup") == "actpass"
    assert ours.value("ice-pwd") == restarted.value("ice-pwd")
    assert ours.protocol == "UDP/TLS/RTP/SAVPF"


def test_browsers_are_offered_what_they_know() -> None:
    caller, callee = leg(is_browser=True), leg()
    body = caller.make_offer()
    session, line = parse(body), audio(body)
    assert session.attributes == (("ice-lite", None), ("group", "BUNDLE 0"))
    assert (line.protocol, line.value("setup"), line.value("mid")) == ("UDP/TLS/RTP/SAVPF", "actpass", "0")
    assert line.has("rtcp-mux")
    caller.receive_answer(callee.receive_offer(body))
    ours, theirs = caller.audio, callee.audio
    assert ours is not None
    assert theirs is not None
    assert ours.ice is not None
    assert theirs.ice is not None
    assert (ours.ice.local_pwd, ours.ice.remote_pwd) == (theirs.ice.remote_pwd, theirs.ice.local_pwd)
    assert ours.dtls is not None
    assert ours.dtls.is_client


def test_an_answer_without_a_fingerprint_is_not_acceptable() -> None:
    party = leg(is_browser=True)
    party.make_offer()
    with pytest.raises(NotAcceptable, match="fingerprint"):
        party.receive_answer(b"v=0\r\nc=IN IP4 192.0.2.7\r\nm=audio 4000 UDP/TLS/RTP/SAVPF 0\r\n")


@pytest.mark.parametrize(
    ("party", "body", "text"),
    [
        (leg(policy=SrtpPolicy.OFF), OFFER, "srtp is off"),
        (MediaNegotiation(OURS, MediaSecurity(SrtpPolicy.OPTIONAL, True)), OFFER, "not spoken here"),
        (leg(), OFFER.replace(b"sha-256", b"sha-1"), "fingerprint:sha-256"),
    ],
)
def test_what_cannot_be_taken_says_why(party: MediaNegotiation, body: bytes, text: str) -> None:
    with pytest.raises(NotAcceptable, match=text) as caught:
        party.receive_offer(body)
    assert caught.value.warning_code == 302


def test_lines_with_ice_may_share_one_port() -> None:
    security = MediaSecurity(SrtpPolicy.OPTIONAL, True, fingerprint=PRINT, webrtc_port=7000, is_browser=True)
    party = MediaNegotiation(OURS, security)
    line = audio(party.receive_offer(OFFER))
    assert (line.port, (line.value("candidate") or "").split()[5]) == (7000, "7000")
    assert party.audio is not None
    assert party.audio.ice is not None
    assert party.audio.ice.candidate.port == 7000
    assert audio(MediaNegotiation(OURS, security).make_offer()).port == 7000
    assert audio(party.receive_offer(PHONE)).port == 20_000


def test_a_re_offer_to_a_phone_without_ice_has_none() -> None:
    party = leg()
    party.receive_offer(PHONE)
    line = audio(party.make_offer())
    assert (line.protocol, line.value("setup")) == ("UDP/TLS/RTP/SAVPF", "actpass")
    assert not line.has("ice-ufrag")
    assert line.value("fingerprint") == f"sha-256 {PRINT.hex(':').upper()}"


@pytest.mark.parametrize(
    "candidate",
    [
        "a=candidate:2 1 udp 1 198.51.100.7 0 typ host",
        "a=candidate:2 1 udp 1 198.51.100.7 70000 typ host",
        "a=candidate:2 1 udp 1 198.51.100.7 x typ host",
        "a=candidate:2 1 udp",
        "a=candidate:2 1 udp 1 2001:db8::1 4000 typ host",
        "a=candidate:2 1 udp 1 0.0.0.0 4000 typ host",
    ],
)
def test_a_candidate_that_cannot_be_used_is_passed_over(candidate: str) -> None:
    party = leg()
    lines = [candidate if each.startswith("a=candidate:2") else each for each in AUDIO]
    party.receive_offer(description(*lines))
    assert party.audio is not None
    assert party.audio.remote == MediaAddress("0.0.0.0", 0)
