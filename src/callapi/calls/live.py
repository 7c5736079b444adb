"""The live directory: every call that is up, the task group that owns them, and the way to place another."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from types import TracebackType
from typing import Any, Self

from msgspec.structs import replace

from callapi.base.api_version import API_VERSION
from callapi.base.clock import utc_now
from callapi.base.ids import CallSid, new_call_sid
from callapi.calls.call import Call, Story
from callapi.calls.errors import ACCOUNT_FULL, NO_MEDIA_PORTS, NotPlaceable
from callapi.calls.leg import Attempt, Leg
from callapi.calls.placement import InboundCall, Placement
from callapi.calls.quotas import CALLS, Quotas
from callapi.calls.records.journal import Journal
from callapi.calls.records.timeline import Timelines
from callapi.calls.status import CallStatus
from callapi.media import (
    AudioStream,
    LocalMedia,
    MediaNegotiation,
    MediaPlane,
    PortsExhausted,
    VideoStream,
)
from callapi.sip import Endpoint, InboundSession, NameAddr, OutboundInvite, OutboundSession
from callapi.store import CallRecord

log = logging.getLogger(__name__)


class LiveCalls:
    """All calls of this node. Leaving the block ends them all, with their records."""

    def __init__(  # noqa: PLR0913 - each is needed, and none may be forgotten
        self,
        endpoint: Endpoint,
        plane: MediaPlane,
        journal: Journal,
        timelines: Timelines,
        *,
        node: str,
        codecs: tuple[str, ...],
        quotas: Quotas,
    ) -> None:
        self.endpoint = endpoint
        self.plane = plane
        self.journal = journal
        self._node = node
        self._codecs = codecs
        self._calls: dict[CallSid, Call] = {}
        self._timelines = timelines
        self.quotas = quotas
        self._tasks = asyncio.TaskGroup()
        self.empty = asyncio.Event()
        self.empty.set()

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.hang_up_all("the node stops")
        await self._tasks.__aexit__(kind, error, traceback)

    def __len__(self) -> int:
        return len(self._calls)

    def get(self, sid: CallSid) -> Call | None:
        """The live call of that sid."""
        return self._calls.get(sid)

    def calls(self) -> list[Call]:
        """All that are up at the moment."""
        return list(self._calls.values())

    def hang_up_all(self, reason: str) -> None:
        """End every call politely."""
        for call in self.calls():
            call.hang_up(reason)

    def take(self, session: InboundSession, arrival: InboundCall) -> Call:
        """Make an inbound session a call. It is not live yet: `start` it.

        Raises:
            NotAcceptable: the offer has nothing that we can use.
            PortsExhausted: no media port is free.
        """
        stream = self.plane.open_stream()
        try:
            leg = Leg(session, stream, self._negotiation(stream, None))
            leg.prepare_answer(session.request.body)
        except BaseException:
            stream.close()
            raise
        now = utc_now()
        callbacks = arrival.callbacks
        record = CallRecord(
            sid=new_call_sid(),
            account_sid=arrival.account_sid,
            from_=arrival.from_,
            to=arrival.to,
            direction="inbound",
            status=CallStatus.RINGING.value,
            date_created=now,
            date_updated=now,
            start_time=now,
            api_version=API_VERSION,
            node=self._node,
            number_sid=arrival.number_sid,
            caller_name=arrival.caller_name,
            forwarded_from=arrival.forwarded_from,
            sip_call_id=session.call_id,
            status_callback=callbacks.url if callbacks else None,
            status_callback_method=callbacks.method if callbacks else None,
            status_callback_events=callbacks.events if callbacks else (),
        )
        self.journal.begin(record)
        return Call(record, leg, self.journal, arrival.sip)

    def draft(self, placement: Placement) -> CallRecord:
        """The record of a call that is to be placed, as it stands before that."""
        now = utc_now()
        callbacks = placement.callbacks
        return CallRecord(
            sid=new_call_sid(),
            account_sid=placement.account_sid,
            from_=placement.from_name,
            to=placement.to_name,
            direction=placement.direction,
            status=CallStatus.QUEUED.value,
            date_created=now,
            date_updated=now,
            api_version=API_VERSION,
            node=self._node,
            parent_call_sid=placement.parent_sid,
            caller_name=placement.caller_name,
            forwarded_from=placement.forwarded_from,
            status_callback=callbacks.url if callbacks else None,
            status_callback_method=callbacks.method if callbacks else None,
            status_callback_events=callbacks.events if callbacks else (),
        )

    def place(
        self,
        placement: Placement,
        story: Callable[[Call], Coroutine[Any, Any, None]] | None = None,
        record: CallRecord | None = None,
    ) -> Call:
        """Send an INVITE and start the call's life, with `story` told on it; `record` is its draft if it has one.

        Raises:
            NotPlaceable: no media port is free, or the account has too many calls up.
        """
        if self.quotas.is_full(placement.account_sid):
            raise NotPlaceable(ACCOUNT_FULL, f"the account has all the calls up that it may have ({CALLS})")
        stream, video = self._open_streams(placement)
        negotiation = self._negotiation(stream, placement.codecs)
        if video is not None:
            negotiation.relay_video(video.local.port, placement.video)
        alternatives = placement.alternatives
        if record is None:
            record = self.draft(placement)
            self.journal.begin(record)
        session = self._invite(placement, negotiation, is_last=not alternatives)
        record = replace(record, start_time=utc_now(), sip_call_id=session.call_id)
        beside = [self._ring_beside(each, stream, session.call_id) for each in placement.beside]
        further = self._further(alternatives, stream, session.call_id)
        call = Call(record, Leg(session, stream, negotiation, video, further, beside), self.journal)
        call.initiated()
        self.start(call, partial(story, call) if story else None)
        return call

    def _invite(
        self,
        placement: Placement,
        negotiation: MediaNegotiation,
        call_id: str | None = None,
        *,
        is_last: bool,
    ) -> OutboundSession:
        address = placement.address
        hops = placement.hops_left
        return self.endpoint.invite(
            OutboundInvite(
                request_uri=address.uri,
                from_=placement.from_,
                to=NameAddr(None, address.uri, ()),
                headers=address.headers if hops is None else (*address.headers, ("Max-Forwards", str(hops))),
                body=negotiation.make_offer(),
                credentials=address.credentials,
                routes=address.routes,
                flow=address.flow,
                call_id=call_id,
                is_one_of_several=not is_last,
            )
        )

    def _ring_beside(self, placement: Placement, stream: AudioStream, call_id: str) -> Attempt:
        negotiation = self._negotiation(stream, placement.codecs)
        return self._invite(placement, negotiation, call_id, is_last=True), negotiation

    def _further(
        self, alternatives: tuple[Placement, ...], stream: AudioStream, call_id: str
    ) -> Iterator[Attempt]:
        """Send one INVITE after the other, as they are asked for, all under one Call-ID."""
        for place, each in enumerate(alternatives, 1):
            negotiation = self._negotiation(stream, each.codecs)
            yield self._invite(each, negotiation, call_id, is_last=place == len(alternatives)), negotiation

    def start(self, call: Call, story: Story | None = None) -> None:
        """Let `call` live, with `story` told on it."""
        sid = call.sid
        self._calls[sid] = call
        self.quotas.began(call.record.account_sid)
        self._timelines.open(sid, call.leg.session.call_id, call.timeline)
        self.empty.clear()
        self._tasks.create_task(self._live(call, story))

    async def _live(self, call: Call, story: Story | None) -> None:
        try:
            await call.live(story)
        except Exception:
            log.exception("%r: broke off", call)
        finally:
            sid = call.sid
            del self._calls[sid]
            self.quotas.ended(call.record.account_sid)
            self._timelines.close(sid, call.leg.session.call_id)
            if not self._calls:
                self.empty.set()

    def _open_streams(self, placement: Placement) -> tuple[AudioStream, VideoStream | None]:
        try:
            stream = self.plane.open_stream()
            try:
                return stream, self.plane.open_video() if placement.video else None
            except BaseException:
                stream.close()
                raise
        except PortsExhausted as error:
            raise NotPlaceable(NO_MEDIA_PORTS, str(error)) from error

    def _negotiation(self, stream: AudioStream, codecs: tuple[str, ...] | None) -> MediaNegotiation:
        local = stream.local
        return MediaNegotiation(
            LocalMedia(address=local.host, audio_port=local.port, codecs=codecs or self._codecs)
        )
