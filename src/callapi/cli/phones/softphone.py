"""A phone on our own stack: an endpoint and a media plane, without a node. For `phone`, `demo` and `doctor`.

What it hears it can record, what it says is a prompt; the rest is `calls.Leg`, as in a node.
"""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from msgspec import Struct

from callapi.calls.legs.leg import Answered, Dtmf, Leg, LegEvent, Rang, warning
from callapi.cli.ports import free_port
from callapi.media import (
    AudioStream,
    DigitPressed,
    FirstPacket,
    LocalMedia,
    MediaNegotiation,
    MediaPlane,
    NotAcceptable,
    Playback,
    Prompt,
    Recording,
    RecordOptions,
    StreamClosed,
)
from callapi.sip import (
    Credentials,
    Ended,
    Endpoint,
    EndpointOptions,
    InboundSession,
    NameAddr,
    OutboundInvite,
    OutboundRequest,
    Response,
    SipUri,
    Traced,
)

CODECS: Final = ("PCMU", "PCMA", "G722", "opus")
EXPIRES_S: Final = 300


class PhoneOptions(Struct, frozen=True):
    """Who a phone is and where it listens; `port` 0: a free one. `domain`: of its address, if that is a registrar's.

    `codecs` are those it knows, the best liked first.
    """

    name: str
    host: str = "127.0.0.1"
    port: int = 0
    transport: str = "udp"
    credentials: Credentials | None = None
    domain: str = ""
    codecs: tuple[str, ...] = CODECS


class PhoneCall:
    """One call of a phone, from its INVITE to its end. `happened` is called with each step, in words."""

    def __init__(self, leg: Leg, happened: Callable[[str], None]) -> None:
        self.leg = leg
        self.digits = ""
        self.ending: Ended | None = None
        self._happened = happened
        self._rang = asyncio.Event()
        self._answered = asyncio.Event()
        self._ended = asyncio.Event()
        self._heard = asyncio.Event()

    @property
    def remote(self) -> str:
        """The address of the other party."""
        return str(self.leg.session.remote_uri.uri)

    # ---- commands

    def ring(self) -> None:
        """180."""
        self.leg.ring()

    def answer(self) -> None:
        """200."""
        self.leg.answer()
        self._answered.set()

    def refuse(self, status: int) -> None:
        """A final response >= 300."""
        if isinstance(self.leg.session, InboundSession):
            self.leg.session.refuse(status)

    def hang_up(self) -> None:
        """BYE, CANCEL or a refusal."""
        self.leg.session.hang_up()

    def say(self, prompt: Prompt, *, loop: int = 0) -> Playback:
        """Say `prompt`; `loop` 0: over and over."""
        return self.leg.stream.play(prompt, loop=loop)

    def press(self, digits: str) -> Playback:
        """Press keys."""
        return self.leg.stream.send_digits(digits)

    def record(self, path: Path) -> Recording:
        """Keep what is heard from now on."""
        return self.leg.stream.record(path, RecordOptions(received_only=True))

    # ---- what happened

    async def rings(self, timeout_s: float) -> bool:
        """Whether it rings or is answered within `timeout_s`."""
        return await _within(self._rang, timeout_s)

    async def is_answered(self, timeout_s: float) -> bool:
        """Whether it is answered within `timeout_s`; False at once when it ends before."""
        answered = await _within(self._answered, timeout_s)
        return answered and not (self._ended.is_set() and not self.leg.is_answered)

    async def hears(self, timeout_s: float) -> bool:
        """Whether RTP comes in within `timeout_s`."""
        return await _within(self._heard, timeout_s)

    async def ended(self, timeout_s: float | None = None) -> bool:
        """Whether it ends within `timeout_s` (None: wait as long as it takes)."""
        return await _within(self._ended, timeout_s)

    async def live(self) -> None:
        """Follow the call to its end; the creator of the call runs this in a task."""
        async with asyncio.TaskGroup() as group:
            listening = group.create_task(self._listen())
            while self.ending is None:
                self._note(await self.leg.next_event())
            self.leg.close()
            listening.cancel()
        status = f" ({self.ending.status})" if self.ending.status else ""
        self._happened(f"ended by {self.ending.by}{status}: {self.ending.reason}")
        for each in (self._rang, self._answered, self._ended, self._heard):
            each.set()

    def _note(self, event: LegEvent) -> None:
        match event:
            case Rang(response):
                self._happened(f"{response.status} {response.reason}")
                self._rang.set()
            case Answered():
                self._happened("answered")
                self._rang.set()
                self._answered.set()
            case Dtmf(info):
                for digit in info.digits:
                    self._press_heard(digit)
            case Ended() as ending:
                self.ending = ending

    async def _listen(self) -> None:
        with contextlib.suppress(StreamClosed):
            while True:
                match await self.leg.stream.next_event():
                    case DigitPressed(digit):
                        self._press_heard(digit)
                    case FirstPacket():
                        self._heard.set()

    def _press_heard(self, digit: str) -> None:
        self.digits += digit
        self._happened(f"the other pressed {digit}")


