"""A node without SIP, sound and clock, moved by a test from outside."""

import asyncio
import itertools
import tempfile
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self, cast
from urllib.parse import urljoin

from callapi.base.clock import utc_now
from callapi.base.ids import AccountSid, ApplicationSid
from callapi.calls.call import Call
from callapi.calls.conferences.directory import Conferences
from callapi.calls.documents.document import DocumentRequest
from callapi.calls.events import EventBus
from callapi.calls.live import LiveCalls
from callapi.calls.parties import party_name
from callapi.calls.placing.destinations import Destinations
from callapi.calls.placing.placement import InboundCall, Subscription
from callapi.calls.queues.directory import Queues
from callapi.calls.quotas import Quotas
from callapi.calls.recording.recordings import Recordings
from callapi.calls.records.journal import Journal
from callapi.calls.streaming.live_streams import LiveStreams
from callapi.calls.transcribing.live_transcriptions import LiveTranscriptions
from callapi.media import LocalMedia, MediaNegotiation, Prompt
from callapi.sip import Hop, InboundSession, Request, Transport, parse_message
from callapi.store import AccountRecord, CallbackRecord, CallRecord, NotificationRecord, Store
from callapi.streams import SocketClient
from callapi.testing.clock import NothingHappens, VirtualTimeLoop
from callapi.testing.phones import SimulatedEndpoint, SimulatedPhone
from callapi.testing.records import SimulatedDirectory, SimulatedQueues, SimulatedRecords
from callapi.testing.sockets import AskedSocket, SimulatedSockets, SocketTarget
from callapi.testing.sound import (
    Heard,
    SimulatedPlane,
    SimulatedPrompts,
    SimulatedRecogniser,
    SimulatedSpeaker,
    SimulatedStream,
    SoundBook,
)
from callapi.testing.web import AskedRequest, SimulatedFetcher, Target, sockets_of
from callapi.verbs.execution import Services
from callapi.verbs.interpreter import Interpreter
from callapi.webhooks import WebhookError, WebRequest

ACCOUNT: Final = AccountSid("AC" + "0" * 32)
TOKEN: Final = "0123456789abcdef0123456789abcdef"  # noqa: S105 - of a simulation, for the application's own check
TIMEOUT_S: Final = 60.0
"""Virtual seconds that `hears` and the like wait unless they are asked for more."""
_HOP: Final = Hop(Transport.UDP, "127.0.0.1", 5060)
_SYLLABLE_S: Final = 0.4


