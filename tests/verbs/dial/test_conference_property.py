"""Any coming and going in rooms ends well.

Whatever callers, applications and REST do, and in which order: the events of a room are numbered without a gap, each
arrival has one leave, the end comes once and last, a room is over with its last participant, each document goes on
once, and no port, room, recording or task is left.
"""

import asyncio
import tempfile
from collections import Counter
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from random import Random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callapi.calls.call import Call
from callapi.calls.conferences.control import ConferenceControl, ParticipantChanges, ParticipantUnknown
from callapi.calls.conferences.machine import JoinRefused, RoomState
from callapi.calls.conferences.options import HeldAudio
from callapi.calls.documents.document import DocumentRequest
from callapi.media.plane.fake import FakeStream
from callapi.verbs.announcing import Announcements
from tests.verbs.world import ACCOUNT, Phone, World, world
from tests.virtual_time import run

ROOMS = ("north", "south")
ROOM = (
    '<Response><Dial action="/after" hangupOnStar="true" timeLimit="{limit}"><Conference statusCallback="/room"'
    ' statusCallbackEvent="start end join leave mute hold modify speaker announcement" {more}>{name}'
    "</Conference></Dial></Response>"
)
PAGES = {
    "/after": "<Response><Hangup/></Response>",
    "/wait": '<Response><Pause length="1"/></Response>',
    "/elsewhere": '<Response><Pause length="1"/></Response>',
    "/announce": '<Response><Pause length="1"/></Response>',
}


@dataclass(frozen=True)
class Step:
    """Something that happens to participant `who`, and how long nothing happens after it."""

    what: str
    who: int
    room: str
    more: str
    after_s: float


WHAT = [
    *["join"] * 5,
    *["hang up"] * 3,
    *("kick", "mute", "unmute", "hold", "hold silently", "take back", "coach", "no coach", "end on exit"),
    *("wait", "announce", "announce to one", "speak", "star", "redirect", "end"),
]
ATTRIBUTES = [
    'beep="false"',
    'beep="true"',
    'startConferenceOnEnter="false" waitUrl="/wait"',
    'endConferenceOnExit="true"',
    'participantLabel="host"',
    'maxParticipants="3"',
    'record="record-from-start" recordingStatusCallback="/recorded"',
    'muted="true" waitUrl=""',
]
steps = st.builds(
    Step,
    what=st.sampled_from(WHAT),
    who=st.integers(0, 30),
    room=st.sampled_from(ROOMS),
    more=st.sampled_from(ATTRIBUTES),
    after_s=st.sampled_from([0.0, 0.0, 0.0, 0.05, 1.0, 5.0]),
)


