"""What REST may do to live conferences and their participants."""

from collections.abc import Coroutine
from datetime import datetime
from typing import Any, Final, Protocol

from msgspec import Struct

from callapi.base.errors import CallApiError
from callapi.base.ids import AccountSid, CallSid, ConferenceSid
from callapi.calls.call import Call
from callapi.calls.conferences.conference import Conference
from callapi.calls.conferences.directory import Conferences
from callapi.calls.conferences.events import LeaveReason
from callapi.calls.conferences.machine import Participant
from callapi.calls.conferences.options import HeldAudio, ParticipantOptions, RoomOptions
from callapi.calls.documents.document import DocumentRequest
from callapi.store import ConferenceRecord

_STATUSES: Final = {"queued": "queued", "initiated": "connecting", "ringing": "ringing"}


class ParticipantUnknown(CallApiError):
    """The room is not live on this node, or has no such participant."""


class ParticipantView(Struct, frozen=True):
    """A participant as REST shows it. `status`: queued, connecting, ringing or connected."""

    account_sid: AccountSid
    call_sid: CallSid
    conference_sid: ConferenceSid
    label: str | None
    muted: bool
    hold: bool
    coaching: bool
    call_sid_to_coach: CallSid | None
    start_conference_on_enter: bool
    end_conference_on_exit: bool
    status: str
    date_created: datetime
    date_updated: datetime
    queue_time: int | None = None

    @property
    def sid(self) -> CallSid:
        """What lists are read by."""
        return self.call_sid


class ParticipantChanges(Struct, frozen=True):
    """What an update asks for; None leaves it as it is."""

    muted: bool | None = None
    hold: bool | None = None
    hold_audio: HeldAudio = HeldAudio(method="GET")
    announce: DocumentRequest | None = None
    wait: HeldAudio | None = None
    beep_on_exit: bool | None = None
    end_on_exit: bool | None = None
    coaching: bool | None = None
    call_sid_to_coach: CallSid | None = None


class LiveDirectory(Protocol):
    """Finds live calls: `LiveCalls`."""

    def get(self, sid: CallSid) -> Call | None:
        """The live call of that sid."""
        ...


class Announcer(Protocol):
    """Plays announcements: implemented by `verbs/announcing`, handed in by `node/`."""

    def __call__(
        self, call: Call, request: DocumentRequest, room: Conference | None
    ) -> Coroutine[Any, Any, str | None]:
        """Let `room`, else `call` alone, hear the document; why it could not be played, None if it was."""
        ...