class Simulation:
    """A node that asks `application`: a base URL, a WSGI or ASGI application, or a function of the request.

    Use it with `with`; requests are signed with `auth_token`. WebSockets of streams and ConversationRelay go to
    `sockets`: an ASGI application, a coroutine function of one `ApplicationSocket`, or `"real"` (to where the document
    says, by the network). Not given, they go where the application is: in process for ASGI, else by the network for a
    URL; a function and a WSGI application have none.
    """

    def __init__(self, application: Target, *, auth_token: str = TOKEN, sockets: SocketTarget = None) -> None:
        self._loop = VirtualTimeLoop()
        self._fetcher = SimulatedFetcher(application, self._loop)
        self._token = auth_token
        self._endpoint = SimulatedEndpoint()
        self._plans: dict[str, Callable[[SimulatedPhone], None]] = {}
        self._endpoint.on_invite = self._rang
        self._stack = AsyncExitStack()
        self._callbacks: asyncio.Queue[CallbackRecord] = asyncio.Queue()
        self._numbers = itertools.count(1)
        self._recogniser = SimulatedRecogniser()
        self._records = SimulatedRecords(self._callbacks.put_nowait)
        self._sockets = SimulatedSockets(sockets or sockets_of(application), self._loop)

    def __enter__(self) -> Self:
        self._loop.run_until_complete(self._open())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._loop.run_until_complete(self._stack.aclose())
            with self._loop.real_time():
                self._loop.run_until_complete(self._loop.shutdown_default_executor())
        finally:
            self._loop.close()

    # --- what a test does ---

    def call(
        self,
        url: str = "/voice",
        *,
        from_: str = "+15550100",
        to: str = "+15550199",
        method: str = "POST",
        status_callback: str | None = None,
        headers: dict[str, str] | None = None,
    ) -> "SimulatedCall":
        """A call comes in, and the application is asked at `url` what to do with it."""
        subscription = None
        if status_callback is not None:
            subscription = Subscription(self._url(status_callback), "POST", ("completed",))
        arriving = self._arrive(_invite(next(self._numbers), from_, to, headers or {}), subscription)
        live, phone = self._loop.run_until_complete(arriving)
        document = DocumentRequest(self._url(url), method)
        self._live.start(live, partial(self._script, live, document))
        call = SimulatedCall(self, live, phone)
        self.wait(0.2)
        return call

    def phone(self, user: str, *, within: float = TIMEOUT_S) -> SimulatedPhone:
        """The phone that the application has dialled by that user part, or number; waits until it rings."""
        found: SimulatedPhone = self._until(
            f"{user} to ring; dialled were {[each.user for each in self._endpoint.phones]}",
            lambda: next(
                (each for each in self._endpoint.phones if each.user == user and not each.is_over), None
            ),
            within,
        )
        return found

    def when_dialled(
        self, user: str, *, answer_after: float | None = None, reject_with: int | None = None
    ) -> None:
        """What the phone `user` does by itself from now on; without a plan a phone rings until the test moves it."""

        def act(phone: SimulatedPhone) -> None:
            if reject_with is not None:
                phone.reject(reject_with)
                return
            phone.ring()
            if answer_after is not None:
                self._loop.call_later(answer_after, phone.answer)

        self._plans[user] = act

    def wait(self, seconds: float) -> None:
        """Let virtual seconds pass."""
        self._loop.run_until_complete(asyncio.sleep(seconds))

    @property
    def requests(self) -> list[AskedRequest]:
        """What the application was asked, callbacks included, in order."""
        return self._fetcher.requests

    def requests_to(self, path: str) -> list[AskedRequest]:
        """Those for one path."""
        return [each for each in self._fetcher.requests if each.path == path]

    @property
    def sockets(self) -> list[AskedSocket]:
        """The WebSockets that the application was asked for, in order, with what passed each way."""
        return self._sockets.sockets

    def socket_to(self, path: str, *, within: float = TIMEOUT_S) -> AskedSocket:
        """The newest WebSocket to `path`; waits until there is one. Raises AssertionError."""
        found: AskedSocket = self._until(
            f"a WebSocket to {path}; opened were {self.sockets}",
            lambda: next((each for each in reversed(self.sockets) if each.path == path), None),
            within,
        )
        return found

    @property
    def notifications(self) -> list[NotificationRecord]:
        """What the node would have written for the developer: each has `error_code` and `message_text`."""
        return self._records.notifications

    @property
    def now(self) -> float:
        """Virtual seconds since the start."""
        return self._loop.time()

    # --- for the call ---

    def record_of(self, sid: str) -> CallRecord:
        """The record of a call as it stands."""
        return self._records.calls[sid]

    def say(self, stream: SimulatedStream, text: str) -> None:
        """A party speaks for as long as its words take."""
        self._recogniser.said.append(text)
        stream.is_speaking = True
        self.wait(max(_SYLLABLE_S, _SYLLABLE_S * len(text.split())))
        stream.is_speaking = False

    def until(self, what: str, condition: Callable[[], Any], within: float) -> Any:
        """Let time pass until `condition` gives something. Raises AssertionError."""
        return self._until(what, condition, within)

    def _until(self, what: str, condition: Callable[[], Any], within: float) -> Any:
        deadline = self._loop.time() + within
        while not (found := condition()):
            if self._loop.time() >= deadline:
                raise AssertionError(f"waited {within:g} s in vain for {what}")
            try:
                self.wait(0.1)
            except NothingHappens:
                raise AssertionError(f"nothing more happens; waited for {what}") from None
        return found

    def _url(self, url: str) -> str:
        return urljoin(self._fetcher.base + "/", url)

    def _rang(self, phone: SimulatedPhone) -> None:
        if not phone.is_over:
            self._plans.get(phone.user, SimulatedPhone.ring)(phone)

    async def _open(self) -> None:
        book, bus = SoundBook(), EventBus()
        plane = await self._stack.enter_async_context(SimulatedPlane(book))
        Journal(cast("Store", self._records)).attach_to(bus)
        self._live = LiveCalls(
            cast("Any", self._endpoint),
            plane,
            bus,
            node="simulation",
            codecs=("PCMU",),
            quotas=Quotas(),
            blocked_prefixes=(),
        )
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="callapi-simulation-")))
        recordings = Recordings(folder, bus, lambda account, sid: f"http://node/{account}/Recordings/{sid}")
        conferences = Conferences(plane, bus, recordings, "simulation", self._live.get)
        music: asyncio.Future[Prompt] = self._loop.create_future()
        music.set_result(book.prompt("(music)", 8.0))
        services = Services(
            live=self._live,
            plane=plane,
            fetcher=cast("Any", self._fetcher),
            prompts=SimulatedPrompts(book),
            speaker=SimulatedSpeaker(book),
            destinations=Destinations(SimulatedDirectory(), "127.0.0.1"),
            recordings=recordings,
            queues=Queues(SimulatedQueues(), self._loop.time),
            conferences=conferences,
            music=lambda: music,
            streams=LiveStreams(bus, cast("SocketClient", self._sockets), self._account, 600.0),
            transcriptions=LiveTranscriptions(bus, None, "none"),
            account_of=self._account,
            application_of=self._application_document,
            allows_refer=True,
            recogniser=self._recogniser,
        )
        self._script = Interpreter(services)
        await self._stack.enter_async_context(conferences)
        await self._stack.enter_async_context(self._live)
        tasks = await self._stack.enter_async_context(asyncio.TaskGroup())
        self._sockets.run_in(tasks)
        self._stack.callback(self._sockets.stop)
        for service in (plane.pass_time(), self._deliver_callbacks()):
            self._stack.callback(tasks.create_task(service).cancel)

    async def _account(self, _: AccountSid) -> AccountRecord | None:
        now = utc_now()
        return AccountRecord(ACCOUNT, "simulation", self._token, now, now)

    async def _application_document(self, _: AccountSid, sid: ApplicationSid) -> DocumentRequest | None:
        """Where an application of a `<Dial><Application>` is asked: at the path of its sid."""
        return DocumentRequest(self._url(f"/{sid}"))

    async def _deliver_callbacks(self) -> None:
        while True:
            callback = await self._callbacks.get()
            method = "GET" if callback.method == "GET" else "POST"
            with suppress(WebhookError):
                await self._fetcher.fetch(
                    WebRequest(callback.url, cast("Any", method), callback.parameters, self._token)
                )

    async def _arrive(self, request: Request, callbacks: Subscription | None) -> tuple[Call, SimulatedPhone]:
        phone = SimulatedPhone(request)
        session = InboundSession(request, _HOP, phone)
        phone.session = session
        arrival = InboundCall(
            account_sid=ACCOUNT,
            from_=party_name(session.remote_uri.uri),
            to=party_name(request.uri),
            caller_name=None,
            forwarded_from=None,
            sip=(),
            callbacks=callbacks,
        )
        return self._live.admit(session, arrival), phone


