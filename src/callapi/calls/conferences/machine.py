"""The rules of one conference room. A machine: no I/O, no clock; what it decides comes back as outputs, in order.

::

    init -> in-progress -> completed          (a room that never started goes from init to completed)

A room starts with at least two participants of whom one has `startConferenceOnEnter`; until then they are not mixed
and hear what `waitUrl` gives. It ends when its last participant leaves, when one with `endConferenceOnExit` leaves,
or over REST. Source: reference, voice features, section 4.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias

from msgspec import Struct

from callapi.base.errors import CallApiError
from callapi.base.ids import CallSid
from callapi.calls.conferences.events import (
    ConferenceHappening,
    ConferenceStep,
    EndReason,
    LeaveReason,
    ParticipantFacts,
)
from callapi.calls.conferences.options import MAX_PARTICIPANTS, ParticipantOptions

LABEL_TAKEN: Final = 16_025
INVALID_COACH: Final = 13_240
ROOM_FULL: Final = 60_080


class RoomState(StrEnum):
    """`status` over REST."""

    INIT = "init"
    IN_PROGRESS = "in-progress"
    COMPLETED = "completed"


class JoinRefused(CallApiError):
    """A participant cannot join; `code` is that of the notification."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(text)
        self.code = code


class Report(Struct, frozen=True):
    """Something happened that callbacks announce."""

    happening: ConferenceHappening


class Enter(Struct, frozen=True):
    """Mix this participant in: it hears the room, and is heard unless `muted`."""

    call_sid: CallSid
    muted: bool


class Withdraw(Struct, frozen=True):
    """Take this participant out of the mix."""

    call_sid: CallSid


class SetMuted(Struct, frozen=True):
    """A participant in the mix is heard, or not any more."""

    call_sid: CallSid
    muted: bool


class SetCoach(Struct, frozen=True):
    """A participant in the mix is heard by `target` alone (None: by no participant); not coaching: by all."""

    call_sid: CallSid
    coaching: bool
    target: CallSid | None


class PlayBeep(Struct, frozen=True):
    """Let the room hear a beep."""


class BeginRecording(Struct, frozen=True):
    """Record the room from now on."""


class Release(Struct, frozen=True):
    """This participant's document goes on."""

    call_sid: CallSid


class Close(Struct, frozen=True):
    """The room is over; nothing follows."""

    reason: EndReason
    ended_by: CallSid | None


Output: TypeAlias = (
    Report | Enter | Withdraw | SetMuted | SetCoach | PlayBeep | BeginRecording | Release | Close
)


@dataclass(slots=True)
class Participant:
    """One participant: invited (its call rings) or joined."""

    call_sid: CallSid
    options: ParticipantOptions
    is_joined: bool
    muted: bool
    end_on_exit: bool
    beeps_on_exit: bool
    coaching: bool
    coach: CallSid | None
    hold: bool = False
    is_mixed: bool = False

    @property
    def facts(self) -> ParticipantFacts:
        """What callbacks and REST show."""
        return ParticipantFacts(
            self.call_sid,
            self.options.label,
            self.muted,
            self.hold,
            self.coaching,
            self.coach,
            self.options.start_on_enter,
            self.end_on_exit,
            self.is_joined,
        )


def _participant(call_sid: CallSid, options: ParticipantOptions, *, is_joined: bool) -> Participant:
    return Participant(
        call_sid,
        options,
        is_joined,
        options.muted,
        options.end_on_exit,
        options.beep.on_exit,
        options.coach is not None,
        options.coach,
    )


