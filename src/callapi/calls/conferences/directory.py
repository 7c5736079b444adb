"""The conferences of this node: one live room for each name and account."""

import asyncio
import logging
from collections.abc import Callable
from types import TracebackType
from typing import Self

from callapi.base.api_version import API_VERSION
from callapi.base.clock import utc_now
from callapi.base.ids import AccountSid, CallSid, new_conference_sid
from callapi.calls.call import Call
from callapi.calls.conferences.conference import Conference, Seat
from callapi.calls.conferences.events import LeaveReason
from callapi.calls.conferences.machine import RoomMachine, RoomState
from callapi.calls.conferences.options import ParticipantOptions, RoomOptions
from callapi.calls.documents.stories import Story
from callapi.calls.events import CallEnded, ConferenceOpened, EventBus, StatusChanged
from callapi.calls.recording.recordings import Recordings
from callapi.calls.status import CallStatus
from callapi.media import MediaPlane
from callapi.store import ConferenceRecord

log = logging.getLogger(__name__)


class Conferences:
    """Finds, makes and forgets rooms. Leaving the block ends them all."""

    def __init__(
        self,
        plane: MediaPlane,
        bus: EventBus,
        recordings: Recordings,
        node: str,
        find_call: Callable[[CallSid], Call | None],
    ) -> None:
        self._plane = plane
        self._find_call = find_call
        self._bus = bus
        self._recordings = recordings
        self._node = node
        self._rooms: dict[tuple[AccountSid, str], Conference] = {}
        self._called: dict[CallSid, Conference] = {}
        """The rooms that calls are placed for, until those calls end."""
        self._tasks = asyncio.TaskGroup()
        bus.attach(StatusChanged, self._call_moved)
        bus.attach(CallEnded, self._call_ended)

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for room in list(self._rooms.values()):
            room.perform(room.machine.end())
        await self._tasks.__aexit__(kind, error, trace)

    def __len__(self) -> int:
        return len(self._rooms)

    def find(self, account: AccountSid, key: str) -> Conference | None:
        """The live room with that sid or name."""
        by_name = self._rooms.get((account, key))
        return by_name or next(
            (each for each in self._rooms.values() if each.record.sid == key and each.account_sid == account),
            None,
        )

    def join(self, call: Call, name: str, room: RoomOptions, options: ParticipantOptions) -> Seat:
        """A place for `call` in the room `name`, which is made with the options `room` if it does not exist.

        Raises:
            JoinRefused: the room is full, the label is taken, or the coached participant is not there.
        """
        account = call.record.account_sid
        return self._open(account, name, room, call.sid, options).join(call, options)

    def invite(
        self,
        account: AccountSid,
        name: str,
        room: RoomOptions,
        call_sid: CallSid,
        options: ParticipantOptions,
    ) -> Conference:
        """The room `name`, which from now on waits for a call that is being placed. Raises JoinRefused."""
        conference = self._open(account, name, room, call_sid, options)
        conference.perform(conference.machine.invite(call_sid, options))
        self._called[call_sid] = conference
        return conference

    def _call_moved(self, event: StatusChanged) -> None:
        """A called party rings, or has answered."""
        conference = self._called.get(event.call_sid) if self._called else None
        if conference is None:
            return
        if event.status is CallStatus.IN_PROGRESS:
            conference.party_rang(event.call_sid)
        elif event.status is CallStatus.RINGING and (call := self._find_call(event.call_sid)) is not None:
            conference.party_rings(call)

    def _call_ended(self, event: CallEnded) -> None:
        """A call that was to join was never answered, or ended before it joined."""
        conference = self._called.pop(event.call_sid, None)
        if conference is None:
            return
        conference.party_rang(event.call_sid)
        participant = conference.machine.participants.get(event.call_sid)
        if participant is not None and not participant.is_joined:
            conference.leave(event.call_sid, LeaveReason.ADD_FAILED)

    def _open(
        self,
        account: AccountSid,
        name: str,
        options: RoomOptions,
        call_sid: CallSid,
        participant: ParticipantOptions,
    ) -> Conference:
        """The live room, or a new one if `participant` may join it. Raises JoinRefused."""
        if (conference := self._rooms.get((account, name))) is not None:
            return conference
        RoomMachine(options.max_participants).check(call_sid, participant)
        now = utc_now()
        callbacks = options.callbacks
        record = ConferenceRecord(
            sid=new_conference_sid(),
            account_sid=account,
            friendly_name=name,
            status=RoomState.INIT.value,
            date_created=now,
            date_updated=now,
            api_version=API_VERSION,
            node=self._node,
            status_callback=callbacks.url if callbacks else None,
            status_callback_method=callbacks.method if callbacks else None,
            status_callback_events=callbacks.events if callbacks else (),
        )
        conference = Conference(record, options, self._plane, self._bus, self._recordings, self.run_detached)
        self._rooms[account, name] = conference
        self._bus.publish(ConferenceOpened(record, now))
        conference.ended.then(self._forget(account, name))
        return conference

    def _forget(self, account: AccountSid, name: str) -> Callable[[None], None]:
        def forget(_: None) -> None:
            self._rooms.pop((account, name), None)

        return forget

    def run_detached(self, task: Story) -> None:
        """Run bounded work that outlives calls and rooms."""
        self._tasks.create_task(self._run(task))

    async def _run(self, task: Story) -> None:
        try:
            await task()
        except Exception:
            log.exception("detached work of a conference failed")