class ConferenceControl:
    """Commands for the conferences of this node."""

    def __init__(self, conferences: Conferences, live: LiveDirectory, announce: Announcer) -> None:
        self._conferences = conferences
        self._live = live
        self._announce = announce

    def participants(self, account: AccountSid, key: str) -> tuple[ParticipantView, ...]:
        """The participants of a live room, by its sid or name; none if it is not live."""
        conference = self._conferences.find(account, key)
        if conference is None:
            return ()
        return tuple(self._view(conference, each) for each in conference.machine.participants.values())

    def sid_of(self, account: AccountSid, key: str) -> ConferenceSid | None:
        """The sid of the live room with that sid or name."""
        conference = self._conferences.find(account, key)
        return conference.record.sid if conference else None

    def participant(self, account: AccountSid, key: str, who: str) -> ParticipantView:
        """One participant, by the sid of its call or its label. Raises ParticipantUnknown."""
        conference, participant = self._find(account, key, who)
        return self._view(conference, participant)

    def end(self, account: AccountSid, key: str) -> ConferenceRecord | None:
        """End a live room; its record, None if it is not live."""
        conference = self._conferences.find(account, key)
        if conference is None:
            return None
        invited = [each for each in conference.machine.participants.values() if not each.is_joined]
        conference.perform(conference.machine.end())
        for each in invited:
            self._hang_up(each.call_sid)
        return conference.record

    def announce(self, account: AccountSid, key: str, request: DocumentRequest) -> ConferenceRecord | None:
        """Let everybody in a live room hear a document; its record, None if it is not live."""
        conference = self._conferences.find(account, key)
        if conference is None:
            return None
        seat = next(iter(conference.seats.values()), None)
        if seat is not None:
            self._play(conference, seat.call, request, to_all=True)
        return conference.record

    def invite(
        self,
        account: AccountSid,
        name: str,
        room: RoomOptions,
        call_sid: CallSid,
        options: ParticipantOptions,
    ) -> ParticipantView:
        """A call that is being placed will join the room `name`, which exists from now on. Raises JoinRefused."""
        conference = self._conferences.invite(account, name, room, call_sid, options)
        return self._view(conference, conference.machine.participants[call_sid])

    def check(self, account: AccountSid, key: str, options: ParticipantOptions) -> str:
        """The name of the room behind `key`, which `options` may join. Raises JoinRefused."""
        conference = self._conferences.find(account, key)
        if conference is None:
            return key
        conference.machine.check(None, options)
        return conference.record.friendly_name

    def update(self, account: AccountSid, key: str, who: str, changes: ParticipantChanges) -> ParticipantView:
        """Change a participant.

        Raises:
            ParticipantUnknown: there is none.
            JoinRefused: it cannot coach that call.
        """
        conference, participant = self._find(account, key, who)
        sid, machine = participant.call_sid, conference.machine
        conference.perform(
            machine.modify(
                sid,
                end_on_exit=changes.end_on_exit,
                beeps_on_exit=changes.beep_on_exit,
                coaching=changes.coaching,
                coach=changes.call_sid_to_coach,
            )
        )
        if changes.muted is not None:
            conference.perform(machine.mute(sid, muted=changes.muted))
        if changes.wait is not None:
            conference.wait_with(sid, changes.wait)
        if changes.hold is not None:
            conference.hold(sid, changes.hold_audio, hold=changes.hold)
        seat = conference.seats.get(sid)
        if changes.announce is not None and seat is not None:
            self._play(conference, seat.call, changes.announce, to_all=False)
        return self._view(conference, participant)

    def kick(self, account: AccountSid, key: str, who: str) -> None:
        """Take a participant out of the room: its document goes on. Raises ParticipantUnknown."""
        conference, participant = self._find(account, key, who)
        if participant.is_joined:
            conference.leave(participant.call_sid, LeaveReason.UPDATED_VIA_API)
        else:
            conference.leave(participant.call_sid, LeaveReason.ADD_FAILED)
            self._hang_up(participant.call_sid)

    def _play(self, conference: Conference, call: Call, request: DocumentRequest, *, to_all: bool) -> None:
        async def play() -> None:
            failure = await self._announce(call, request, conference if to_all else None)
            who = None if to_all else call.sid
            conference.perform(conference.machine.announced(request.url, who, failure))

        conference.run_detached(play)

    def _hang_up(self, sid: CallSid) -> None:
        if (call := self._live.get(sid)) is not None:
            call.hang_up("the conference participant was removed over REST")

    def _find(self, account: AccountSid, key: str, who: str) -> tuple[Conference, Participant]:
        conference = self._conferences.find(account, key)
        participant = conference.machine.find(who) if conference else None
        if conference is None or participant is None:
            raise ParticipantUnknown(f"{who} is not in the conference {key}")
        return conference, participant

    def _view(self, conference: Conference, participant: Participant) -> ParticipantView:
        facts = participant.facts
        call = self._live.get(facts.call_sid)
        status = _STATUSES.get(call.record.status, "connected") if call else "queued"
        return ParticipantView(
            account_sid=conference.account_sid,
            call_sid=facts.call_sid,
            conference_sid=conference.record.sid,
            label=facts.label,
            muted=facts.muted,
            hold=facts.hold,
            coaching=facts.coaching,
            call_sid_to_coach=facts.call_sid_to_coach,
            start_conference_on_enter=facts.start_on_enter,
            end_conference_on_exit=facts.end_on_exit,
            status="connected" if facts.is_joined else status,
            date_created=call.record.date_created if call else conference.record.date_created,
            date_updated=conference.record.date_updated,
        )
