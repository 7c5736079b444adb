"""Two legs that offer and answer to each other, in any legal order, always agree on everything that is sent."""

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from callapi.media import Direction, StreamParameters, VideoFormat, VideoParameters
from callapi.media.sdp.description import parse
from callapi.media.sdp.negotiation import LocalMedia, MediaNegotiation

MIRROR = {
    Direction.SENDRECV: Direction.SENDRECV,
    Direction.SENDONLY: Direction.RECVONLY,
    Direction.RECVONLY: Direction.SENDONLY,
    Direction.INACTIVE: Direction.INACTIVE,
}
VIDEO = (
    VideoFormat("VP8", 96, 96, feedback=("nack",)),
    VideoFormat("H264", 97, 97, fmtp="packetization-mode=1"),
)
codec_lists = st.permutations(["PCMU", "PCMA", "G722", "opus"]).flatmap(
    lambda names: st.integers(1, 4).map(
        lambda length: ("PCMA", *(each for each in names[:length] if each != "PCMA"))
    )
)
preferences = codec_lists.flatmap(st.permutations).map(tuple)


def assert_audio_agrees(one: StreamParameters, other: StreamParameters) -> None:
    assert (one.codec.name, one.codec.clock_rate) == (other.codec.name, other.codec.clock_rate)
    assert one.codec.payload_type == other.codec.receive_payload_type
    assert other.codec.payload_type == one.codec.receive_payload_type
    assert one.telephone_event == other.receive_telephone_event
    assert other.telephone_event == one.receive_telephone_event
    assert one.direction is MIRROR[other.direction]
    assert one.rtcp_mux == other.rtcp_mux


def assert_video_agrees(one: VideoParameters | None, other: VideoParameters | None) -> None:
    assert (one is None) == (other is None)
    if one is not None and other is not None:
        mirrored = [(each.name, each.receive_payload_type, each.payload_type) for each in other.formats]
        assert [(each.name, each.payload_type, each.receive_payload_type) for each in one.formats] == mirrored
        assert one.direction is MIRROR[other.direction]


class Conversation(RuleBasedStateMachine):
    """The legs "a" and "b"; an exchange is an offer of one and the answer of the other."""

    def __init__(self) -> None:
        super().__init__()
        self.legs = {
            "a": MediaNegotiation(LocalMedia("192.0.2.1", 10_000)),
            "b": MediaNegotiation(LocalMedia("192.0.2.2", 20_000)),
        }
        self.said: dict[str, bytes] = {}
        self.lines = 0

    @rule(name=st.sampled_from("ab"), codecs=preferences)
    def prefer(self, name: str, codecs: tuple[str, ...]) -> None:
        leg = self.legs[name]
        leg.local = LocalMedia(leg.local.address, leg.local.audio_port, leg.local.video_port, codecs)

    @rule(
        name=st.sampled_from("ab"), port=st.sampled_from([None, 30_000]), formats=st.sampled_from([(), VIDEO])
    )
    def want_video(self, name: str, port: int | None, formats: tuple[VideoFormat, ...]) -> None:
        self.legs[name].relay_video(port, formats)

    @rule(name=st.sampled_from("ab"))
    def hold(self, name: str) -> None:
        self.legs[name].local_hold()

    @rule(name=st.sampled_from("ab"))
    def resume(self, name: str) -> None:
        self.legs[name].resume()

    @rule(name=st.sampled_from("ab"))
    def offer_that_is_never_answered(self, name: str) -> None:
        self.note(name, self.legs[name].make_offer())

    @rule(name=st.sampled_from("ab"))
    def exchange(self, name: str) -> None:
        other = "ba"["ab".index(name)]
        offer = self.legs[name].make_offer()
        answer = self.legs[other].receive_offer(offer)
        self.legs[name].receive_answer(answer)
        self.note(name, offer)
        self.note(other, answer)
        offered, answered = parse(offer).media, parse(answer).media
        self.note_lines(len(offered))
        assert [each.kind for each in offered] == [each.kind for each in answered]
        audio = self.legs[name].audio
        assert audio is not None
        chosen = next(each for each in answered if each.kind == "audio" and each.port)
        # What was answered is what is sent.
        assert chosen.formats[0] == str(audio.codec.payload_type)
        one, two = self.legs.values()
        assert one.audio is not None
        assert two.audio is not None
        assert_audio_agrees(one.audio, two.audio)
        assert_video_agrees(one.video, two.video)

    def note(self, name: str, body: bytes) -> None:
        """Keep what `name` said; its version has grown by one if it is new, and no line has gone."""
        if before := self.said.get(name):
            former, latter = parse(before), parse(body)
            assert former.origin is not None
            assert latter.origin is not None
            assert latter.origin.version - former.origin.version == (before != body)
        self.said[name] = body

    def note_lines(self, count: int) -> None:
        """Lines of a description that was agreed on stay for the whole session."""
        assert count >= self.lines
        self.lines = count


Conversation.TestCase.settings = settings(max_examples=50, stateful_step_count=15, deadline=None)
TestConversation = Conversation.TestCase


@given(preferences, preferences)
def test_the_answer_is_the_offerers_best_that_both_have(
    offerers: tuple[str, ...], answerers: tuple[str, ...]
) -> None:
    one = MediaNegotiation(LocalMedia("192.0.2.1", 10_000, codecs=offerers))
    two = MediaNegotiation(LocalMedia("192.0.2.2", 20_000, codecs=answerers))
    one.receive_answer(two.receive_offer(one.make_offer()))
    assert one.audio is not None
    assert one.audio.codec.name == next(name for name in offerers if name in answerers)