class Crowd:
    """Callers of one world and the REST interface that they are moved by."""

    def __init__(self, here: World) -> None:
        self.here = here
        self.callers: list[tuple[Call, Phone]] = []
        here.application.documents |= PAGES
        self._control = ConferenceControl(here.services.conferences, here.live, Announcements(here.services))

    async def act(self, step: Step) -> None:
        """Make one step happen, if it can happen now."""
        if step.what == "join":
            limit = 7 if step.who % 5 == 0 else 100
            document = ROOM.format(limit=limit, more=step.more, name=step.room)
            self.callers.append(self.here.caller(document, f"/voice/{len(self.callers)}"))
        elif step.what == "end":
            self._control.end(ACCOUNT, step.room)
        elif step.what == "announce":
            self._control.announce(ACCOUNT, step.room, DocumentRequest("http://app/announce"))
        elif alive := [each for each in self.callers if not each[0].ended.is_set]:
            self._move(step, *alive[step.who % len(alive)])
        await asyncio.sleep(step.after_s)

    def _move(self, step: Step, call: Call, phone: Phone) -> None:
        match step.what:
            case "hang up":
                phone.hang_up()
            case "star":
                self.here.stream_of(call).press("*")
            case "redirect":
                call.redirect(partial(self.here.script, call, DocumentRequest("http://app/elsewhere")))
            case "speak":
                self._speak(call)
            case _:
                self._command(step, call)

    def _speak(self, call: Call) -> None:
        for room in self.here.plane.rooms:
            for member in room.people:
                if member.stream is call.leg.stream:
                    member.speak()
                    member.speak(speaking=False)

    def _command(self, step: Step, call: Call) -> None:
        other = self.callers[(step.who * 7 + 3) % len(self.callers)][0].sid
        changes = {
            "mute": ParticipantChanges(muted=True),
            "unmute": ParticipantChanges(muted=False),
            "hold": ParticipantChanges(hold=True),
            "hold silently": ParticipantChanges(hold=True, hold_audio=HeldAudio("")),
            "take back": ParticipantChanges(hold=False),
            "coach": ParticipantChanges(coaching=True, call_sid_to_coach=other),
            "no coach": ParticipantChanges(coaching=False),
            "end on exit": ParticipantChanges(end_on_exit=True),
            "wait": ParticipantChanges(wait=HeldAudio("http://app/wait")),
            "announce to one": ParticipantChanges(announce=DocumentRequest("http://app/announce")),
        }
        for room in ROOMS:
            try:
                if step.what == "kick":
                    self._control.kick(ACCOUNT, room, call.sid)
                else:
                    self._control.update(ACCOUNT, room, call.sid, changes[step.what])
            except (ParticipantUnknown, JoinRefused):
                continue

    def check(self) -> None:
        """What holds at every moment: no live room without participants, and the mixer has whom the rules mix."""
        streams: list[FakeStream] = []
        for name in ROOMS:
            conference = self.here.services.conferences.find(ACCOUNT, name)
            if conference is not None:
                assert conference.machine.participants
                assert conference.machine.state is not RoomState.COMPLETED
                mixed = {each.call_sid for each in conference.machine.joined if each.is_mixed}
                assert {sid for sid, seat in conference.seats.items() if seat.place} == mixed
                streams += [self.here.stream_of(conference.seats[sid].call) for sid in mixed]
        placed = [each.stream for room in self.here.plane.rooms for each in room.people if not room.is_closed]
        assert {id(each) for each in placed} == {id(each) for each in streams}
        assert len(placed) == len(streams)


def judge(here: World) -> None:
    """The callbacks of every room, and the documents of every caller."""
    reported = here.book.reported("/room")
    joined: Counter[str] = Counter()
    for room in here.book.conferences.values():
        own = [each for each in reported if each["ConferenceSid"] == room.sid]
        assert [each["SequenceNumber"] for each in own] == [str(n) for n in range(1, len(own) + 1)]
        names = [each["StatusCallbackEvent"] for each in own]
        assert room.status == "completed"
        assert names.count("conference-start") <= 1
        assert names.count("conference-end") == 1
        assert names[-1] == "conference-end"
        own_of = sorted((each for each in own if "CallSid" in each), key=lambda each: each["CallSid"])
        for sid, mine in groupby(own_of, key=lambda each: each["CallSid"]):
            steps = [each["StatusCallbackEvent"] for each in mine]
            assert (steps[0], steps[-1]) == ("participant-join", "participant-leave")
            assert steps.count("participant-join") == steps.count("participant-leave") == 1
            joined[sid] += 1
    assert set(joined.values()) <= {1}
    asked = Counter(each["CallSid"] for each in here.application.asked("/after"))
    assert set(asked.values()) <= {1}
    assert set(joined) <= set(asked)
    for recording in here.book.recordings.values():
        assert recording.status in {"completed", "absent"}
    finals = [each["RecordingSid"] for each in here.book.reported("/recorded")]
    assert sorted(finals) == sorted(here.book.recordings)


async def whole(folder: Path, story: list[Step]) -> int:
    """The story in a world of its own; how many callers came."""
    async with world(folder) as here:
        crowd = Crowd(here)
        for step in story:
            await crowd.act(step)
            crowd.check()
        async with asyncio.timeout(300):
            await here.live.empty.wait()
        await asyncio.sleep(1)
        here.assert_nothing_left()
        judge(here)
        came = len(crowd.callers)
    assert len(asyncio.all_tasks()) == 1
    return came


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, max_size=40))
def test_any_coming_and_going_ends_well(story: list[Step]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        run(whole(Path(folder), story))


def test_a_hundred_come_and_go_at_random_for_a_minute(tmp_path: Path) -> None:
    """A hundred callers, and whatever may happen to them, ten steps a second."""
    random = Random(16)

    def step() -> Step:
        what = random.choice([*WHAT, *["join"] * 4])
        return Step(what, random.randrange(100), random.choice(ROOMS), random.choice(ATTRIBUTES), 0.1)

    assert run(whole(tmp_path, [step() for _ in range(600)])) >= 100
