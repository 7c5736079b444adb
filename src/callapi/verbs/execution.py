"""What an executor works with: the call, the document's URL, the services of the node; and what it may return."""

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine
from enum import Enum
from functools import lru_cache, partial
from typing import Any, Final, Protocol
from urllib.parse import urljoin

from msgspec import Struct
from msgspec.structs import replace

from callapi.base.errors import CallApiError
from callapi.base.ids import AccountSid, ApplicationSid
from callapi.calls.call import Call
from callapi.calls.conferences.directory import Conferences
from callapi.calls.conferences.elsewhere import RoomsElsewhere
from callapi.calls.documents.document import DocumentRequest
from callapi.calls.documents.position import Position
from callapi.calls.live import LiveCalls
from callapi.calls.parameters import Parameters
from callapi.calls.placing.destinations import Destinations
from callapi.calls.problem import Problem
from callapi.calls.queues.directory import Queues
from callapi.calls.recording.recordings import Recordings
from callapi.calls.streaming.live_streams import LiveStreams
from callapi.calls.transcribing.live_transcriptions import LiveTranscriptions
from callapi.media import MediaPlane, Playback, Prompt
from callapi.media.speech import Detector, Recogniser, SpeechDetector, Utterance
from callapi.rcml import Document, document_of
from callapi.store import AccountRecord
from callapi.verbs.mode import Mode
from callapi.webhooks import Fetcher, WebAnswer, WebFailure, WebhookError, WebRequest, without_credentials

log = logging.getLogger(__name__)

MAX_SILENT_STEPS = 100
"""Documents in a row that may lead to the next without anything to hear."""
TOO_MANY_REDIRECTS = 60_020
_MEMO_TEXT: Final = 512


class Next(Struct, frozen=True):
    """Go on with the next verb."""


class GoTo(Struct, frozen=True):
    """Leave this document for the answer to `request`."""

    request: DocumentRequest


class End(Struct, frozen=True):
    """The document ends the call (Hangup, Reject); in screening: it declines."""


class Left(Struct, frozen=True):
    """The caller leaves the queue that it waits in (Leave)."""


Outcome = Next | GoTo | End | Left


class StoryResult(Enum):
    """How a whole story ended."""

    TO_THE_END = "to the end"
    ENDED_BY_VERB = "ended by a verb"
    LEFT = "left"
    BROKEN = "broken"


class Prompts(Protocol):
    """Audio by URL; `UnplayableAudio` when there is none."""

    def prompt(self, url: str) -> Awaitable[Prompt]:
        """The audio behind `url`, ready to play."""
        ...


class Speaker(Protocol):
    """Text to speech."""

    def speak(self, utterance: Utterance, warn: Callable[[str], None]) -> AsyncGenerator[Prompt, None]:
        """Speech, piece by piece, each as soon as it is ready; `UnplayableAudio` if it fails.

        `warn` is called with a sentence for each wish that cannot be met (an unknown voice).
        """
        ...


class Output(Protocol):
    """Where prompts are heard: the stream of a call, or a whole conference."""

    def play(self, audio: Prompt, *, loop: int = 1) -> Playback:
        """Play `audio` `loop` times (0: until stopped)."""
        ...


class Documents(Protocol):
    """Runs documents beside a call's own story: the interpreter."""

    def __call__(self, execution: "Execution", request: DocumentRequest) -> Coroutine[Any, Any, StoryResult]:
        """Run the documents from `request` on, in the mode of `execution`."""
        ...


class Services(Struct, frozen=True):
    """The services that executors use; filled once by `node/`."""

    live: LiveCalls
    plane: MediaPlane
    fetcher: Fetcher
    prompts: Prompts
    speaker: Speaker
    destinations: Destinations
    recordings: Recordings
    streams: LiveStreams
    transcriptions: LiveTranscriptions
    account_of: Callable[[AccountSid], Awaitable[AccountRecord | None]]
    application_of: Callable[[AccountSid, ApplicationSid], Awaitable[DocumentRequest | None]]
    """What an application of the account requests for a call; None: there is none."""
    conferences: Conferences
    queues: Queues
    allows_refer: bool
    """Whether a party may transfer its call where the application has no `referUrl`."""
    music: Callable[[], Awaitable[Prompt]]
    """Makes what waiting callers hear if no application says otherwise; it can be repeated without a break."""
    recogniser: Recogniser | None = None
    """None: the node does not recognise speech."""
    detector: Callable[[], Detector] = SpeechDetector
    """Of the beginning and the end of speech at 16 kHz; a new one for each that listens."""
    rooms_elsewhere: RoomsElsewhere | None = None
    """The conferences of other nodes; None: there are no others."""


