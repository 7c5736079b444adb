"""The events of a conference: their names, their subscription words, and the parameters of their callbacks."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from msgspec import Struct

from callapi.base.clock import rfc2822
from callapi.base.ids import CallSid
from callapi.calls.parameters import Parameters, present
from callapi.store import ConferenceRecord


class ConferenceStep(StrEnum):
    """`StatusCallbackEvent`."""

    START = "conference-start"
    END = "conference-end"
    JOIN = "participant-join"
    LEAVE = "participant-leave"
    MUTE = "participant-mute"
    UNMUTE = "participant-unmute"
    HOLD = "participant-hold"
    UNHOLD = "participant-unhold"
    MODIFY = "participant-modify"
    SPEECH_START = "participant-speech-start"
    SPEECH_STOP = "participant-speech-stop"
    ANNOUNCEMENT_END = "announcement-end"
    ANNOUNCEMENT_FAIL = "announcement-fail"

    @property
    def word(self) -> str:
        """The word of `statusCallbackEvent` that subscribes to it."""
        return _WORDS[self]


_WORDS: Final = {
    ConferenceStep.START: "start",
    ConferenceStep.END: "end",
    ConferenceStep.JOIN: "join",
    ConferenceStep.LEAVE: "leave",
    ConferenceStep.MUTE: "mute",
    ConferenceStep.UNMUTE: "mute",
    ConferenceStep.HOLD: "hold",
    ConferenceStep.UNHOLD: "hold",
    ConferenceStep.MODIFY: "modify",
    ConferenceStep.SPEECH_START: "speaker",
    ConferenceStep.SPEECH_STOP: "speaker",
    ConferenceStep.ANNOUNCEMENT_END: "announcement",
    ConferenceStep.ANNOUNCEMENT_FAIL: "announcement",
}
SUBSCRIPTION_WORDS: Final = tuple(dict.fromkeys(_WORDS.values()))


class LeaveReason(StrEnum):
    """`ReasonParticipantLeft`."""

    ENDED_VIA_API = "conference_ended_via_api"
    MODERATOR_ENDED = "moderator_ended_conference"
    UPDATED_VIA_API = "participant_updated_via_api"
    HUNG_UP = "participant_hung_up"
    ADD_FAILED = "participant_add_failed"


class EndReason(StrEnum):
    """`ReasonConferenceEnded`."""

    ENDED_VIA_API = "conference-ended-via-api"
    LAST_KICKED = "last-participant-kicked"
    LAST_LEFT = "last-participant-left"
    MODERATOR_KICKED = "participant-with-end-conference-on-exit-kicked"
    MODERATOR_LEFT = "participant-with-end-conference-on-exit-left"

    @property
    def sentence(self) -> str:
        """`Reason`: the same for people."""
        return _SENTENCES[self]


_SENTENCES: Final = {
    EndReason.ENDED_VIA_API: "The conference was ended via API",
    EndReason.LAST_KICKED: "The last participant was kicked",
    EndReason.LAST_LEFT: "The last participant left the conference",
    EndReason.MODERATOR_KICKED: "A participant with endConferenceOnExit was kicked",
    EndReason.MODERATOR_LEFT: "A participant with endConferenceOnExit left the conference",
}


class ParticipantFacts(Struct, frozen=True):
    """One participant, as callbacks and REST show it at one moment."""

    call_sid: CallSid
    label: str | None
    muted: bool
    hold: bool
    coaching: bool
    call_sid_to_coach: CallSid | None
    start_on_enter: bool
    end_on_exit: bool
    is_joined: bool = True


class ConferenceHappening(Struct, frozen=True):
    """One event of a room; what does not belong to its step is None."""

    step: ConferenceStep
    participant: ParticipantFacts | None = None
    leave_reason: LeaveReason | None = None
    call_status: str | None = None
    end_reason: EndReason | None = None
    ended_by: CallSid | None = None
    ended_by_label: str | None = None
    announce_url: str | None = None
    failure: str | None = None


def callback_parameters(
    record: ConferenceRecord, happening: ConferenceHappening, sequence: int, at: datetime
) -> Parameters:
    """The parameters of one conference callback, in the vendor's spelling."""
    who = happening.participant
    end = happening.end_reason
    pairs: tuple[tuple[str, str | int | None], ...] = (
        ("ConferenceSid", record.sid),
        ("FriendlyName", record.friendly_name),
        ("AccountSid", record.account_sid),
        ("SequenceNumber", sequence),
        ("Timestamp", rfc2822(at)),
        ("StatusCallbackEvent", happening.step.value),
        ("AnnounceUrl", happening.announce_url),
        ("ReasonAnnouncementFailed", happening.failure),
        ("ReasonParticipantLeft", happening.leave_reason),
        ("ParticipantCallStatus", happening.call_status),
        ("CallSidEndingConference", happening.ended_by),
        ("ParticipantLabelEndingConference", happening.ended_by_label),
        ("ReasonConferenceEnded", end),
        ("Reason", end.sentence if end else None),
    )
    if who is not None:
        pairs += (
            ("CallSid", who.call_sid),
            ("Muted", _word(who.muted)),
            ("Hold", _word(who.hold)),
            ("Coaching", _word(who.coaching)),
            ("EndConferenceOnExit", _word(who.end_on_exit)),
            ("StartConferenceOnEnter", _word(who.start_on_enter)),
            ("ParticipantLabel", who.label),
        )
    return present(pairs)


def _word(value: bool) -> str:  # noqa: FBT001 - a flag is what it spells
    return "true" if value else "false"
