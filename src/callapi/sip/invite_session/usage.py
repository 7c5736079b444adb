"""What the phases of one session share: the dialog, whose turn it is to offer, timers and who we are.

RFC 5057 calls it an INVITE usage. It decides nothing; it writes the parts that every message of a session has.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from msgspec import Struct

from callapi.sip.authentication.authenticator import Authenticator
from callapi.sip.dialog import Dialog
from callapi.sip.errors import LocalProtocolError
from callapi.sip.events import InfoReceived, Party
from callapi.sip.invite_session.offer_answer import OfferAnswerState
from callapi.sip.invite_session.session_timer import SessionTimers
from callapi.sip.messages.info import DIGIT_TYPES, is_understood
from callapi.sip.messages.message import Message, Request, make_response
from callapi.sip.outputs import Handle, Respond

SDP = "application/sdp"
SUPPORTED = "100rel, timer, replaces, norefersub"
_REFRESHES_TARGET = frozenset({"INVITE", "UPDATE"})


class SessionSettings(Struct, frozen=True):
    """What all sessions of an endpoint have in common."""

    user_agent: str
    allow: str
    """The methods we take, as a header value."""
    session_expires: int
    """RFC 4028, in seconds; 0: we ask for no timer."""
    min_se: int
    next_hop_after: float
    """Seconds without any answer after which an INVITE is tried at the next address, if there is one."""
    gives_up_silence: bool = False
    """Whether after that time an INVITE that has no further address is over with a 408, long before timer B."""


@dataclass(slots=True)
class Usage:
    """The shared part of one session."""

    settings: SessionSettings
    contact: str
    """Our Contact, as a header value."""
    is_caller: bool
    """Whether the INVITE is ours, and so the Call-ID (RFC 3261 §14.1 asks on glare)."""
    entropy: Callable[[], float]
    """Uniform in [0, 1)."""
    authenticator: Authenticator
    dialog: Dialog | None = None
    is_given_up: bool = False
    """Whether an INVITE of ours that may still be answered is not waited for any more."""
    offer_answer: OfferAnswerState = field(default_factory=OfferAnswerState)
    timers: SessionTimers = field(default_factory=SessionTimers)
    peer_takes_update: bool = False
    """Whether an Allow of the peer named UPDATE (RFC 3311 §4)."""

    def confirmed_dialog(self) -> Dialog:
        """The dialog of requests of ours. Raises LocalProtocolError before there is one."""
        if self.dialog is None:
            raise LocalProtocolError("there is no dialog yet")
        return self.dialog

    def note_capabilities(self, message: Message) -> None:
        """Note what a message says about its sender."""
        allow = message.headers.get("Allow")
        if allow is not None:
            self.peer_takes_update = "UPDATE" in allow

    def respond(
        self,
        handle: Handle,
        request: Request,
        status: int,
        *,
        reason: str | None = None,
        body: bytes = b"",
        headers: tuple[tuple[str, str], ...] = (),
    ) -> Respond:
        """Answer a request of this session, with Contact and Allow where they belong (RFC 3261 §13.3.1, §12.1.1)."""
        tag = self.dialog.local_tag if self.dialog is not None else None
        response = make_response(request, status, reason, to_tag=tag)
        if 100 < status < 300 and request.method in _REFRESHES_TARGET:
            response.headers.set("Contact", self.contact)
            response.headers.set("Allow", self.settings.allow)
            if status >= 200:
                response.headers.set("Supported", SUPPORTED)
        for name, value in headers:
            response.headers.add(name, value)
        if body:
            response.headers.set("Content-Type", SDP)
            response.body = body
        return Respond(handle, response)

    def answer_info(self, handle: Handle, request: Request) -> tuple[Respond, InfoReceived | None]:
        """200 to an INFO and what it says; 415 to one that is not understood (RFC 6086 §4.2.2)."""
        info = InfoReceived(request.content_type or "", request.body)
        if is_understood(info.content_type, info.body):
            return self.respond(handle, request, 200), info
        accept = ("Accept", ", ".join(DIGIT_TYPES[:2]))
        return self.respond(handle, request, 415, headers=(accept,)), None

    def unexpected(self, handle: Handle, request: Request) -> Respond:
        """OPTIONS gets our capabilities (RFC 3261 §11.2), a method that no usage of the dialog knows 405 (§8.2.1)."""
        allow = ("Allow", self.settings.allow)
        if request.method != "OPTIONS":
            return self.respond(handle, request, 405, headers=(allow,))
        return self.respond(handle, request, 200, headers=(allow, ("Accept", SDP), ("Supported", SUPPORTED)))


def with_body(request: Request, body: bytes) -> Request:
    """The request with a session description."""
    if body:
        request.headers.set("Content-Type", SDP)
        request.body = body
    return request


def reason_of(message: Message, otherwise: str) -> str:
    """Why the peer ended the session: the Reason header's text (RFC 3326), or all of it, or `otherwise`."""
    value = message.headers.get("Reason")
    if value is None:
        return otherwise
    _, found, text = value.partition("text=")
    return text.strip().strip('"') if found else value


def party_of(*, is_local: bool) -> Party:
    """Who stands behind a final response: a peer, or the network's silence."""
    return Party.NETWORK if is_local else Party.REMOTE