async def _within(event: asyncio.Event, timeout_s: float | None) -> bool:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(timeout_s):
            await event.wait()
    return event.is_set()


class Softphone:
    """A phone: `async with Softphone(options, plane) as phone`. The media plane is the caller's to close."""

    def __init__(
        self,
        options: PhoneOptions,
        plane: MediaPlane,
        *,
        happened: Callable[[str], None] = lambda _: None,
        trace: Callable[[Traced], None] | None = None,
    ) -> None:
        self.options = options
        self.port = options.port or free_port(options.host)
        self._plane = plane
        self._happened = happened
        listen = (f"{options.transport}://{options.host}:{self.port}",)
        self._endpoint = Endpoint(EndpointOptions(listen=listen, user_agent="CallAPI phone"), trace=trace)
        self._tasks = asyncio.TaskGroup()
        self._register_call_id = f"{secrets.token_hex(8)}@{options.host}"
        self._register_cseq = 0

    async def __aenter__(self) -> Self:
        await self._endpoint.__aenter__()
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self._endpoint.__aexit__(kind, error, traceback)
        await self._tasks.__aexit__(kind, error, traceback)

    @property
    def uri(self) -> str:
        """The contact address of the phone."""
        suffix = "" if self.options.transport == "udp" else f";transport={self.options.transport}"
        return f"sip:{self.options.name}@{self.options.host}:{self.port}{suffix}"

    @property
    def _identity(self) -> NameAddr:
        """The address-of-record where the phone has one, else its contact."""
        domain = self.options.domain
        return NameAddr(None, SipUri.parse(f"sip:{self.options.name}@{domain}" if domain else self.uri))

    def _open(self) -> tuple[AudioStream, MediaNegotiation]:
        stream = self._plane.open_stream()
        return stream, MediaNegotiation(
            LocalMedia(address=stream.local.host, audio_port=stream.local.port, codecs=self.options.codecs)
        )

    def _live(self, leg: Leg) -> PhoneCall:
        call = PhoneCall(leg, self._happened)
        self._tasks.create_task(call.live())
        return call

    def dial(self, uri: str, *, headers: tuple[tuple[str, str], ...] = ()) -> PhoneCall:
        """Call `uri`. Raises ParseError on text that is not a SIP URI, PortsExhausted."""
        target = SipUri.parse(uri)
        stream, negotiation = self._open()
        invite = OutboundInvite(
            request_uri=target,
            from_=self._identity,
            to=NameAddr(None, target.without_headers()),
            headers=headers,
            body=negotiation.make_offer(),
            credentials=self.options.credentials,
        )
        return self._live(Leg.of(self._endpoint.invite(invite), stream, negotiation))

    async def incoming(self) -> AsyncIterator[PhoneCall]:
        """The calls that come in; one without a usable codec is refused here."""
        async for session in self._endpoint.incoming():
            stream, negotiation = self._open()
            leg = Leg.of(session, stream, negotiation)
            try:
                leg.prepare_answer(session.request.body)
            except NotAcceptable as problem:
                stream.close()
                session.refuse(488, headers=(warning(problem),))
                continue
            yield self._live(leg)

    async def register(self, registrar: str, expires_s: int = EXPIRES_S) -> Response:
        """REGISTER once (RFC 3261 §10.2); `expires_s` 0 takes the binding away. The final response."""
        self._register_cseq += 2  # one more is used by the answer to a challenge
        request = OutboundRequest(
            "REGISTER",
            SipUri.parse(registrar),
            from_=self._identity,
            to=self._identity,
            headers=(("Contact", f"<{self.uri}>"), ("Expires", str(expires_s))),
            credentials=self.options.credentials,
            call_id=self._register_call_id,
            cseq=self._register_cseq,
        )
        return await self._endpoint.request(request)
