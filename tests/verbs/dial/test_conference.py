"""`<Dial><Conference>` in virtual time: who is mixed, what the callbacks say, where each document goes on."""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from callapi.calls.call import Call
from callapi.calls.conferences.options import HeldAudio, ParticipantOptions, RoomOptions
from callapi.calls.documents.document import DocumentRequest
from callapi.calls.placing.placement import Placement
from callapi.media import JitterDelay
from callapi.media.plane.fake import FakeRoom, FakeStream
from tests.verbs.conftest import Story
from tests.verbs.world import ACCOUNT, MUSIC, Phone, World

RunStory = Callable[[Story], None]
EVENTS = "start end join leave mute hold modify speaker announcement"
ROOM = (
    '<Response><Dial action="/after"><Conference statusCallback="/room" statusCallbackEvent="'
    + EVENTS
    + '" {}>{}</Conference></Dial></Response>'
)


def document(attributes: str = 'beep="false"', name: str = "Room 1") -> str:
    return ROOM.format(attributes, name)


def room_of(here: World) -> FakeRoom:
    """The room of the media plane."""
    (room,) = here.plane.rooms
    return room


def mixed(here: World) -> list[FakeStream]:
    """The streams in the room."""
    return [each.stream for each in room_of(here).people]


def events(here: World) -> list[str]:
    """The conference callbacks, in the order in which they were kept."""
    reported = here.book.reported("/room")
    assert [each["SequenceNumber"] for each in reported] == [str(n) for n in range(1, len(reported) + 1)]
    return [each["StatusCallbackEvent"] for each in reported]


async def join(here: World, *documents: str) -> list[tuple[Call, Phone]]:
    """Callers, one after the other, each with a document of its own."""
    callers = []
    for each in documents:
        callers.append(here.caller(each))
        await asyncio.sleep(0.1)
    return callers


