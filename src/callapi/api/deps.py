"""What the room needs of the rest of the node; `node/` fills it."""

from collections.abc import Awaitable, Callable, Sequence
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from msgspec import Struct

from callapi.api.feed.listening import ListenersPort
from callapi.api.feed.live_feed import Feed
from callapi.api.requests.sessions import Sessions
from callapi.base.ice_servers import IceServer
from callapi.base.ids import AccountSid, CallSid, ConferenceSid
from callapi.calls.commands import CreateCall, ModifyCall
from callapi.calls.conferences.control import ParticipantChanges, ParticipantView
from callapi.calls.conferences.options import ParticipantOptions, RoomOptions
from callapi.calls.documents.document import DocumentRequest
from callapi.calls.queues.control import MemberView, QueueFigures
from callapi.calls.recording.commands import RecordingChange
from callapi.calls.recording.recordings import Recorded, RecordingCallback
from callapi.calls.streaming.request import StreamRecord, StreamRequest
from callapi.calls.transcribing.request import TranscriptionRecord, TranscriptionRequest
from callapi.media import RecordOptions
from callapi.store import CallRecord, ConferenceRecord, EventRecord, QueueRecord, RecordingRecord, Store


class Health(StrEnum):
    """Whether the node takes calls."""

    READY = "ready"
    DRAINING = "draining"


class CallPlacing(Protocol):
    """Places calls: `calls.placing.outbound.Outbound`."""

    async def create_call(self, account: AccountSid, command: CreateCall) -> CallRecord:
        """Place a call. Raises NotPlaceable, Overloaded."""
        ...


class CallCommands(Protocol):
    """Commands live and queued calls: `calls.control.CallControl`."""

    async def modify_call(self, sid: CallSid, command: ModifyCall) -> CallRecord:
        """Carry out `command` on a live or queued call. Raises NotModifiable."""
        ...


class StreamCommandsPort(Protocol):
    """Starts and stops streams and transcriptions of live calls: `calls.streaming.commands.StreamCommands`."""

    def start_stream(self, call: CallSid, request: StreamRequest) -> StreamRecord:
        """Start a stream. Raises NotModifiable, StreamRefused."""
        ...

    def stop_stream(self, call: CallSid, key: str) -> StreamRecord | None:
        """Stop the stream of that sid or name; None if the call has none."""
        ...

    def start_transcription(self, call: CallSid, request: TranscriptionRequest) -> TranscriptionRecord:
        """Start a transcription. Raises NotModifiable, TranscriptionRefused."""
        ...

    def stop_transcription(self, call: CallSid, key: str) -> TranscriptionRecord | None:
        """Stop the transcription of that sid or name; None if the call has none."""
        ...


class ConferenceCommands(Protocol):
    """Live conferences: `calls.conferences.control.ConferenceControl`."""

    def participants(self, account: AccountSid, key: str) -> tuple[ParticipantView, ...]:
        """The participants of a live room, by its sid or name."""
        ...

    def sid_of(self, account: AccountSid, key: str) -> ConferenceSid | None:
        """The sid of a live room."""
        ...

    def participant(self, account: AccountSid, key: str, who: str) -> ParticipantView:
        """One participant. Raises ParticipantUnknown."""
        ...

    def end(self, account: AccountSid, key: str) -> ConferenceRecord | None:
        """End a live room."""
        ...

    def announce(self, account: AccountSid, key: str, request: DocumentRequest) -> ConferenceRecord | None:
        """Let a live room hear a document."""
        ...

    def check(self, account: AccountSid, key: str, options: ParticipantOptions) -> str:
        """The name of the room that a participant may join. Raises JoinRefused."""
        ...

    def invite(
        self,
        account: AccountSid,
        name: str,
        room: RoomOptions,
        call_sid: CallSid,
        options: ParticipantOptions,
    ) -> ParticipantView:
        """A call that is being placed will join the room. Raises JoinRefused."""
        ...

    def update(self, account: AccountSid, key: str, who: str, changes: ParticipantChanges) -> ParticipantView:
        """Change a participant. Raises ParticipantUnknown, JoinRefused."""
        ...

    def kick(self, account: AccountSid, key: str, who: str) -> None:
        """Take a participant out. Raises ParticipantUnknown."""
        ...


class QueueCommands(Protocol):
    """Live queues: `calls.queues.control.QueueControl`."""

    async def figures(self, records: Sequence[QueueRecord]) -> tuple[QueueFigures, ...]:
        """How these queues stand. Raises Unavailable."""
        ...

    async def members(self, record: QueueRecord) -> tuple[MemberView, ...]:
        """Those who wait, the first first. Raises Unavailable."""
        ...

    async def member(self, record: QueueRecord, key: str) -> MemberView:
        """One member, or `Front`. Raises MemberUnknown, Unavailable."""
        ...

    async def dequeue(self, record: QueueRecord, key: str, request: DocumentRequest) -> MemberView:
        """Take a member out, whatever node has it. Raises MemberUnknown, NodeGone, Unavailable."""
        ...

    async def changed(self, before: QueueRecord, record: QueueRecord) -> None:
        """A queue has another name or size. Raises Unavailable."""
        ...

    async def removed(self, record: QueueRecord) -> None:
        """A queue is deleted. Raises Unavailable."""
        ...


class RecordingCommandsPort(Protocol):
    """Records live calls: `calls.recording_commands.RecordingCommands`."""

    def start_recording(
        self,
        call: CallSid,
        options: RecordOptions,
        callback: RecordingCallback | None,
        *,
        sent_only: bool = False,
    ) -> RecordingRecord:
        """Record from now on; `sent_only`: what its party hears alone. Raises NotModifiable."""
        ...

    def change_recording(self, of: Recorded, key: str, change: RecordingChange) -> RecordingRecord | None:
        """Pause, resume or stop; None if no such recording is under way."""
        ...


class Deps(Struct, frozen=True):
    """The means of every handler."""

    store: Store
    sessions: Sessions
    feed: Feed
    calls: CallPlacing
    control: CallCommands
    streams: StreamCommandsPort
    conferences: ConferenceCommands
    queues: QueueCommands
    recordings: RecordingCommandsPort
    listeners: ListenersPort
    live_events: Callable[[CallSid], tuple[EventRecord, ...]]
    """The timeline of a call that is up; () for any other."""
    health: Callable[[], Health]
    recordings_dir: Path
    recording_file: Callable[[RecordingRecord], Awaitable[Path | None]]
    """The WAV of a recording, whichever node made it; None: there is none."""
    encode_mp3: Callable[[Path], Awaitable[bytes]]
    realm: str
    """Of the digests of clients: passwords are kept as H(login:realm:password)."""
    public_url: str
    """The base that relative URLs of inline documents resolve against."""
    ice_servers: tuple[IceServer, ...] = ()
    """What pages are given to reach this node."""
