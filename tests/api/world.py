"""A REST interface without a node: the store's twin, calls that exist only as records, requests in process."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from xml.etree import ElementTree as Xml

from msgspec.structs import replace
from starlette.types import ASGIApp

from callapi.adapters.queue_records import StoredQueues
from callapi.api import Deps, Feed, Health, Sessions, create_app, feed_of
from callapi.base.errors import CallApiError
from callapi.base.ids import AccountSid, CallSid, new_account_sid, new_call_sid, new_recording_sid
from callapi.calls.call import Call
from callapi.calls.commands import CreateCall, ModifyCall
from callapi.calls.conferences.conference import Conference
from callapi.calls.conferences.control import ConferenceControl
from callapi.calls.conferences.directory import Conferences
from callapi.calls.control import NotModifiable
from callapi.calls.documents.document import DocumentRequest
from callapi.calls.events import EventBus
from callapi.calls.queues.control import QueueControl
from callapi.calls.queues.directory import Queues
from callapi.calls.recording.commands import RecordingChange
from callapi.calls.recording.recordings import Recorded, RecordingCallback, Recordings
from callapi.calls.records.journal import Journal
from callapi.calls.streaming.listeners import TooManyListeners
from callapi.calls.streaming.request import StreamRecord, StreamRequest, StreamStatus
from callapi.calls.transcribing.request import (
    TranscriptionRecord,
    TranscriptionRequest,
    TranscriptionStatus,
)
from callapi.media import RecordOptions
from callapi.media.plane.fake import FakePlane
from callapi.store import AccountRecord, CallRecord, EventRecord, Put, RecordingRecord, Store

NOW = datetime(2026, 11, 17, 10, 0, 0, tzinfo=UTC)
TOKEN = "0123456789abcdef0123456789abcdef"


def account(**changes: Any) -> AccountRecord:
    """An account as the first start makes it."""
    return replace(AccountRecord(new_account_sid(), "Main account", TOKEN, NOW, NOW), **changes)


def call_record(account_sid: AccountSid, **changes: Any) -> CallRecord:
    """A call that rings."""
    record = CallRecord(
        sid=new_call_sid(),
        account_sid=account_sid,
        from_="+15550199",
        to="sip:bob@127.0.0.1",
        direction="outbound-api",
        status="queued",
        date_created=NOW,
        date_updated=NOW,
        start_time=NOW,
        api_version="2012-04-24",
        node="node-1",
    )
    return replace(record, **changes)


def finished_call(account_sid: AccountSid, **changes: Any) -> CallRecord:
    """A call of 15 seconds that is over."""
    changes = {
        "status": "completed",
        "answer_time": NOW + timedelta(seconds=3),
        "end_time": NOW + timedelta(seconds=18),
        "duration": 15,
        "ring_duration": 3,
        "sip_response_code": 200,
        **changes,
    }
    return call_record(account_sid, **changes)


@dataclass
class PaperCalls:
    """`LiveCallsPort` that writes records and sends nothing."""

    store: Store
    created: list[CreateCall] = field(default_factory=list)
    modified: list[tuple[CallSid, ModifyCall]] = field(default_factory=list)
    refusal: CallApiError | None = None

    async def create_call(self, account: AccountSid, command: CreateCall) -> CallRecord:
        """As `LiveCallsPort`."""
        if self.refusal is not None:
            raise self.refusal
        self.created.append(command)
        record = call_record(account, from_=command.from_, to=command.to)
        self.store.write(Put(record))
        return record

    async def modify_call(self, sid: CallSid, command: ModifyCall) -> CallRecord:
        """As `LiveCallsPort`."""
        record = await self.store.calls.fetch(sid)
        assert record is not None
        if record.end_time is not None:
            raise NotModifiable(f"the call {sid} is not in progress")
        self.modified.append((sid, command))
        if command.status is not None:
            record = replace(record, status=command.status, end_time=NOW)
            self.store.write(Put(record))
        return record


@dataclass
class PaperRecordings:
    """`RecordingCommandsPort` that keeps what it is asked for."""

    started: list[tuple[RecordingRecord, RecordOptions, RecordingCallback | None]]
    sent_only: list[bool] = field(default_factory=list)
    changes: list[tuple[str, RecordingChange]] = field(default_factory=list)

    def start_recording(
        self,
        call: CallSid,
        options: RecordOptions,
        callback: RecordingCallback | None,
        *,
        sent_only: bool = False,
    ) -> RecordingRecord:
        """As `RecordingCommandsPort`."""
        sid = new_recording_sid()
        account = AccountSid("AC" + "0" * 32)
        record = RecordingRecord(
            sid,
            account,
            call,
            "in-progress",
            "StartCallRecordingAPI",
            options.channels,
            "2012-04-24",
            NOW,
            NOW,
            NOW,
        )
        self.started.append((record, options, callback))
        self.sent_only.append(sent_only)
        return record

    def change_recording(self, of: Recorded, key: str, change: RecordingChange) -> RecordingRecord | None:
        """As `RecordingCommandsPort`."""
        self.changes.append((key, change))
        for record, _, _ in self.started:
            if key in {record.sid, "Twilio.CURRENT"} and record.call_sid == of:
                return replace(record, status="paused")
        return None


@dataclass
class PaperStreams:
    """`StreamCommandsPort` that keeps what it is asked for."""

    started: dict[str, tuple[StreamRecord, StreamRequest]]
    refusal: CallApiError | None = None
    transcriptions: list[tuple[TranscriptionRecord, TranscriptionRequest]] = field(default_factory=list)

    def start_stream(self, call: CallSid, request: StreamRequest) -> StreamRecord:
        """As `StreamCommandsPort`."""
        if self.refusal is not None:
            raise self.refusal
        sid = f"MZ{len(self.started):032x}"
        record = StreamRecord(
            sid, AccountSid("AC" + "0" * 32), call, request.name, StreamStatus.IN_PROGRESS, NOW
        )
        self.started[sid] = (record, request)
        return record

    def start_transcription(self, call: CallSid, request: TranscriptionRequest) -> TranscriptionRecord:
        """As `StreamCommandsPort`."""
        if self.refusal is not None:
            raise self.refusal
        record = TranscriptionRecord(
            "GT" + "1" * 32,
            AccountSid("AC" + "0" * 32),
            call,
            request.name,
            TranscriptionStatus.IN_PROGRESS,
            NOW,
        )
        self.transcriptions.append((record, request))
        return record

    def stop_transcription(self, call: CallSid, key: str) -> TranscriptionRecord | None:
        """As `StreamCommandsPort`."""
        for record, _ in self.transcriptions:
            if key in {record.sid, record.name}:
                return replace(record, status=TranscriptionStatus.STOPPED)
        return None

    def stop_stream(self, call: CallSid, key: str) -> StreamRecord | None:
        """As `StreamCommandsPort`."""
        for record, _ in self.started.values():
            if key in {record.sid, record.name}:
                return replace(record, status=StreamStatus.STOPPED)
        return None


class NoCalls:
    """No call is live."""

    def get(self, sid: CallSid) -> None:
        """As `LiveDirectory`."""


async def no_script(call: Call, request: DocumentRequest) -> None:
    """As `Script`; nothing is run."""


async def announce(call: Call, request: DocumentRequest, room: Conference | None) -> str | None:
    """As `Announcer`; nothing is heard."""
    return None


class PaperListeners:
    """Every call says one frame; `TAKEN` has as many listeners as it may."""

    TAKEN = CallSid("CA" + "7" * 32)

    def check(self, sid: CallSid) -> None:
        """As `ListenersPort`."""
        if sid == self.TAKEN:
            raise TooManyListeners("4 listen to this call already")

    async def pcm(self, sid: CallSid, listener: str) -> AsyncGenerator[bytes, None]:
        """As `ListenersPort`: the sids as sound."""
        yield f"{sid} {listener}".encode()


def paper_conferences(store: Store, folder: Path) -> Conferences:
    """Rooms without media, whose records go into the store."""
    bus = EventBus()
    Journal(store).attach_to(bus)
    recordings = Recordings(folder, bus, lambda account, sid: f"http://node/{account}/{sid}")
    return Conferences(FakePlane(), bus, recordings, "node-1", lambda _: None)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body, which is JSON."""
        assert self.headers["content-type"] == "application/json"
        return json.loads(self.body)

    @property
    def xml(self) -> Xml.Element:
        """The body, which is XML."""
        assert self.headers["content-type"].startswith("application/xml")
        return Xml.fromstring(self.body)


