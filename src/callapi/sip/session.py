"""A session as its story sees it: commands are synchronous, events are awaited.

A session holds no protocol rule. A command is an input of its machine (`invite_session`), performed by the
endpoint before the method returns; what the machine reports comes out of `events`. Commands to a session that
has ended do nothing: the story may be one step behind the wire, and `Ended` is on its way to it.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import Protocol

from callapi.sip.events import Ended, InfoReceived, Party, Provisional, ReferReceived, SessionEvent
from callapi.sip.invite_session.commands import (
    Accept,
    Acknowledge,
    AnswerOffer,
    Command,
    ExtraHeaders,
    HangUp,
    Offer,
    Refuse,
    RefuseOffer,
    Ring,
    SendInfo,
)
from callapi.sip.messages.headers import NameAddr
from callapi.sip.messages.message import Request, Response
from callapi.sip.outbound_refer import OutboundRefer
from callapi.sip.transport import Hop

MAX_UNREAD_EVENTS = 64
_AT_WILL = (Provisional, InfoReceived, ReferReceived)


class SessionPort(Protocol):
    """The endpoint's side of a session: what the commands and the properties reach through."""

    @property
    def call_id(self) -> str: ...
    @property
    def local_tag(self) -> str: ...
    @property
    def remote_tag(self) -> str: ...
    @property
    def local_uri(self) -> NameAddr: ...
    @property
    def remote_uri(self) -> NameAddr: ...
    @property
    def is_answered(self) -> bool: ...
    def command(self, command: Command) -> None: ...
    def refer(self, refer_to: str, referred_by: str | None, headers: ExtraHeaders) -> OutboundRefer: ...


class Session:
    """One INVITE session, inbound or outbound, from its INVITE to its `Ended`."""

    __slots__ = ("_ended", "_events", "_port", "_waiter", "request", "source")

    def __init__(self, request: Request, source: Hop | None, port: SessionPort) -> None:
        self.request = request
        self.source = source
        self._port = port
        self._events: list[SessionEvent] = []  # few, and mostly none: a deque takes 760 bytes
        self._waiter: asyncio.Future[None] | None = None
        self._ended: Ended | None = None

    # --- what it is ---

    @property
    def call_id(self) -> str:
        """The Call-ID of the dialog."""
        return self._port.call_id

    @property
    def local_tag(self) -> str:
        """Our tag of the dialog."""
        return self._port.local_tag

    @property
    def remote_tag(self) -> str:
        """The peer's tag; empty until an answer brought it."""
        return self._port.remote_tag

    @property
    def local_uri(self) -> NameAddr:
        """Who we are in this dialog (From of an outbound INVITE, To of an inbound one)."""
        return self._port.local_uri

    @property
    def remote_uri(self) -> NameAddr:
        """Who the peer is in this dialog."""
        return self._port.remote_uri

    @property
    def is_answered(self) -> bool:
        """Whether a 2xx to the INVITE was sent or received."""
        return self._port.is_answered

    @property
    def is_ended(self) -> bool:
        """Whether the session is over, though its last events may be unread."""
        return self._ended is not None

    # --- events ---

    @property
    def events(self) -> AsyncIterator[SessionEvent]:
        """The events from here on, `Ended` last. One reader at a time."""
        return self._read()

    async def _read(self) -> AsyncIterator[SessionEvent]:
        while True:
            event = await self.next_event()
            yield event
            if isinstance(event, Ended):
                return

    @property
    def has_event(self) -> bool:
        """Whether `next_event` would return at once."""
        return bool(self._events) or self._ended is not None

    async def wait_for_event(self) -> None:
        """Return when `has_event`: to wait for one of several sessions."""
        while not self.has_event:
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None

    async def next_event(self) -> SessionEvent:
        """The next event; after `Ended` it is `Ended` again. Cancelling the wait loses nothing."""
        if not self._events:
            if self._ended is not None:
                return self._ended
            await self.wait_for_event()
        return self._events.pop(0)

    def put(self, event: SessionEvent) -> None:
        """For the endpoint: put an event into the queue.

        The queue is bounded: of events that a peer may send at will, those above `MAX_UNREAD_EVENTS` are
        lost; the others come one for one with commands of the story, and are few.
        """
        if self._ended is not None:
            return
        if isinstance(event, _AT_WILL) and len(self._events) >= MAX_UNREAD_EVENTS:
            return
        if isinstance(event, Ended):
            self._ended = event
        self._events.append(event)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def leave(self) -> None:
        """Wait no longer for the far side: `Ended` comes now. What the peer is still owed is sent."""
        self.put(Ended(Party.LOCAL, None, "not waited for"))

    def detach(self, port: SessionPort) -> None:
        """For the endpoint: the machine is gone; `port` keeps the last facts and ignores commands."""
        self._port = port

    # --- commands ---

    def hang_up(self, *, reason: str | None = None, headers: ExtraHeaders = ()) -> None:
        """End the session: BYE when answered, CANCEL when outbound and ringing, 603 when inbound and ringing.

        Idempotent. `reason` becomes a Reason header (RFC 3326), as given, e.g. `Q.850;cause=16`. A 2xx that
        crosses our CANCEL is acknowledged and hung up inside. `Ended` comes at once, except that a CANCEL waits
        for the final response (at most 32 seconds for a peer that is silent).
        """
        self._port.command(HangUp(reason, headers))

    def offer(self, body: bytes) -> None:
        """Offer new session parameters by re-INVITE; `AnswerReceived` or `OfferRefused` follows.

        An offer of the peer that is open already wins (`OfferRefused` with a 491). Raises LocalProtocolError when
        the INVITE is not answered yet, or when an offer of ours is still open (RFC 3264 §4).
        """
        self._port.command(Offer(body))

    def answer_offer(self, body: bytes) -> None:
        """Answer `OfferReceived`, or give our offer after `OfferRequested`.

        Does nothing if the peer has taken it back meanwhile, or if it was left unanswered for 10 seconds.
        """
        self._port.command(AnswerOffer(body))

    def refuse_offer(self, status: int = 488, headers: ExtraHeaders = ()) -> None:
        """Refuse `OfferReceived` or `OfferRequested`; the session stays as it was. Otherwise as `answer_offer`."""
        self._port.command(RefuseOffer(status, headers))

    def refer(
        self, refer_to: str, *, referred_by: str | None = None, headers: ExtraHeaders = ()
    ) -> OutboundRefer:
        """Ask the peer to call `refer_to` (RFC 3515), a Refer-To value such as `<sip:bob@example.com>`.

        `referred_by` becomes Referred-By (RFC 3892). The session goes on; what becomes of the reference are the events
        of the result. Raises LocalProtocolError when there is no dialog, or for a value with a line end.
        """
        return self._port.refer(refer_to, referred_by, headers)

    def send_info(self, content_type: str, body: bytes) -> None:
        """Send an INFO in the dialog (RFC 6086). Raises LocalProtocolError when there is no dialog yet."""
        self._port.command(SendInfo(content_type, body))