@dataclass(slots=True)
class RoomMachine:
    """One room. Every method returns what is to be done, in this order."""

    max_participants: int = MAX_PARTICIPANTS
    records: bool = False
    state: RoomState = RoomState.INIT
    participants: dict[CallSid, Participant] = field(default_factory=dict)

    @property
    def joined(self) -> list[Participant]:
        """Those who are in the room, on hold or not, in the order of their arrival."""
        return [each for each in self.participants.values() if each.is_joined]

    def find(self, key: str) -> Participant | None:
        """A participant by the sid of its call, or by its label."""
        by_sid = self.participants.get(CallSid(key))
        return by_sid or next(
            (each for each in self.participants.values() if each.options.label == key), None
        )

    def invite(self, call_sid: CallSid, options: ParticipantOptions) -> list[Output]:
        """A call is placed that is to join. Raises JoinRefused."""
        self.check(call_sid, options)
        self.participants[call_sid] = _participant(call_sid, options, is_joined=False)
        return []

    def join(self, call_sid: CallSid, options: ParticipantOptions) -> list[Output]:
        """A participant joins. Raises JoinRefused."""
        self.check(call_sid, options)
        self.participants.pop(call_sid, None)
        newcomer = _participant(call_sid, options, is_joined=True)
        self.participants[call_sid] = newcomer
        outputs: list[Output] = [_report(ConferenceStep.JOIN, newcomer)]
        if self.state is RoomState.IN_PROGRESS:
            outputs += self._enter(newcomer)
        elif len(self.joined) > 1 and any(each.options.start_on_enter for each in self.joined):
            outputs += self._start()
        if options.beep.on_enter and newcomer.is_mixed:
            outputs.append(PlayBeep())
        return outputs

    def leave(self, call_sid: CallSid, reason: LeaveReason) -> list[Output]:
        """A participant is gone: it hung up, was kicked or redirected, or was never reached."""
        gone = self.participants.pop(call_sid, None)
        if gone is None or self.state is RoomState.COMPLETED:
            return []
        outputs = self._part(gone, reason)
        was_kicked = reason is LeaveReason.UPDATED_VIA_API
        if gone.end_on_exit and gone.is_joined:
            end = EndReason.MODERATOR_KICKED if was_kicked else EndReason.MODERATOR_LEFT
            return outputs + self._end(end, LeaveReason.MODERATOR_ENDED, gone)
        if not self.participants:
            end = EndReason.LAST_KICKED if was_kicked else EndReason.LAST_LEFT
            return outputs + self._end(end, LeaveReason.MODERATOR_ENDED, gone)
        if gone.beeps_on_exit and gone.is_joined and self.state is RoomState.IN_PROGRESS:
            outputs.append(PlayBeep())
        for coach in self.joined:
            if coach.coach == call_sid and coach.is_mixed:
                # Never heard by all because the one who was coached left: that one's customer may be listening.
                outputs.append(SetCoach(coach.call_sid, coaching=True, target=None))
        return outputs

    def end(self) -> list[Output]:
        """The room is ended over REST."""
        if self.state is RoomState.COMPLETED:
            return []
        return self._end(EndReason.ENDED_VIA_API, LeaveReason.ENDED_VIA_API, None)

    def mute(self, call_sid: CallSid, *, muted: bool) -> list[Output]:
        """A participant is muted, or heard again."""
        participant = self.participants[call_sid]
        if participant.muted is muted:
            return []
        participant.muted = muted
        outputs: list[Output] = [SetMuted(call_sid, muted)] if participant.is_mixed else []
        step = ConferenceStep.MUTE if muted else ConferenceStep.UNMUTE
        return [*outputs, _report(step, participant)]

    def hold(self, call_sid: CallSid, *, hold: bool) -> list[Output]:
        """A participant is put on hold, out of the mix, or comes back."""
        participant = self.participants[call_sid]
        if participant.hold is hold:
            return []
        participant.hold = hold
        outputs: list[Output] = []
        if hold and participant.is_mixed:
            participant.is_mixed = False
            outputs.append(Withdraw(call_sid))
        elif not hold and self.state is RoomState.IN_PROGRESS and participant.is_joined:
            outputs += self._enter(participant)
        step = ConferenceStep.HOLD if hold else ConferenceStep.UNHOLD
        return [*outputs, _report(step, participant)]

    def modify(
        self,
        call_sid: CallSid,
        *,
        end_on_exit: bool | None = None,
        beeps_on_exit: bool | None = None,
        coaching: bool | None = None,
        coach: CallSid | None = None,
    ) -> list[Output]:
        """Change what a participant may do; None leaves it as it is. Raises JoinRefused for a bad `coach`."""
        participant = self.participants[call_sid]
        before = participant.facts
        if coaching is not None or coach is not None:
            wants = coaching if coaching is not None else True
            target = (coach or participant.coach) if wants else None
            if wants:
                self._check_coach(call_sid, target)
            participant.coaching, participant.coach = wants, target
        if end_on_exit is not None:
            participant.end_on_exit = end_on_exit
        if beeps_on_exit is not None:
            participant.beeps_on_exit = beeps_on_exit
        if participant.facts == before:
            return []
        outputs: list[Output] = []
        if participant.is_mixed and (participant.coaching, participant.coach) != (
            before.coaching,
            before.call_sid_to_coach,
        ):
            outputs.append(SetCoach(call_sid, coaching=participant.coaching, target=participant.coach))
        return [*outputs, _report(ConferenceStep.MODIFY, participant)]

    def speech(self, call_sid: CallSid, *, is_speaking: bool) -> list[Output]:
        """A participant began or ceased to speak."""
        participant = self.participants.get(call_sid)
        if participant is None or self.state is not RoomState.IN_PROGRESS:
            return []
        step = ConferenceStep.SPEECH_START if is_speaking else ConferenceStep.SPEECH_STOP
        return [_report(step, participant)]

    def announced(self, url: str, call_sid: CallSid | None, failure: str | None) -> list[Output]:
        """An announcement to the room, or to one participant, is over; `failure` says why it was not heard."""
        if self.state is RoomState.COMPLETED:
            return []
        step = ConferenceStep.ANNOUNCEMENT_FAIL if failure else ConferenceStep.ANNOUNCEMENT_END
        participant = self.participants.get(call_sid) if call_sid else None
        facts = participant.facts if participant else None
        return [Report(ConferenceHappening(step, facts, announce_url=url, failure=failure))]

    def check(self, call_sid: CallSid | None, options: ParticipantOptions) -> None:
        """Whether a participant may join; `call_sid` None: one that is not there yet. Raises JoinRefused."""
        others = [each for each in self.participants.values() if each.call_sid != call_sid]
        if len(others) >= self.max_participants:
            raise JoinRefused(ROOM_FULL, f"the conference is full ({self.max_participants} participants)")
        if options.label is not None and any(each.options.label == options.label for each in others):
            raise JoinRefused(LABEL_TAKEN, f"the participant label {options.label!r} is taken")
        if options.coach is not None:
            self._check_coach(call_sid, options.coach)

    def _check_coach(self, call_sid: CallSid | None, target: CallSid | None) -> None:
        coached = self.participants.get(target) if target else None
        if coached is None or not coached.is_joined or target == call_sid:
            raise JoinRefused(INVALID_COACH, f"{target} is not another participant of the conference")

    def _start(self) -> list[Output]:
        self.state = RoomState.IN_PROGRESS
        outputs: list[Output] = [Report(ConferenceHappening(ConferenceStep.START))]
        for each in self.joined:
            outputs += self._enter(each)
        if self.records:
            outputs.append(BeginRecording())
        return outputs

    def _enter(self, participant: Participant) -> list[Output]:
        if participant.hold:
            return []
        participant.is_mixed = True
        outputs: list[Output] = [Enter(participant.call_sid, participant.muted)]
        if participant.coaching:
            target = participant.coach if participant.coach in self.participants else None
            outputs.append(SetCoach(participant.call_sid, coaching=True, target=target))
        return outputs

    def _part(self, participant: Participant, reason: LeaveReason) -> list[Output]:
        outputs: list[Output] = []
        if participant.is_mixed:
            participant.is_mixed = False
            outputs.append(Withdraw(participant.call_sid))
        outputs.append(_report(ConferenceStep.LEAVE, participant, reason))
        if reason is not LeaveReason.ADD_FAILED:
            outputs.append(Release(participant.call_sid))
        return outputs

    def _end(self, reason: EndReason, leave: LeaveReason, by: Participant | None) -> list[Output]:
        self.state = RoomState.COMPLETED
        outputs: list[Output] = []
        for each in list(self.participants.values()):
            if each.is_joined:
                outputs += self._part(each, leave)
        self.participants.clear()
        happening = ConferenceHappening(
            ConferenceStep.END,
            end_reason=reason,
            ended_by=by.call_sid if by else None,
            ended_by_label=by.options.label if by else None,
        )
        return [*outputs, Report(happening), Close(reason, happening.ended_by)]


def _report(step: ConferenceStep, participant: Participant, leave: LeaveReason | None = None) -> Report:
    return Report(ConferenceHappening(step, participant.facts, leave))