@dataclass
class World:
    """Everything a test touches."""

    store: Store
    calls: PaperCalls
    account: AccountRecord
    recordings_dir: Path
    app: ASGIApp = field(init=False)
    feed: Feed = field(init=False)
    conferences: Conferences = field(init=False)
    queues: Queues = field(init=False)
    health: Health = Health.READY
    bus: EventBus = field(default_factory=EventBus)
    clock: float = 1_800_000_000.0
    events: dict[CallSid, tuple[EventRecord, ...]] = field(default_factory=dict)
    recordings: PaperRecordings = field(default_factory=lambda: PaperRecordings([]))
    streams: PaperStreams = field(default_factory=lambda: PaperStreams({}))

    def __post_init__(self) -> None:
        self.feed = feed_of(self.bus, "http://127.0.0.1:8080")
        self.queues = Queues(StoredQueues(self.store), time.monotonic)
        self.conferences = paper_conferences(self.store, self.recordings_dir)
        self.app = create_app(
            Deps(
                store=self.store,
                sessions=Sessions(self.store, lambda: self.clock),
                feed=self.feed,
                calls=self.calls,
                control=self.calls,
                streams=self.streams,
                queues=QueueControl(self.queues, no_script),
                conferences=ConferenceControl(self.conferences, NoCalls(), announce),
                listeners=PaperListeners(),
                recordings=self.recordings,
                live_events=lambda sid: self.events.get(sid, ()),
                health=lambda: self.health,
                recordings_dir=self.recordings_dir,
                recording_file=self._recording_file,
                encode_mp3=_encode,
                realm="callapi",
                public_url="http://127.0.0.1:8080",
            )
        )

    async def _recording_file(self, recording: RecordingRecord) -> Path | None:
        path = self.recordings_dir / (recording.path or "none")
        return path if path.is_file() else None

    @property
    def base(self) -> str:
        """The account's path in Twilio's spelling."""
        return f"/2010-04-01/Accounts/{self.account.sid}"

    async def keep(self, *records: Any) -> None:
        """Put records into the store."""
        await self.store.commit(*map(Put, records))

    async def get(self, path: str, **more: Any) -> Answer:
        """GET below the account (or, with a leading `/2`, anywhere)."""
        return await self.ask("GET", path, **more)

    async def post(self, path: str, **form: Any) -> Answer:
        """POST a form below the account."""
        return await self.ask("POST", path, form=form)

    async def delete(self, path: str) -> Answer:
        """DELETE below the account."""
        return await self.ask("DELETE", path)

    async def ask(
        self,
        method: str,
        path: str,
        *,
        form: Mapping[str, Any] | None = None,
        auth: tuple[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Answer:
        """One request; `auth` is the account's own if None, none at all if `("", "")`."""
        if not path.startswith("/"):
            path = f"{self.base}/{path}"
        user, password = auth or (self.account.sid, self.account.auth_token)
        sent = {"content-type": "application/x-www-form-urlencoded"}
        sent |= {name.lower(): value for name, value in (headers or {}).items()}
        if user:
            sent["authorization"] = "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()
        path, _, query = path.partition("?")
        content = urlencode(form, doseq=True).encode() if form is not None else body or b""
        return await run_app(self.app, method, path, query, sent, content)


async def run_app(
    app: ASGIApp, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
) -> Answer:
    messages: list[Any] = []
    scope = {
        "type": "http",
        "method": method,
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "scheme": "http",
        "server": ("127.0.0.1", 8080),
        "root_path": "",
    }

    requests: list[Any] = [{"type": "http.request", "body": body, "more_body": False}]

    async def receive() -> Any:
        return requests.pop() if requests else await asyncio.Event().wait()

    async def send(message: Any) -> None:
        messages.append(message)

    await app(scope, receive, send)
    start = messages[0]
    return Answer(
        start["status"],
        {name.decode().lower(): value.decode() for name, value in start["headers"]},
        b"".join(each.get("body", b"") for each in messages[1:]),
    )


async def _encode(path: Path) -> bytes:
    return b"MP3 of " + path.name.encode()