class SimulatedCall:
    """An inbound call, and the caller at its end."""

    def __init__(self, simulation: Simulation, live: Call, phone: SimulatedPhone) -> None:
        self._simulation = simulation
        self._live = live
        self._phone = phone
        self._position = 0
        self.sid = live.sid

    def __repr__(self) -> str:
        return f"<SimulatedCall {self.status} heard {[each.text for each in self.heard]}>"

    @property
    def heard(self) -> list[Heard]:
        """What the caller has heard so far: texts and URLs, with the second at which each began."""
        return self._stream.heard

    @property
    def status(self) -> str:
        """The word of REST."""
        return self.record.status

    @property
    def record(self) -> CallRecord:
        """The call's record as it stands."""
        return self._simulation.record_of(self.sid)

    @property
    def is_over(self) -> bool:
        """Whether the call has ended."""
        return self.record.end_time is not None

    @property
    def refused_with(self) -> int | None:
        """The SIP code that the call was refused with, if it was."""
        return self._phone.refused_with

    def hears(self, text: str, *, within: float = TIMEOUT_S) -> None:
        """Wait until something with `text` in it is said or played, after what was found before.

        Raises:
            AssertionError: not `within` so many seconds; the text says what was heard instead.
        """

        def found() -> bool:
            for index in range(self._position, len(self.heard)):
                if text in self.heard[index].text:
                    self._position = index + 1
                    return True
            return False

        self._simulation.until(f"the caller to hear {text!r}; {self!r}", found, within)

    def press(self, digits: str) -> None:
        """Press keys, each for a fifth of a second; `w` waits half a second."""
        for digit in digits:
            if digit in "wW":
                self._simulation.wait(0.5)
                continue
            self._stream.press(digit)
            self._simulation.wait(0.2)

    def says(self, text: str) -> None:
        """Speak: a `<Gather input="speech">` understands just this."""
        self._simulation.say(self._stream, text)

    def hears_audio(self, seconds: float, *, within: float = TIMEOUT_S) -> None:
        """Wait until the caller has heard so many seconds of audio that the application has streamed, in all.

        Raises:
            AssertionError: not `within` so many seconds.
        """
        self._simulation.until(
            f"{seconds:g} s of the application's audio; {self._stream.sent_ms / 1000:g} s were heard",
            lambda: self._stream.sent_ms >= seconds * 1000,
            within,
        )

    def hang_up(self) -> None:
        """The caller hangs up."""
        self._phone.hang_up()
        self.ends()

    def ends(self, *, within: float = TIMEOUT_S) -> CallRecord:
        """Wait for the end of the call; its final record. Raises AssertionError."""
        self._simulation.until(f"the end of {self!r}", lambda: self.is_over, within)
        self._simulation.wait(0.5)
        return self.record

    @property
    def _stream(self) -> SimulatedStream:
        return cast("SimulatedStream", self._live.leg.stream)


def _invite(number: int, from_: str, to: str, headers: dict[str, str]) -> Request:
    offer = MediaNegotiation(LocalMedia("127.0.0.3", 42_000, codecs=("PCMU",))).make_offer()
    caller = from_ if from_.startswith("sip:") else f"sip:{from_}@127.0.0.1"
    called = to if to.startswith("sip:") else f"sip:{to}@127.0.0.1"
    lines = (
        f"INVITE {called} SIP/2.0",
        f"Via: SIP/2.0/UDP 127.0.0.3;branch=z9hG4bK{number}",
        f"From: <{caller}>;tag=caller",
        f"To: <{called}>",
        f"Call-ID: simulated-caller-{number}",
        "CSeq: 1 INVITE",
        f"Contact: <{caller}>",
        "Max-Forwards: 70",
        *(f"{name}: {value}" for name, value in headers.items()),
        "Content-Type: application/sdp",
        f"Content-Length: {len(offer)}",
    )
    message = parse_message("\r\n".join(lines).encode() + b"\r\n\r\n" + offer)
    if not isinstance(message, Request):
        raise TypeError("an INVITE is a request")
    return message