def test_two_are_mixed_and_the_second_to_leave_ends_the_room(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        (one, alice), (other, bob) = await join(here, document(), document())
        assert set(mixed(here)) == {one.leg.stream, other.leg.stream}
        assert one.leg.is_answered
        alice.hang_up()
        await asyncio.sleep(0.1)
        assert mixed(here) == [other.leg.stream]
        bob.hang_up()
        await here.live.empty.wait()
        assert events(here) == [
            "participant-join",
            "participant-join",
            "conference-start",
            "participant-leave",
            "participant-leave",
            "conference-end",
        ]
        last = here.book.reported("/room")[-1]
        assert last["ReasonConferenceEnded"] == "last-participant-left"
        assert last["CallSidEndingConference"] == other.sid
        assert last["FriendlyName"] == "Room 1"
        leave = here.book.reported("/room")[3]
        assert (leave["ReasonParticipantLeft"], leave["CallSid"]) == ("participant_hung_up", one.sid)
        assert {each["DialCallStatus"] for each in here.application.asked("/after")} == {"completed"}
        assert len(here.application.asked("/after")) == 2
        assert not any("DialCallSid" in each for each in here.application.asked("/after"))
        (record,) = here.book.conferences.values()
        assert (record.status, record.reason_conference_ended) == ("completed", "last-participant-left")

    run_story(story)


def test_one_who_waits_hears_music_and_then_the_room(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        ((one, alice),) = await join(here, document())
        stream = here.stream_of(one)
        assert (stream.playbacks[-1].audio, stream.playbacks[-1].loop) == (MUSIC, 0)
        assert here.plane.rooms == []
        ((_, bob),) = await join(here, document())
        assert not any(each.is_playing for each in stream.playbacks)
        assert stream in mixed(here)
        alice.hang_up()
        bob.hang_up()

    run_story(story)


@pytest.mark.usefixtures("sounding")
def test_wait_url_is_a_document_then_silence(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        here.application.documents["/wait"] = "<Response><Play>tune.wav</Play><Dial>1</Dial></Response>"
        ((one, alice),) = await join(here, document('waitUrl="/wait" beep="false"'))
        await asyncio.sleep(1)
        (asked,) = here.application.asked("/wait")
        assert asked["CallSid"] == one.sid
        assert asked["ConferenceSid"].startswith("CF")
        stream = here.stream_of(one)
        assert len(stream.playbacks) == 1
        assert not stream.playbacks[0].is_playing
        assert here.phones == []  # a Dial there is skipped
        assert any("<Dial> cannot be used" in each.message_text for each in here.book.notifications)
        alice.hang_up()

    run_story(story)


def test_an_empty_wait_url_is_silence(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        ((one, alice),) = await join(here, document('waitUrl="" beep="false"'))
        assert here.stream_of(one).playbacks == []
        alice.hang_up()

    run_story(story)


def test_a_moderator_ends_it_for_all_and_their_documents_go_on(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        here.application.documents["/after"] = "<Response><Pause length='1'/></Response>"
        host = document('endConferenceOnExit="true" beep="false" participantLabel="host"')
        (first, _), (_, bob), (_, carol) = await join(here, host, document(), document())
        room = room_of(here)
        first.hang_up("test")
        await asyncio.sleep(0.5)
        assert room.is_closed
        assert not bob.is_over
        assert not carol.is_over
        assert len(here.application.asked("/after")) == 3
        await here.live.empty.wait()
        reported = here.book.reported("/room")
        assert [each.get("ReasonParticipantLeft") for each in reported[-4:]] == [
            "participant_hung_up",
            "moderator_ended_conference",
            "moderator_ended_conference",
            None,
        ]
        assert reported[-1]["ParticipantLabelEndingConference"] == "host"

    run_story(story)


@pytest.mark.parametrize(
    ("attributes", "code"),
    [
        ('participantLabel="taken" beep="false"', 16025),
        ('coach="CA00000000000000000000000000000000" beep="false"', 13240),
    ],
)
def test_a_refused_participant_goes_on_with_its_document(
    run_story: RunStory, attributes: str, code: int
) -> None:
    async def story(here: World) -> None:
        here.application.documents["/after"] = "<Response><Hangup/></Response>"
        (_, alice), (_, bob) = await join(
            here, document('participantLabel="taken" beep="false"'), document(attributes)
        )
        await asyncio.sleep(1)
        assert [each.error_code for each in here.book.notifications] == [code]
        (after,) = here.application.asked("/after")
        assert after["DialCallStatus"] == "failed"
        assert bob.is_over
        alice.hang_up()
        await here.live.empty.wait()
        assert events(here) == ["participant-join", "participant-leave", "conference-end"]

    run_story(story)


def test_a_redirect_takes_one_out_and_the_others_talk_on(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        (one, alice), (_, bob), (_, carol) = await join(here, document(), document(), document())
        here.application.documents["/new"] = "<Response><Pause length='5'/></Response>"
        one.redirect(partial(here.script, one, DocumentRequest("http://app/new")))
        await asyncio.sleep(0.5)
        assert len(mixed(here)) == 2
        assert not alice.is_over
        leave = here.book.reported("/room")[-1]
        assert leave["ReasonParticipantLeft"] == "participant_updated_via_api"
        bob.hang_up()
        carol.hang_up()
        alice.hang_up()

    run_story(story)


def test_star_leaves_where_it_may(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        starry = document().replace("<Dial ", '<Dial hangupOnStar="true" ')
        (one, _), (other, bob) = await join(here, starry, document())
        here.stream_of(other).press("*")
        await asyncio.sleep(0.5)
        assert len(mixed(here)) == 2
        here.stream_of(one).press("*")
        await asyncio.sleep(0.5)
        assert mixed(here) == [other.leg.stream]
        bob.hang_up()

    run_story(story)


def test_time_limit(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        short = document().replace("<Dial ", '<Dial timeLimit="10" ')
        (_, alice), (other, bob) = await join(here, short, document())
        await asyncio.sleep(10.5)
        assert alice.is_over
        assert mixed(here) == [other.leg.stream]
        bob.hang_up()

    run_story(story)


def test_hold_and_mute_and_coach_reach_the_mixer(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        (one, alice), (other, bob), (third, carol) = await join(here, document(), document(), document())
        seat_room = here.services.conferences.find(one.record.account_sid, "Room 1")
        assert seat_room is not None
        people = {each.stream: each for each in room_of(here).people}
        seat_room.perform(seat_room.machine.mute(one.sid, muted=True))
        assert people[here.stream_of(one)].is_muted
        seat_room.hold(other.sid, HeldAudio(), hold=True)
        await asyncio.sleep(0.1)
        assert other.leg.stream not in mixed(here)
        assert here.stream_of(other).playbacks[-1].audio is MUSIC
        seat_room.hold(other.sid, HeldAudio(), hold=False)
        await asyncio.sleep(0.1)
        assert other.leg.stream in mixed(here)
        assert not here.stream_of(other).playbacks[-1].is_playing
        seat_room.perform(seat_room.machine.modify(third.sid, coaching=True, coach=one.sid))
        coach = next(each for each in room_of(here).people if each.stream is third.leg.stream)
        assert coach.coached is people[here.stream_of(one)]
        assert not coach.is_muted
        seat_room.hold(one.sid, HeldAudio(), hold=True)
        assert coach.is_muted  # a coach must not be heard whose pupil is on hold
        seat_room.hold(one.sid, HeldAudio(), hold=False)
        assert not coach.is_muted
        room_of(here).people[0].speak()
        room_of(here).people[0].speak(speaking=False)
        await asyncio.sleep(0.1)
        for phone in (alice, bob, carol):
            phone.hang_up()
        await here.live.empty.wait()
        names = events(here)
        assert [each for each in names if "join" not in each and "leave" not in each] == [
            "conference-start",
            "participant-mute",
            "participant-hold",
            "participant-unhold",
            "participant-modify",
            "participant-hold",
            "participant-unhold",
            "participant-speech-start",
            "participant-speech-stop",
            "conference-end",
        ]

    run_story(story)


def test_the_room_is_recorded_from_its_start(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        recorded = document(
            'record="record-from-start" recordingStatusCallback="/rec" beep="false" '
            'recordingStatusCallbackEvent="in-progress completed"'
        )
        (_, alice), (_, bob) = await join(here, recorded, document())
        (recording,) = room_of(here).recordings
        assert recording.options.trim
        alice.hang_up()
        bob.hang_up()
        await here.live.empty.wait()
        await asyncio.sleep(0.1)
        (record,) = here.book.recordings.values()
        assert (record.status, record.source, record.channels) == ("completed", "Conference", 1)
        reported = here.book.reported("/rec")
        assert [each["RecordingStatus"] for each in reported] == ["in-progress", "completed"]
        assert reported[0]["ConferenceSid"] == record.conference_sid

    run_story(story)


def test_beeps_are_heard_after_an_announcement(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        (_, alice), (_, bob) = await join(here, document(), document())
        conference = next(iter(here.services.conferences._rooms.values()))
        announcement: Any = conference.announce(MUSIC)
        ((_, carol),) = await join(here, document('beep="true"'))
        assert announcement.is_playing
        announcement.finish()
        await asyncio.sleep(0.1)
        assert len(room_of(here).announcements) == 2
        for phone in (alice, bob, carol):
            phone.hang_up()

    run_story(story)


def call_into(here: World, options: ParticipantOptions) -> tuple[Call, Phone]:
    """REST calls bob into the room."""
    destinations = here.services.destinations
    bob, caller = destinations.sip("sip:bob@127.0.0.9"), destinations.identity("+15550100")
    placement = Placement(ACCOUNT, "outbound-api", bob.address, caller.from_, caller.name, bob.name)
    call = here.live.place(placement)
    here.services.conferences.invite(ACCOUNT, "Room 1", RoomOptions(), call.sid, options)
    return call, here.phones[-1]


@pytest.mark.parametrize(("starts", "early_media"), [(True, True), (False, True), (True, False)])
def test_one_who_waits_for_a_called_party_hears_it_ring(
    run_story: RunStory, *, starts: bool, early_media: bool
) -> None:
    """In place of its music, and only if it would start the room; the party hears nothing of it."""

    async def story(here: World) -> None:
        attributes = f'beep="false" startConferenceOnEnter="{str(starts).lower()}"'
        ((one, alice),) = await join(here, document(attributes))
        call, bob = call_into(here, ParticipantOptions(early_media=early_media))
        stream = here.stream_of(one)
        assert stream.playbacks[-1].is_playing
        bob.ring()
        await asyncio.sleep(0.1)
        if not early_media:
            assert here.plane.rooms == []
        else:
            heard = {each.stream: each for each in room_of(here).people}
            assert heard[here.stream_of(call)].is_early
            assert (stream in heard) == starts
            assert not starts or heard[stream].is_muted
        assert stream.playbacks[-1].is_playing == (not (starts and early_media))
        bob.reject(486)
        await asyncio.sleep(0.1)
        assert stream.playbacks[-1].is_playing, "it waits as before"
        assert here.plane.rooms == [] or mixed(here) == []
        alice.hang_up()

    run_story(story)


def test_a_called_party_that_rings_is_heard_until_it_answers(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        (_, alice), (_, carol) = await join(here, document(), document())
        call, bob = call_into(here, ParticipantOptions())
        bob.ring()
        await asyncio.sleep(0.1)
        assert [each.is_early for each in room_of(here).people] == [False, False, True]
        bob.answer()
        await asyncio.sleep(0.1)
        assert [each.is_early for each in room_of(here).people] == [False, False]
        for each in (alice, carol, bob):
            each.hang_up()
        await here.live.empty.wait()
        assert call.record.status == "completed"

    run_story(story)


@pytest.mark.parametrize(
    ("written", "delay"),
    [
        ("", None),
        ('jitterBufferSize="small"', JitterDelay(20, 200)),
        ('jitterBufferSize="off"', JitterDelay(0, 0)),
    ],
)
def test_the_jitter_buffer_is_the_participants_own(
    run_story: RunStory, written: str, delay: JitterDelay | None
) -> None:
    async def story(here: World) -> None:
        (one, alice), (_, bob) = await join(here, document(f'beep="false" {written}'), document())
        delays = {each.stream: each.delay for each in room_of(here).people}
        assert delays.pop(here.stream_of(one)) == delay
        assert list(delays.values()) == [None]
        alice.hang_up()
        bob.hang_up()

    run_story(story)
