"""One live conference: performs what `machine` decides, on the mixer, the records and the callbacks.

Nothing here waits: a participant's own story (`verbs/dial/conference`) plays what is heard outside the room, and parts
from the room when it ends.
"""

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Final, assert_never

import numpy as np
from msgspec.structs import replace

from callapi.base.clock import utc_now
from callapi.base.ids import AccountSid, CallSid
from callapi.base.later import imported
from callapi.base.notifier import Notifier
from callapi.calls.bridges.joined import InConference
from callapi.calls.call import Call
from callapi.calls.conferences.early_media import EarlyMedia
from callapi.calls.conferences.events import ConferenceHappening, LeaveReason
from callapi.calls.conferences.machine import (
    BeginRecording,
    Close,
    Enter,
    Output,
    PlayBeep,
    Release,
    Report,
    RoomMachine,
    RoomState,
    SetCoach,
    SetMuted,
    Withdraw,
)
from callapi.calls.conferences.options import HeldAudio, ParticipantOptions, RoomOptions
from callapi.calls.conferences.reports import reported
from callapi.calls.documents.stories import Story
from callapi.calls.events import ConferenceChanged, EventBus
from callapi.calls.one_shot import OneShot
from callapi.calls.recording.recordings import ActiveRecording, Recordings
from callapi.media import (
    MediaPlane,
    Playback,
    Prompt,
    Recording,
    RecordOptions,
    Room,
    RoomMember,
    SpeakingStarted,
    StreamClosed,
)
from callapi.store import ConferenceRecord

BEEP_HZ: Final = 440
BEEP_S: Final = 0.2
_RATE: Final = 16_000


def beep() -> Prompt:
    """The tone that announces an arrival or a leaving."""
    time = np.arange(int(_RATE * BEEP_S)) / _RATE
    fade = np.minimum(1.0, np.minimum(time, BEEP_S - time) * 100)
    return Prompt((np.sin(2 * np.pi * BEEP_HZ * time) * fade * 6000).astype(np.int16), _RATE)


class Activity(Enum):
    """What a participant hears at the moment."""

    WAITING = "waiting"
    ON_HOLD = "on hold"
    IN_ROOM = "in the room"


class Seat:
    """One participant's place in a room, from its arrival to its leaving."""

    __slots__ = ("_conference", "activity", "call", "changed", "held", "options", "place", "released")

    def __init__(self, conference: "Conference", call: Call, options: ParticipantOptions) -> None:
        self._conference = conference
        self.call = call
        self.options = options
        self.place: RoomMember | None = None
        """In the room of the media plane, while it hears that."""
        self.activity = Activity.WAITING
        self.held = options.wait
        """What is heard outside the room."""
        self.changed = Notifier()
        """Rings when `activity` or `held` is another."""
        self.released: OneShot[None] = OneShot()
        """Its document is to go on: it was kicked, or the room is over."""

    @property
    def conference(self) -> "Conference":
        """The room."""
        return self._conference

    def leave(self, reason: LeaveReason) -> None:
        """Part from the room. Idempotent."""
        self._conference.leave(self.call.sid, reason)


