"""The live directory: every call that is up, the task group that owns them, and the way to place another."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Iterator
from functools import partial
from types import TracebackType
from typing import Any, Self

from msgspec.structs import replace

from callapi.base.clock import utc_now
from callapi.base.ids import CallSid
from callapi.calls.call import Call
from callapi.calls.documents.stories import Story
from callapi.calls.errors import ACCOUNT_FULL, NO_MEDIA_PORTS, NotPlaceable
from callapi.calls.events import CallClosed, CallOpened, CallStarted, EventBus
from callapi.calls.legs.called_party import Attempt, CalledParty
from callapi.calls.legs.leg import Leg
from callapi.calls.legs.lent_leg import LentLeg
from callapi.calls.legs.media_security import KEYS_EXPOSED, KEYS_REFUSED, UNENCRYPTED, SecurityRules
from callapi.calls.legs.reachability import ADDRESS_PRIVATE, WarnedNetworks, is_ipv6, unreachable
from callapi.calls.placing.placement import InboundCall, Placement, Subscription
from callapi.calls.placing.redirects import Redirects
from callapi.calls.problem import Problem
from callapi.calls.quotas import CALLS, Quotas
from callapi.calls.records.call_record import new_record
from callapi.calls.status import CallStatus
from callapi.media import (
    AudioStream,
    LocalMedia,
    MediaNegotiation,
    MediaPlane,
    MediaSecurity,
    PortsExhausted,
    VideoStream,
)
from callapi.sip import Endpoint, InboundSession, NameAddr, OutboundInvite, OutboundSession, SipUri
from callapi.store import CallRecord

log = logging.getLogger(__name__)


class LiveCalls:
    """All calls of this node. Leaving the block ends them all, with their records."""

    def __init__(  # noqa: PLR0913 - each is needed, and none may be forgotten
        self,
        endpoint: Endpoint,
        plane: MediaPlane,
        bus: EventBus,
        *,
        node: str,
        codecs: tuple[str, ...],
        quotas: Quotas,
        blocked_prefixes: tuple[str, ...],
        security: SecurityRules = UNENCRYPTED,
    ) -> None:
        self.endpoint = endpoint
        self.plane = plane
        self.bus = bus
        self._node = node
        self._codecs = codecs
        self._security = security
        self._blocked_prefixes = blocked_prefixes
        self._calls: dict[CallSid, Call] = {}
        self.quotas = quotas
        self._warned = WarnedNetworks()
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

    def admit(self, session: InboundSession, arrival: InboundCall) -> Call:
        """Make an inbound session a call. It is not live yet: `start` it.

        Raises:
            NotAcceptable: the offer has nothing that we can use.
            PortsExhausted: no media port is free.
        """
        stream = self.plane.open_stream(is_ipv6=is_ipv6(session.request.body, session.source.host))
        try:
            security = self._security.of_source(arrival.srtp, session.source)
            leg = Leg.of(session, stream, self._negotiation(stream, None, security))
            leg.prepare_answer(session.request.body)
        except BaseException:
            stream.close()
            raise
        now = utc_now()
        record = new_record(
            account_sid=arrival.account_sid,
            from_=arrival.from_,
            to=arrival.to,
            direction="inbound",
            status=CallStatus.RINGING,
            node=self._node,
            at=now,
            callbacks=arrival.callbacks,
            start_time=now,
            number_sid=arrival.number_sid,
            caller_name=arrival.caller_name,
            forwarded_from=arrival.forwarded_from,
            sip_call_id=session.call_id,
        )
        self.bus.publish(CallStarted(record, now))
        return Call(record, leg, self.bus, arrival.sip)

    def draft(self, placement: Placement) -> CallRecord:
        """The record of a call that is to be placed, as it stands before that."""
        return new_record(
            account_sid=placement.account_sid,
            from_=placement.from_name,
            to=placement.to_name,
            direction=placement.direction,
            status=CallStatus.QUEUED,
            node=self._node,
            at=utc_now(),
            callbacks=placement.callbacks,
            parent_call_sid=placement.parent_sid,
            caller_name=placement.caller_name,
            forwarded_from=placement.forwarded_from,
        )

    def place(
        self,
        placement: Placement,
        story: Callable[[Call], Coroutine[Any, Any, None]] | None = None,
        record: CallRecord | None = None,
    ) -> Call:
        """Send an INVITE and start the call's life, with `story` on it; `record` is its draft if it has one.

        Raises:
            NotPlaceable: no media port is free, or the account has too many calls up.
        """
        if self.quotas.is_full(placement.account_sid):
            raise NotPlaceable(ACCOUNT_FULL, f"the account has all the calls up that it may have ({CALLS})")
        stream, video = self._open_streams(placement)
        negotiation = self._negotiation_for(placement, stream)
        if video is not None:
            negotiation.relay_video(video.local.port, placement.video)
        if record is None:
            record = self.draft(placement)
            self.bus.publish(CallStarted(record, record.date_created))
        session = self._invite(placement, negotiation, is_last=not placement.serial)
        record = replace(record, start_time=utc_now(), sip_call_id=session.call_id)
        redirects = Redirects(placement.address.uri, self._blocked_prefixes)
        party = CalledParty(
            Attempt(session, negotiation, placement),
            [self._attempt(each, stream, session.call_id) for each in placement.parallel],
            self._serial(placement.serial, stream, session.call_id) if placement.serial else None,
            lambda attempt: self._redirected(redirects, attempt, stream),
        )
        call = Call(record, Leg(party, stream, video), self.bus)
        call.redirects = redirects.followed
        self.start(call, partial(story, call) if story else None)
        call.initiated()
        if negotiation.exposes_keys:
            text = f"srtp is required, and the keys travel unencrypted to {placement.address.uri}: use transport=tls"
            call.notify(Problem(KEYS_EXPOSED, text, is_warning=True))
        uri = placement.address.uri
        if isinstance(uri, SipUri) and (note := unreachable(stream.local.host, uri.host)) is not None:
            self._warn_of(call, note, uri.host)
        return call

    def lend(
        self,
        caller: Call,
        to: str,
        callbacks: Subscription | None,
        story: Callable[[Call], Coroutine[Any, Any, None]],
    ) -> Call:
        """A child call of `caller`, on its leg, that an application answers: `story`.

        Raises:
            NotPlaceable: the account has too many calls up.
        """
        parent = caller.record
        if self.quotas.is_full(parent.account_sid):
            raise NotPlaceable(ACCOUNT_FULL, f"the account has all the calls up that it may have ({CALLS})")
        now = utc_now()
        record = new_record(
            account_sid=parent.account_sid,
            from_=parent.from_,
            to=to,
            direction="outbound-dial",
            status=CallStatus.QUEUED,
            node=self._node,
            at=now,
            callbacks=callbacks,
            start_time=now,
            parent_call_sid=parent.sid,
            caller_name=parent.caller_name,
            forwarded_from=parent.forwarded_from,
        )
        self.bus.publish(CallStarted(record, now))
        child = Call(record, LentLeg(caller.leg, caller.answer), self.bus, caller.sip)
        child.digits = caller.digits
        self.start(child, partial(story, child))
        child.initiated()
        return child

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
                to=placement.to or NameAddr(None, address.uri, ()),
                headers=address.headers if hops is None else (*address.headers, ("Max-Forwards", str(hops))),
                body=negotiation.make_offer(),
                credentials=address.credentials,
                routes=address.routes,
                flow=address.flow,
                call_id=call_id,
                is_one_of_several=not is_last,
            )
        )

    def _attempt(
        self, placement: Placement, stream: AudioStream, call_id: str, *, is_last: bool = True
    ) -> Attempt:
        negotiation = self._negotiation_for(placement, stream)
        session = self._invite(placement, negotiation, call_id, is_last=is_last)
        return Attempt(session, negotiation, placement)

    def _redirected(self, redirects: Redirects, attempt: Attempt, stream: AudioStream) -> Iterator[Attempt]:
        """Send one INVITE after the other to where a 3xx leads, as they are asked for."""
        session, placement = attempt.session, attempt.placement
        final = session.final if isinstance(session, OutboundSession) else None
        if final is not None and placement is not None:
            for target in redirects.targets(final.contacts, placement):
                yield self._attempt(target, stream, session.call_id)

    def _serial(
        self, placements: tuple[Placement, ...], stream: AudioStream, call_id: str
    ) -> Iterator[Attempt]:
        """Send one INVITE after the other, as they are asked for, all under one Call-ID."""
        for place, each in enumerate(placements, 1):
            yield self._attempt(each, stream, call_id, is_last=place == len(placements))

    def start(self, call: Call, story: Story | None = None) -> None:
        """Let `call` live, with `story` on it."""
        sid = call.sid
        self._calls[sid] = call
        self.quotas.began(call.record.account_sid)
        self.empty.clear()
        self.bus.publish(CallOpened(call.record, utc_now()))
        if (note := call.leg.security_note) is not None:
            call.notify(Problem(KEYS_REFUSED, note, is_warning=True))
        if (reach := call.leg.reach_note) is not None:
            self._warn_of(call, *reach)
        self._tasks.create_task(self._live(call, story))

    def _warn_of(self, call: Call, text: str, peer: str) -> None:
        """Media that may not come: a warning for each network of peers now and then, not for each call."""
        if self._warned.is_due(call.record.account_sid, peer, asyncio.get_running_loop().time()):
            call.notify(Problem(ADDRESS_PRIVATE, text, is_warning=True))

    async def _live(self, call: Call, story: Story | None) -> None:
        try:
            await call.live(story)
        except Exception:
            log.exception("%r: broke off", call)
        finally:
            # Another leg of the same sid may have come meanwhile, between nodes.
            if self._calls.get(call.sid) is call:
                del self._calls[call.sid]
            self.quotas.ended(call.record.account_sid)
            self.bus.publish(CallClosed(call.record, utc_now()))
            if not self._calls:
                self.empty.set()

    def _open_streams(self, placement: Placement) -> tuple[AudioStream, VideoStream | None]:
        to = placement.address
        family = is_ipv6(b"", to.flow.host if to.flow is not None else str(to.uri.host))
        try:
            stream = self.plane.open_stream(is_ipv6=family)
            try:
                return stream, self.plane.open_video(is_ipv6=family) if placement.video else None
            except BaseException:
                stream.close()
                raise
        except PortsExhausted as error:
            raise NotPlaceable(NO_MEDIA_PORTS, str(error)) from error

    def _negotiation_for(self, placement: Placement, stream: AudioStream) -> MediaNegotiation:
        security = self._security.of_destination(placement.srtp, placement.address)
        return self._negotiation(stream, placement.codecs, security)

    def _negotiation(
        self, stream: AudioStream, codecs: tuple[str, ...] | None, security: MediaSecurity
    ) -> MediaNegotiation:
        local = stream.local
        return MediaNegotiation(
            LocalMedia(address=local.host, audio_port=local.port, codecs=codecs or self._codecs), security
        )
