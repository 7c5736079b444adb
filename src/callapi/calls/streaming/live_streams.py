"""The streams of this node's calls: started by documents and REST, found by sid or name, ended with their call.

A stream runs beside the story of its call and outlives it: a stream of a screening document goes on during the talk.
Each step is published once, together with the outbox row that reports it to the application.
"""

import logging
from collections.abc import Awaitable, Callable
from time import time
from typing import Final

from callapi.base.clock import utc_now
from callapi.base.entropy import random_hex
from callapi.base.ids import AccountSid, CallSid
from callapi.calls.call import Call
from callapi.calls.events import CallEnded, EventBus, StreamChanged
from callapi.calls.one_shot import OneShot
from callapi.calls.problem import Problem
from callapi.calls.streaming.audio import CallAudio
from callapi.calls.streaming.callbacks import StreamEvent, stream_callback
from callapi.calls.streaming.request import (
    StreamEnd,
    StreamRecord,
    StreamRefused,
    StreamRequest,
    StreamStatus,
    TooManyStreams,
)
from callapi.store import AccountRecord
from callapi.streams import (
    Headers,
    MediaStream,
    SocketClient,
    SocketPlan,
    SocketUrl,
    StreamError,
    StreamIdentity,
    StreamPlan,
    parse_url,
)
from callapi.webhooks.signature import callapi_signature, twilio_signature

log = logging.getLogger(__name__)

MAX_STREAMS: Final = 4
"""Streams of `<Start>` and REST on one call; `<Connect>` has one besides."""
MAX_ENDED: Final = 64
"""Ended streams of a live call that REST still finds."""
BUFFER_FULL: Final = 31924


class LiveStreams:
    """Every stream of this node."""

    def __init__(
        self,
        bus: EventBus,
        client: SocketClient,
        account_of: Callable[[AccountSid], Awaitable[AccountRecord | None]],
        max_buffer_s: float,
    ) -> None:
        self.bus = bus
        self.client = client
        self.account_of = account_of
        self.max_buffer_s = max_buffer_s
        self._of_call: dict[CallSid, list[CallStream]] = {}
        bus.attach(CallEnded, self._call_ended)

    def __len__(self) -> int:
        """Streams that are in progress."""
        return sum(not each.is_over for streams in self._of_call.values() for each in streams)

    def check(self, call: Call, request: StreamRequest) -> None:
        """Whether `call` may have the stream.

        Raises:
            StreamRefused: it has as many as it may, or one of that name.
        """
        live = [each for each in self._of_call.get(call.sid, ()) if not each.is_over]
        started = sum(not each.request.is_bidirectional for each in live)
        if not request.is_bidirectional and started >= MAX_STREAMS:
            raise StreamRefused(f"the call has {MAX_STREAMS} streams already; stop one of them first")
        if request.name and any(each.request.name == request.name for each in live):
            raise StreamRefused(f"the call has a stream of the name {request.name!r} already")

    def start(self, call: Call, request: StreamRequest) -> "CallStream":
        """Start a stream on `call`. One that it may not have has failed already, and says so to the application."""
        stream = CallStream(self, call, request)
        self._keep(call.sid, stream)
        try:
            self.check_except(stream, call, request)
        except StreamRefused as refusal:
            stream.fail(TooManyStreams(str(refusal)))
            return stream
        call.run_detached(stream.run)
        return stream

    def check_except(self, stream: "CallStream", call: Call, request: StreamRequest) -> None:
        """As `check`, `stream` itself not counted."""
        stream.is_over = True
        try:
            self.check(call, request)
        finally:
            stream.is_over = False

    def find(self, call: CallSid, key: str) -> "CallStream | None":
        """The stream of that sid or name; of several of one name the last."""
        for each in reversed(self._of_call.get(call, ())):
            if key in {each.sid, each.request.name}:
                return each
        return None

    def stop(self, call: CallSid, name: str | None) -> bool:
        """End the stream of that name, or every one that `<Start>` and REST began; whether there was one."""
        live = [
            each
            for each in self._of_call.get(call, ())
            if not each.is_over and not each.request.is_bidirectional
        ]
        chosen = [each for each in live if name in {None, each.request.name, each.sid}]
        for each in chosen:
            each.stop()
        return bool(chosen)

    def _keep(self, call: CallSid, stream: "CallStream") -> None:
        streams = self._of_call.setdefault(call, [])
        ended = [each for each in streams if each.is_over]
        if len(ended) >= MAX_ENDED:
            streams.remove(ended[0])
        streams.append(stream)

    def _call_ended(self, event: CallEnded) -> None:
        for each in self._of_call.pop(event.call_sid, ()):
            each.stop()


