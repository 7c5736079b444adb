"""A small world for stories: phones that a test moves, an application that is a table, time that jumps.

Nothing of the product is replaced above the doors of `sip`, `media`, `webhooks` and `store`: calls, the interpreter
and every verb are the real ones.
"""

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from callapi.base.errors import CallApiError
from callapi.base.ids import AccountSid, ApplicationSid
from callapi.base.values import SrtpPolicy
from callapi.calls.arriving.admission import AdmissionControl
from callapi.calls.call import Call
from callapi.calls.conferences.directory import Conferences
from callapi.calls.control import CallControl
from callapi.calls.documents.document import DocumentRequest
from callapi.calls.events import EventBus
from callapi.calls.live import LiveCalls
from callapi.calls.parties import party_name
from callapi.calls.placing.destinations import Destinations
from callapi.calls.placing.keeper import KeptNowhere
from callapi.calls.placing.placement import InboundCall
from callapi.calls.placing.queue import CallQueue
from callapi.calls.placing.queue_runner import QueueRunner
from callapi.calls.queues.directory import Queues
from callapi.calls.quotas import Quotas
from callapi.calls.recording.recordings import Recordings
from callapi.calls.records.journal import Journal
from callapi.calls.records.timeline import Timelines
from callapi.calls.streaming.live_streams import LiveStreams
from callapi.calls.transcribing.live_transcriptions import LiveTranscriptions
from callapi.media import LocalMedia, MediaNegotiation, Prompt, UnplayableAudio
from callapi.media.plane.fake import FakePlane, FakeStream
from callapi.media.speech import Utterance
from callapi.sip import (
    Accepted,
    Confirmed,
    Ended,
    InboundSession,
    OutboundInvite,
    OutboundSession,
    Party,
    Provisional,
    Replaces,
    Request,
    make_response,
    parse_message,
)
from callapi.sip.events import Refused
from callapi.sip.invite_session.commands import Accept, Command, HangUp, Refuse
from callapi.sip.messages.uri import Transport
from callapi.sip.outbound_refer import OutboundRefer
from callapi.sip.session import Session
from callapi.sip.transport import Hop
from callapi.store import (
    AccountRecord,
    BindingRecord,
    CallbackRecord,
    CallRecord,
    Change,
    ConferenceRecord,
    NotificationRecord,
    Put,
    QueueRecord,
    RecordingRecord,
    TrunkRecord,
)
from callapi.streams import Address, SocketClient
from callapi.testing.phones import request_of
from callapi.verbs.execution import Services
from callapi.verbs.interpreter import Interpreter
from callapi.webhooks import BadStatus, WebAnswer, WebFailure, WebRequest

T = TypeVar("T")
ACCOUNT = AccountSid("AC" + "0" * 32)
HERE = Hop(Transport.UDP, "127.0.0.1", 5060)
MUSIC = Prompt(np.zeros(160, np.int16), 8000)

ANSWERS_AFTER_S = 0.05
"""How long a phone takes to answer a CANCEL or BYE."""


async def music() -> Prompt:
    """As the node's own."""
    return MUSIC