class InboundSession(Session):
    """A session whose INVITE came to us."""

    __slots__ = ("replaces",)

    source: Hop
    replaces: Session | None
    """The session whose place this one is to take (RFC 3891): accept this one, then hang that one up. The endpoint has
    judged that it exists and may be replaced; whether the caller is entitled to it is for the application to judge."""

    def __init__(
        self, request: Request, source: Hop, port: SessionPort, replaces: Session | None = None
    ) -> None:
        super().__init__(request, source, port)
        self.replaces = replaces

    def ring(
        self, status: int = 180, reason: str | None = None, body: bytes = b"", headers: ExtraHeaders = ()
    ) -> None:
        """Send a 101..199; a body is an answer (early media). May be repeated.

        Raises LocalProtocolError once a final answer was given.
        """
        self._port.command(Ring(status, reason, body, headers))

    def accept(self, body: bytes, headers: ExtraHeaders = ()) -> None:
        """Send the 200, repeated until the ACK comes (`Confirmed`); without an ACK the session ends by BYE.

        Raises LocalProtocolError once a final answer was given.
        """
        self._port.command(Accept(body, headers))

    def refuse(self, status: int, reason: str | None = None, headers: ExtraHeaders = ()) -> None:
        """Send a final answer >= 300; `Ended` follows at once.

        Raises LocalProtocolError once a final answer was given.
        """
        self._port.command(Refuse(status, reason, headers))


class OutboundSession(Session):
    """A session whose INVITE is ours. `request` is the INVITE as last sent (after digest or failover)."""

    __slots__ = ("final",)

    def __init__(self, request: Request, port: SessionPort) -> None:
        super().__init__(request, None, port)
        self.final: Response | None = None
        """The final response of the INVITE, once there is one."""

    def acknowledge(self, body: bytes) -> None:
        """Send the ACK with our answer, after `Accepted` to an INVITE without an offer.

        Raises LocalProtocolError when no ACK is owed.
        """
        self._port.command(Acknowledge(body))

    def cancel(self, *, reason: str | None = None, headers: ExtraHeaders = ()) -> None:
        """`hang_up`, by the name it has while ringing."""
        self.hang_up(reason=reason, headers=headers)