class CallStream:
    """One stream of a call."""

    def __init__(self, streams: LiveStreams, call: Call, request: StreamRequest) -> None:
        self.sid = f"MZ{random_hex()}"
        self.request = request
        self.is_over = False
        self.ended: OneShot[StreamEnd] = OneShot()
        self._streams = streams
        self._call = call
        self._media: MediaStream | None = None
        self._is_stopping = False
        self._was_started = False
        self._updated_at = utc_now()

    @property
    def record(self) -> StreamRecord:
        """As REST shows it."""
        call = self._call.record
        status = StreamStatus.STOPPED if self.is_over or self._is_stopping else StreamStatus.IN_PROGRESS
        return StreamRecord(self.sid, call.account_sid, call.sid, self.request.name, status, self._updated_at)

    def stop(self) -> None:
        """End it in good order. Idempotent."""
        if not self._is_stopping:
            self._is_stopping = True
            self._updated_at = utc_now()
            if self._media is not None:
                self._media.stop()

    async def run(self) -> None:
        """The whole life of the stream; belongs to the task of its call."""
        error: StreamError | None = None
        try:
            error = await self._stream()
        except StreamError as failure:
            error = failure
        finally:
            self._finish(error)

    async def _stream(self) -> StreamError | None:
        call, request = self._call, self.request
        url = parse_url(request.url)
        account = await self._streams.account_of(call.record.account_sid)
        if self._is_stopping or call.ended.is_set:
            return None
        token = account.auth_token if account else ""
        plan = StreamPlan(
            StreamIdentity(call.record.account_sid, call.sid, self.sid),
            request.tracks,
            request.media_format,
            dict(request.parameters),
            request.is_bidirectional,
        )
        target = SocketPlan(url, lambda: signed_headers(url, token), request.reconnects)
        audio = CallAudio(call.leg.stream, request.tracks, request.media_format, self._streams.max_buffer_s)
        self._media = MediaStream(plan, target, self._streams.client, audio, self)
        detach = call.digits.attach(self._media.press)
        try:
            return await self._media.run()
        finally:
            detach()

    def fail(self, error: StreamError) -> None:
        """It never began, because of `error`."""
        self._finish(error)

    def _finish(self, error: StreamError | None) -> None:
        if self.is_over:
            return
        self.is_over = True
        self._updated_at = utc_now()
        if error is not None:
            log.info("%r: stream %s failed: %d %s", self._call, self.sid, error.code, error)
            self._notify(error.code, f"stream {self.request.name or self.sid}: {error}")
            self._publish(StreamEvent.ERROR, error)
        if self._was_started:
            self._publish(StreamEvent.STOPPED)
        self.ended.set(StreamEnd(self.sid, error))

    # --- reports of the stream ---------------------------------------------------------------------------------------

    def started(self) -> None:
        """As StreamReports."""
        self._was_started = True
        self._publish(StreamEvent.STARTED)

    def interrupted(self, error: StreamError) -> None:
        """As StreamReports: a warning, since the stream goes on."""
        text = f"stream {self.request.name or self.sid}: {error}; it is being connected again"
        self._notify(error.code, text, is_warning=True)

    def resumed(self, times: int) -> None:
        """As StreamReports."""
        log.info("%r: stream %s is connected again (%d)", self._call, self.sid, times)

    def overflowed(self, octets: int) -> None:
        """As StreamReports."""
        limit = self._streams.max_buffer_s
        text = f"stream {self.request.name or self.sid}: more than {limit:g} s of audio are queued; the rest is dropped"
        self._notify(
            BUFFER_FULL, f"{text} ({octets} octets so far; send clear, or wait for marks)", is_warning=True
        )

    def _notify(self, code: int, text: str, *, is_warning: bool = False) -> None:
        request = self.request
        self._call.notify(
            Problem(
                code, text, is_warning=is_warning, line=request.line or None, column=request.column or None
            )
        )

    def _publish(self, event: StreamEvent, error: StreamError | None = None) -> None:
        now, call, request = utc_now(), self._call.record, self.request
        row = stream_callback(call, (self.sid, request.name), event, now, request.callback, error)
        text = f"{error.code}: {error}" if error is not None else None
        self._streams.bus.publish(StreamChanged(call, now, self.sid, request.name, event.value, text, row))


def signed_headers(url: SocketUrl, token: str) -> Headers:
    """Both signatures of a handshake, keyed with the account's token; none without an account."""
    if not token:
        return ()
    return (
        ("X-Twilio-Signature", twilio_signature(url.signed_base, url.signed_parameters, token)),
        ("X-CallAPI-Signature", callapi_signature(url.text, b"", token, int(time()))),
    )