class Phone:
    """The far end of one session, moved by the test; also the session's port."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.call_id = request.call_id
        self.local_tag, self.remote_tag = "here", "there"
        self.local_uri, self.remote_uri = request.to, request.from_
        self.is_answered = False
        self.is_over = False
        self.sent: list[Command] = []
        self.session: Session
        self._sdp = MediaNegotiation(LocalMedia("127.0.0.2", 40_000, codecs=("PCMU",)))

    @property
    def user(self) -> str:
        """The user part that was called."""
        return str(self.request.uri).partition(":")[2].partition("@")[0]

    def refer(
        self, refer_to: str, referred_by: str | None, headers: tuple[tuple[str, str], ...]
    ) -> OutboundRefer:
        raise NotImplementedError

    def command(self, command: Command) -> None:
        """What our side does to the session."""
        if self.is_over:
            return
        self.sent.append(command)
        match command:
            case Accept():
                self.is_answered = True
                self.session.put(Confirmed(b""))
            case Refuse(status=status):
                self._end(Party.LOCAL, status)
            case HangUp():
                asyncio.get_running_loop().call_later(ANSWERS_AFTER_S, self._answer_hang_up)
            case _:
                pass

    def ring(self, status: int = 180, *, has_audio: bool = False) -> None:
        """180, or 183 with early media."""
        if not self.is_over and not self.is_answered:
            self.session.put(Provisional(self._response(status, has_body=has_audio)))

    def answer(self, **headers: str) -> None:
        """200 OK, unless we were hung up first: then it crosses, and the session settles it."""
        if self.is_over or self.is_answered or self._is_hung_up:
            return
        self.is_answered = True
        response = self._response(200, has_body=True, headers=headers)
        assert isinstance(self.session, OutboundSession)
        self.session.final = response
        self.session.put(Accepted(response))

    def reject(self, status: int, **headers: str) -> None:
        """A final failure."""
        if self.is_over or self.is_answered or self._is_hung_up:
            return
        response = self._response(status, headers=headers)
        assert isinstance(self.session, OutboundSession)
        self.session.final = response
        self.session.put(Refused(response, local=False))
        self._end(Party.REMOTE, status)

    def be_unreachable(self, status: int = 503) -> None:
        """The transport could not deliver the INVITE; 408: it was never answered."""
        if self.is_over or self.is_answered or self._is_hung_up:
            return
        response = self._response(status)
        assert isinstance(self.session, OutboundSession)
        self.session.final = response
        self.session.put(Refused(response, local=True))
        self._end(Party.NETWORK, status)

    def hang_up(self) -> None:
        """BYE, or the CANCEL of a caller that was not answered."""
        if not self.is_over:
            self._end(Party.REMOTE, 200 if self.is_answered else 487)

    @property
    def _is_hung_up(self) -> bool:
        return any(isinstance(each, HangUp) for each in self.sent)

    def _answer_hang_up(self) -> None:
        if not self.is_over:
            if isinstance(self.session, OutboundSession) and not self.is_answered:
                self.session.final = self._response(487)
            self._end(Party.LOCAL, 200 if self.is_answered else 487)

    def _end(self, by: Party, status: int) -> None:
        self.is_over = True
        self.session.put(Ended(by, status, "bye"))

    def _response(self, status: int, *, has_body: bool = False, headers: dict[str, str] | None = None) -> Any:
        extra = tuple((name.replace("_", "-"), value) for name, value in (headers or {}).items())
        body = self._sdp.receive_offer(self.request.body) if has_body else b""
        return make_response(self.request, status, to_tag="there", headers=extra, body=body)


class FakeEndpoint:
    """Sends INVITEs to phones that appear as they are rung."""

    def __init__(self) -> None:
        self.phones: list[Phone] = []
        self.dialogs: dict[str, Session] = {}
        """Sessions by the Call-ID that a Replaces names."""
        self.on_invite: Callable[[Phone], None] = lambda _: None

    def find_session(self, replaces: Replaces) -> Session | None:
        return self.dialogs.get(replaces.call_id)

    def invite(self, invite: OutboundInvite) -> OutboundSession:
        phone = Phone(request := request_of(invite, len(self.phones)))
        session = OutboundSession(request, phone)
        phone.session = session
        self.phones.append(phone)
        asyncio.get_running_loop().call_soon(self.on_invite, phone)
        return session


class Application:
    """A web application as a table: path to document. Records what it was asked."""

    def __init__(self) -> None:
        self.documents: dict[str, str] = {}
        self.requests: list[tuple[str, dict[str, str]]] = []
        self.delay_s = 0.0

    def asked(self, path: str) -> list[dict[str, str]]:
        """The parameters of each request for `path`."""
        return [parameters for each, parameters in self.requests if each == path]

    async def fetch(self, request: WebRequest) -> WebAnswer:
        path = request.url.removeprefix("http://app")
        self.requests.append((path, dict(request.parameters)))
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        body = self.documents.get(path)
        status = 404 if body is None else 200
        answer = WebAnswer(status, "text/xml", (body or "").encode(), request.url, 0.0)
        if body is None:
            raise BadStatus(f"404 from {request.url}", request, answer)
        return answer

    async def fetch_document(
        self,
        request: WebRequest,
        fallback: WebRequest | None,
        read: Callable[[WebAnswer], T],
        failed: Callable[[WebFailure], None],
    ) -> T:
        try:
            return read(await self.fetch(request))
        except CallApiError as error:
            failed(WebFailure(getattr(error, "code", 0), error, request, getattr(error, "answer", None)))
            if fallback is None:
                raise
            return await self.fetch_document(fallback, None, read, failed)


class FakePrompts:
    """Any URL that does not hold `missing` is a prompt."""

    async def prompt(self, url: str) -> Prompt:
        if "missing" in url:
            raise UnplayableAudio(url, "404")
        return Prompt(np.zeros(800, np.int16), 8000)


class FakeSpeaker:
    """Speaks each sentence as a prompt of its own; the voices `broken` and `unknown` are what they are called."""

    async def speak(self, utterance: Utterance, warn: Callable[[str], None]) -> AsyncGenerator[Prompt, None]:
        if utterance.voice == "broken":
            raise UnplayableAudio("speech", "no such engine")
        if utterance.voice == "unknown":
            warn("the voice 'unknown' is unknown")
        for _ in filter(None, utterance.text.split(".")):
            yield Prompt(np.zeros(800, np.int16), 8000)


class Book:
    """What was written down, as the store would have kept it."""

    def __init__(self) -> None:
        self.calls: dict[str, CallRecord] = {}
        self.history: list[CallRecord] = []
        self.callbacks: list[CallbackRecord] = []
        self.notifications: list[NotificationRecord] = []
        self.recordings: dict[str, RecordingRecord] = {}
        self.conferences: dict[str, ConferenceRecord] = {}

    def begin(self, record: CallRecord) -> None:
        self.write(Put(record))

    def write(self, *changes: Change) -> None:
        for change in changes:
            match change:
                case Put(CallRecord() as record):
                    self.calls[record.sid] = record
                    self.history.append(record)
                case Put(CallbackRecord() as record):
                    self.callbacks.append(record)
                case Put(NotificationRecord() as record):
                    self.notifications.append(record)
                case Put(RecordingRecord() as record):
                    self.recordings[record.sid] = record
                case Put(ConferenceRecord() as record):
                    self.conferences[record.sid] = record
                case _:
                    pass

    async def commit(self, *changes: Change) -> None:
        self.write(*changes)

    def reported(self, path: str) -> list[dict[str, str]]:
        """The parameters of each status callback to `path`, in order."""
        return [dict(each.parameters) for each in self.callbacks if each.url == f"http://app{path}"]


@dataclass
class FakeDirectory:
    """Registrations and trunks by name."""

    registered: dict[str, list[BindingRecord]] = field(default_factory=dict)
    gateways: list[TrunkRecord] = field(default_factory=list)

    async def bindings(self, account: AccountSid, login: str) -> list[BindingRecord]:
        return self.registered.get(login, [])

    async def srtp_of(self, login: str) -> SrtpPolicy | None:
        return None

    async def trunks(self, account: AccountSid, number: str) -> list[TrunkRecord]:
        return self.gateways


class NoEgress:
    """No host can be reached."""

    async def addresses(self, host: str, port: int) -> list[Address]:
        raise OSError(f"{host}:{port} cannot be reached in this world")


class PaperQueues:
    """`QueueRecords` on paper."""

    def __init__(self) -> None:
        self.kept: dict[str, QueueRecord] = {}

    async def named(self, account: AccountSid, name: str) -> QueueRecord | None:
        return self.kept.get(name)

    async def keep(self, record: QueueRecord) -> None:
        self.kept[record.friendly_name] = record


class World:
    """One node between its phones and its application."""

    def __init__(
        self, live: LiveCalls, endpoint: FakeEndpoint, plane: FakePlane, book: Book, tmp: Path
    ) -> None:
        self.journal = Journal(book)  # type: ignore[arg-type]
        self.journal.attach_to(live.bus)
        Timelines(self.journal.closed).attach_to(live.bus)
        self.live = live
        self.endpoint = endpoint
        self.plane = plane
        self.book = book
        self.application = Application()
        self._callers = itertools.count(1)
        self.directory = FakeDirectory()
        now = datetime.now(UTC)
        self._record = AccountRecord(ACCOUNT, "test", "token", now, now)
        recordings = Recordings(tmp, live.bus, lambda account, sid: f"http://node/{account}/{sid}")
        self.services = Services(
            live=live,
            plane=plane,
            fetcher=self.application,  # type: ignore[arg-type]  # the two methods that stories use
            prompts=FakePrompts(),
            speaker=FakeSpeaker(),
            destinations=Destinations(self.directory, "127.0.0.1"),
            recordings=recordings,
            queues=Queues(PaperQueues(), asyncio.get_running_loop().time),
            conferences=Conferences(plane, live.bus, recordings, "test", live.get),
            music=music,
            allows_refer=True,
            streams=LiveStreams(live.bus, SocketClient(NoEgress(), 1.0), self._account, 600.0),
            transcriptions=LiveTranscriptions(live.bus, None, "none"),
            account_of=self._account,
            application_of=self._application,
        )
        self.script = Interpreter(self.services)
        self.suspended: set[AccountSid] = set()
        """Accounts that may not call."""

    async def _application(self, _: AccountSid, sid: ApplicationSid) -> DocumentRequest | None:
        return DocumentRequest(f"http://app/{sid}")

    async def _account(self, _: AccountSid) -> AccountRecord | None:
        return self._record

    def control(self) -> CallControl:
        """What REST commands calls through; nothing serves its queue."""
        return CallControl(self.live, self.queue_runner(self.gate()), self.script)

    def gate(self, calls_per_second: float = 0) -> AdmissionControl:
        """The admission of new calls."""
        now = asyncio.get_running_loop().time
        return AdmissionControl(
            lambda: len(self.live), now, max_calls=100, calls_per_second=calls_per_second, max_lag_s=0.4
        )

    async def _may_call(self, account: AccountSid) -> bool:
        return account not in self.suspended

    def queue_runner(self, gate: AdmissionControl, queue: CallQueue | None = None) -> QueueRunner:
        """What places the calls of REST."""
        return QueueRunner(
            self.live,
            self.services.destinations,
            self.script,
            gate,
            self.services.recordings,
            queue=queue or CallQueue(),
            keeper=KeptNowhere(),
            may_call=self._may_call,
        )

    @property
    def phones(self) -> list[Phone]:
        """The phones that were rung, in the order of their INVITEs."""
        return self.endpoint.phones

    def phone(self, user: str) -> Phone:
        """The phone whose Request-URI has this user."""
        return next(each for each in self.phones if each.user == user)

    def caller(self, document: str, page: str = "/voice", **headers: str) -> tuple[Call, Phone]:
        """A call comes in, and `page` answers with `document`."""
        self.application.documents[page] = document
        offer = MediaNegotiation(LocalMedia("127.0.0.3", 42_000, codecs=("PCMU",))).make_offer()
        lines = [
            "INVITE sip:1000@127.0.0.1 SIP/2.0",
            "Via: SIP/2.0/UDP 127.0.0.3;branch=z9hG4bKcaller",
            "From: <sip:alice@127.0.0.3>;tag=a",
            "To: <sip:1000@127.0.0.1>",
            f"Call-ID: in-{next(self._callers)}",
            "CSeq: 1 INVITE",
            "Contact: <sip:alice@127.0.0.3>",
            "Max-Forwards: 70",
            *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
            "Content-Type: application/sdp",
            f"Content-Length: {len(offer)}",
        ]
        request = parse_message("\r\n".join(lines).encode() + b"\r\n\r\n" + offer)
        assert isinstance(request, Request)
        phone = Phone(request)
        session = InboundSession(request, HERE, phone)
        phone.session = session
        call = self.live.admit(
            session,
            InboundCall(
                ACCOUNT, party_name(session.remote_uri.uri), party_name(session.request.uri), None, None, ()
            ),
        )
        self.live.start(call, partial(self.script, call, DocumentRequest(f"http://app{page}")))
        return call, phone

    def stream_of(self, call: Call) -> FakeStream:
        """The fake stream of a call's leg."""
        stream = call.leg.stream
        assert isinstance(stream, FakeStream)
        return stream

    def assert_nothing_left(self) -> None:
        """No call, port, bridge or recording is left, and each call has one final record."""
        assert len(self.live) == 0
        held = self.plane.statistics()
        assert (held.streams, held.bridges, held.recordings, held.rooms) == (0, 0, 0, 0), held
        assert len(self.services.conferences) == 0
        for sid, record in self.book.calls.items():
            assert record.end_time is not None, record
            assert sum(each.sid == sid and each.end_time is not None for each in self.book.history) == 1, (
                record
            )


@asynccontextmanager
async def world(tmp: Path) -> AsyncIterator[World]:
    """A world, ended with everything in it."""
    endpoint, plane, book = FakeEndpoint(), FakePlane(), Book()
    live = LiveCalls(
        endpoint,  # type: ignore[arg-type]
        plane,
        EventBus(),
        node="test",
        codecs=("PCMU", "PCMA"),
        quotas=Quotas(),
        blocked_prefixes=(),
    )
    async with plane:
        here = World(live, endpoint, plane, book, tmp)
        async with here.services.conferences, live:
            yield here