class Conference:
    """A live room. Made by `Conferences`, which forgets it once it is over."""

    def __init__(
        self,
        record: ConferenceRecord,
        options: RoomOptions,
        plane: MediaPlane,
        bus: EventBus,
        recordings: Recordings,
        run_detached: Callable[[Story], None],
    ) -> None:
        self.record = record
        self.options = options
        self._plane = plane
        self._room: Room | None = None
        """Opened when the first participants are mixed: one who waits alone needs none."""
        self._announcement: Playback | None = None
        self.machine = RoomMachine(options.max_participants, options.record)
        self.seats: dict[CallSid, Seat] = {}
        self.ended: OneShot[None] = OneShot()
        self._bus = bus
        self._recordings = recordings
        self.run_detached = run_detached
        """Runs what outlives every participant's call."""
        self._recording: ActiveRecording | None = None
        self._early = EarlyMedia()

    @property
    def account_sid(self) -> AccountSid:
        """The account that the room belongs to."""
        return self.record.account_sid

    @property
    def room(self) -> Room:
        """The room of the media plane."""
        if self._room is None:
            self._room = self._plane.open_room()
            if self.options.callbacks is not None and "speaker" in self.options.callbacks.events:
                self.run_detached(self._listen)
        return self._room

    def announce(self, audio: Prompt, *, loop: int = 1) -> Playback:
        """Let all who are mixed hear `audio`."""
        self._announcement = self.room.announce(audio, loop=loop)
        return self._announcement

    def play(self, audio: Prompt, *, loop: int = 1) -> Playback:
        """As `announce`: a conference is where the prompts of an announcement are heard."""
        return self.announce(audio, loop=loop)

    def join(self, call: Call, options: ParticipantOptions) -> Seat:
        """A place for `call`. Raises JoinRefused."""
        seat = Seat(self, call, options)
        before = self.seats.get(call.sid)
        self.seats[call.sid] = seat
        call.join(InConference(self.record.sid, self.record.friendly_name))
        try:
            self.perform(self.machine.join(call.sid, options))
        except BaseException:
            call.part()
            if before is None:
                del self.seats[call.sid]
            else:
                self.seats[call.sid] = before
            raise
        self._seat_who_waits()
        return seat

    def party_rings(self, call: Call) -> None:
        """A party that is called into the room rings: those who are in it hear that, if REST asks for early media."""
        participant = self.machine.participants.get(call.sid)
        if participant is not None and not participant.is_joined and participant.options.early_media:
            self._early.begin(call, self.room)
            self._seat_who_waits()

    def party_rang(self, call_sid: CallSid) -> None:
        """The party has answered, or its call is over."""
        self._early.end(call_sid)
        self._seat_who_waits()

    def leave(self, call_sid: CallSid, reason: LeaveReason) -> None:
        """The participant is gone."""
        self.perform(self.machine.leave(call_sid, reason))

    def hold(self, call_sid: CallSid, audio: HeldAudio, *, hold: bool) -> None:
        """Put a participant on hold with `audio`, or take it back."""
        seat = self.seats.get(call_sid)
        if seat is not None and hold:
            seat.held = audio
        outputs = self.machine.hold(call_sid, hold=hold)
        if seat is not None and not hold:
            seat.held = seat.options.wait
        self.perform(outputs)
        self._seat_who_waits()
        if seat is not None:
            self._settle(seat)

    def wait_with(self, call_sid: CallSid, audio: HeldAudio) -> None:
        """Change what a participant hears until the room starts."""
        seat = self.seats.get(call_sid)
        if seat is not None:
            seat.options = replace(seat.options, wait=audio)
            if seat.activity is Activity.WAITING:
                seat.held = audio
                seat.changed.ring()

    def perform(self, outputs: list[Output]) -> None:
        """Do what the machine has decided."""
        for output in outputs:
            self._perform(output)

    def _perform(self, output: Output) -> None:
        match output:
            case Report(happening):
                self._report(happening)
            case Enter(sid, muted):
                self._enter(self.seats[sid], muted=muted)
            case Withdraw(sid):
                self._withdraw(self.seats[sid])
            case SetMuted(sid, muted):
                self._set_muted(sid, muted=muted)
            case SetCoach(sid, _, target):
                coached = self.seats.get(target) if target else None
                self._place(sid).coach(coached.place if coached else None)
                self._set_muted(sid, muted=self.machine.participants[sid].muted)
            case PlayBeep():
                self.run_detached(self._beep)
            case BeginRecording():
                self._record()
            case Release(sid):
                self._release(sid)
            case Close():
                self._close()
            case _:
                assert_never(output)

    async def _beep(self) -> None:
        """A beep; never in place of an announcement that is being heard."""
        await imported("numpy")
        if self._announcement is not None:
            await self._announcement.ended()
        if not self.ended.is_set and self._room is not None:
            await self._room.announce(beep()).ended()

    def _set_muted(self, sid: CallSid, *, muted: bool) -> None:
        """A coach is heard by the one who is coached, and by no participant while that one is not in the mix."""
        participant = self.machine.participants[sid]
        coached = self.seats.get(participant.coach) if participant.coach else None
        has_listener = not participant.coaching or (coached is not None and coached.place is not None)
        self._place(sid).mute(muted or not has_listener)

    def _place(self, sid: CallSid) -> RoomMember:
        place = self.seats[sid].place
        assert place is not None, "the machine addresses participants in the mix alone"  # noqa: S101
        return place

    def _enter(self, seat: Seat, *, muted: bool) -> None:
        if seat.place is None:
            self._place_in_room(seat, muted=muted)
        else:
            seat.place.mute(muted)
        self._recheck_coaches(seat.call.sid)

    def _place_in_room(self, seat: Seat, *, muted: bool) -> None:
        seat.activity = Activity.IN_ROOM
        seat.changed.ring()
        delay = seat.options.jitter_delay
        seat.place = self.room.join(seat.call.leg.stream, muted=muted, delay=delay)

    def _withdraw(self, seat: Seat) -> None:
        if seat.place is not None:
            seat.place.leave()
            seat.place = None
        self._recheck_coaches(seat.call.sid)
        self._settle(seat)

    def _seat_who_waits(self) -> None:
        """Let participants that wait for the room to start hear a called party ring, in place of what they wait with.

        Those without `startConferenceOnEnter` are not waiting for that party, and hear nothing of it.
        """
        if self.machine.state is not RoomState.INIT:
            return
        for participant in self.machine.joined:
            seat = self.seats[participant.call_sid]
            is_listening = bool(self._early) and not participant.hold and participant.options.start_on_enter
            if is_listening and seat.place is None:
                self._place_in_room(seat, muted=True)
            elif not is_listening and seat.place is not None:
                self._withdraw(seat)

    def _recheck_coaches(self, coached: CallSid) -> None:
        """The one who is coached entered the mix or left it (hold): only then is its coach heard."""
        for each in self.machine.participants.values():
            seat = self.seats.get(each.call_sid)
            if each.coach == coached and each.is_mixed and seat is not None and seat.place is not None:
                seat.place.coach(self.seats[coached].place)
                self._set_muted(each.call_sid, muted=each.muted)

    def _settle(self, seat: Seat) -> None:
        """What the participant hears follows from where it is."""
        participant = self.machine.participants.get(seat.call.sid)
        if seat.place is not None:
            seat.activity = Activity.IN_ROOM
        elif participant is not None and participant.hold:
            seat.activity = Activity.ON_HOLD
        else:
            seat.activity = Activity.WAITING
        seat.changed.ring()

    def _release(self, sid: CallSid) -> None:
        seat = self.seats.pop(sid)
        if seat.place is not None:
            seat.place.leave()
            seat.place = None
        seat.call.part()
        seat.released.set(None)

    def _record(self) -> None:
        first = next(iter(self.seats.values())).call
        options = RecordOptions(trim=self.options.trim)
        self._recording = self._recordings.start(
            _RecordedRoom(self, first),
            "Conference",
            options,
            self.options.recording_callback,
            self.record.sid,
        )

    def _close(self) -> None:
        if self._recording is not None:
            self._recording.stop()
        if self._room is not None:
            self._room.close()
        self.ended.set(None)

    async def _listen(self) -> None:
        """Report who speaks, for as long as the room is open."""
        try:
            while True:
                event = await self.room.next_event()
                seats = self.seats.values()
                sid = next(
                    (
                        each.call.sid
                        for each in seats
                        if each.place and each.place.member_id == event.member_id
                    ),
                    None,
                )
                if sid is not None:
                    self.perform(self.machine.speech(sid, is_speaking=isinstance(event, SpeakingStarted)))
        except StreamClosed:
            return

    def _report(self, happening: ConferenceHappening) -> None:
        now = utc_now()
        who = happening.participant
        if happening.leave_reason is not None and who is not None:
            seat = self.seats.get(who.call_sid)
            status = seat.call.record.status if seat is not None else None
            happening = replace(happening, call_status=status)
        record = replace(
            self.record,
            status=self.machine.state.value,
            date_updated=now,
            reason_conference_ended=happening.end_reason,
            call_sid_ending_conference=happening.ended_by,
        )
        record, row = reported(record, happening, now)
        self.record = record
        self._bus.publish(ConferenceChanged(record, now, happening, row))


class _RecordedRoom:
    """The room as the source of a recording, in the name of the participant whose arrival started it."""

    def __init__(self, conference: Conference, call: Call) -> None:
        self._conference = conference
        self._call = call
        self.record = call.record
        self.ended = conference.ended
        self.notify = call.notify

    def start_recording(self, path: Path, options: RecordOptions) -> Recording:
        """As `Recordable`."""
        return self._conference.room.record(path, options)

    def run_detached(self, task: Story) -> None:
        """As `Recordable`: the conference may outlive the call that started the recording."""
        self._conference.run_detached(task)