class Execution:
    """One story on one call: where its present document came from, and how far it may go."""

    __slots__ = (
        "_fetched",
        "_silent_steps",
        "call",
        "documents",
        "elsewhere",
        "extra",
        "fallback",
        "method",
        "mode",
        "returned",
        "services",
        "url",
    )

    def __init__(self, services: Services, call: Call, documents: Documents, mode: Mode = Mode.CALL) -> None:
        self.services = services
        self.call = call
        self.documents = documents
        self.mode = mode
        self.elsewhere: Output | None = None
        """Where prompts are heard, if not on the call itself."""
        self.extra: Callable[[], Parameters] = tuple
        """What every request of this story carries beyond the voice request."""
        self.url = ""
        self.method = "POST"
        self.fallback: tuple[str, str] | None = None
        self.returned: Parameters = ()
        """What the `<Parameter>`s of `<Hangup>` or `<Reject>` give back to the `<Dial>` that called the application."""
        self._silent_steps = 0
        self._fetched: Document | None = None
        """A document that was fetched already, and is to be run first."""

    @property
    def output(self) -> Output:
        """Where prompts are heard."""
        return self.elsewhere or self.call.leg.stream

    @property
    def is_screening(self) -> bool:
        """Whether this document decides if the called party accepts."""
        return self.mode is Mode.SCREENING

    @property
    def ends_call(self) -> bool:
        """Whether `Hangup` and `Reject` end the call, not only this document."""
        return self.mode is not Mode.SCREENING

    def beside(self, mode: Mode, call: Call | None = None) -> "Execution":
        """The execution of another document in `mode`, with URLs relative to the present one."""
        other = Execution(self.services, call or self.call, self.documents, mode)
        other.url, other.method = self.url, self.method
        return other

    async def continue_with(self, document: Document) -> StoryResult:
        """Run a document that was fetched already; what it leads to is fetched."""
        self._fetched = document
        return await self.documents(self, DocumentRequest(self.url, self.method))

    async def run_document(self, document: Document) -> None:
        """As `continue_with`, as the story of the call."""
        await self.continue_with(document)

    def begin(self, index: int, verb: str, line: int) -> None:
        """The document's verb number `index` begins."""
        position = Position(self.url, self.method, (index,), verb, line)
        self.call.verb_started(position, is_own=self.mode is Mode.CALL)

    def step(self, word: str, *path: int) -> None:
        """The present verb is at this step; `path`: the nested elements that are under way."""
        if (position := self.call.position) is not None:
            self.call.position = replace(position, path=(*position.path[:1], *path), step=word)

    def sounded(self) -> None:
        """Media was played or received: the count of redirects without media starts again."""
        self._silent_steps = 0

    def resolve(self, url: str) -> str:
        """`url` against the URL that the present document came from."""
        is_short = len(self.url) + len(url) <= _MEMO_TEXT
        return _resolved_once(self.url, url) if is_short else _resolved(self.url, url)

    def request(
        self, url: str, method: str, parameters: Parameters = (), *, must_arrive: bool = False
    ) -> DocumentRequest:
        """A request for the next document, or for an action; relative URLs are resolved here."""
        fallback_url, fallback_method = self.fallback or (None, "POST")
        return DocumentRequest(
            self.resolve(url), method, parameters, fallback_url, fallback_method, must_arrive=must_arrive
        )

    async def web_request(self, url: str, method: str, parameters: Parameters) -> WebRequest:
        """A request to `url` on behalf of this call, signed with its account's token."""
        account = await self.services.account_of(self.call.record.account_sid)
        return WebRequest(
            url=url,
            method="GET" if method == "GET" else "POST",
            parameters=self.call.voice_parameters() + self.extra() + parameters,
            token=account.auth_token if account else "",
            call_sid=self.call.sid,
            cookies=self.call.cookies,
        )

    async def fetch(self, request: DocumentRequest) -> Document | None:
        """The document that the application answers; None (and notifications) if there is none to run."""
        self._silent_steps += 1
        if self._silent_steps > MAX_SILENT_STEPS:
            self.call.notify(
                Problem(TOO_MANY_REDIRECTS, f"{MAX_SILENT_STEPS} redirects in a row without media")
            )
            return None
        if request.fallback_url:
            self.fallback = (request.fallback_url, request.fallback_method)
        fetched, self._fetched = self._fetched, None
        if fetched is not None:
            return fetched
        if request.inline is not None:
            return await self._read_inline(request)
        asked = await self.web_request(request.url, request.method, request.parameters)
        fallback = self.fallback and await self.web_request(*self.fallback, request.parameters)
        fetch = partial(self.services.fetcher.fetch_document, asked, fallback, _read, self._failed)
        try:
            answered = await (self.call.shielded(fetch) if request.must_arrive else fetch())
            self.url, document = answered.url, answered.document
            self.method = asked.method
        except CallApiError as error:
            log.info("%r: no document from %s: %s", self.call, without_credentials(request.url), error)
            return None
        self.call.live_record.document_read(without_credentials(self.url), answered.body)
        self._warn(document)
        return document

    async def notify(self, request: DocumentRequest) -> None:
        """Request a URL whose answer is not used."""
        asked = await self.web_request(request.url, request.method, request.parameters)
        try:
            await self.services.fetcher.fetch(asked)
        except WebhookError as error:
            self.call.notify(Problem.of(error, error.code, asked, error.answer))

    async def _read_inline(self, request: DocumentRequest) -> Document | None:
        self.url, self.method = request.url, request.method
        try:
            document = document_of((request.inline or "").encode(), "text/xml", request.url)
        except CallApiError as error:
            asked = await self.web_request(request.url, request.method, ())
            self.call.notify(Problem.of(error, getattr(error, "code", 12100), asked, None))
            return None
        self.call.live_record.document_read(without_credentials(request.url), (request.inline or "").encode())
        self._warn(document)
        return document

    def _failed(self, failure: WebFailure) -> None:
        self.call.notify(Problem.of(failure.error, failure.code, failure.request, failure.answer))

    def _warn(self, document: Document) -> None:
        for finding in document.warnings:
            self.call.notify(
                Problem(
                    finding.code, finding.message, is_warning=True, line=finding.line, column=finding.column
                )
            )


def _resolved(base: str, url: str) -> str:
    try:
        return urljoin(base, url)
    except ValueError:
        return url  # an invalid URL fails, with a notification, where it is requested


_resolved_once = lru_cache(1024)(_resolved)


class _ReadDocument(Struct, frozen=True):
    url: str
    document: Document
    body: bytes


def _read(answer: WebAnswer) -> _ReadDocument:
    document = document_of(answer.body, answer.content_type, answer.url)
    return _ReadDocument(answer.url, document, answer.body)
