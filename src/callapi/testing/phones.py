"""The phones of a simulation: the caller, and the parties that the application dials."""

import asyncio
import re
from collections.abc import Callable
from typing import Any, Final

from callapi.calls.call import Call
from callapi.media import LocalMedia, MediaNegotiation
from callapi.sip import (
    Accepted,
    Confirmed,
    Ended,
    Headers,
    OutboundInvite,
    OutboundSession,
    Party,
    Provisional,
    Request,
    make_response,
)
from callapi.sip.errors import LocalProtocolError
from callapi.sip.events import Refused
from callapi.sip.invite_session.commands import Accept, Command, HangUp, Refuse
from callapi.sip.outbound_refer import OutboundRefer
from callapi.sip.session import Session

ROUND_TRIP_S: Final = 0.05
_USER: Final = re.compile(r"(?:sips?:)?([^@;>]*)")


class SimulatedPhone:
    """The far end of one SIP session. For a phone that was dialled: `ring`, `answer`, `reject`, `hang_up`."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.call_id = request.call_id
        self.local_tag, self.remote_tag = "here", "there"
        self.local_uri, self.remote_uri = request.to, request.from_
        self.is_answered = False
        self.is_over = False
        self.refused_with: int | None = None
        """The final code that the node has refused this caller with."""
        self.session: Session
        self.live: Call | None = None
        self._is_hung_up = False
        self._media = MediaNegotiation(LocalMedia("127.0.0.2", 40_000, codecs=("PCMU",)))

    @property
    def user(self) -> str:
        """The user part that was dialled: `bob` of `sip:bob@example.net`."""
        found = _USER.match(str(self.request.uri))
        return found[1] if found else ""

    def ring(self) -> None:
        """180 Ringing."""
        if not self.is_over and not self.is_answered:
            self.session.put(Provisional(self._response(180)))

    def answer(self) -> None:
        """200 OK; nothing if the node has given up meanwhile."""
        if (
            self.is_over
            or self.is_answered
            or self._is_hung_up
            or not isinstance(self.session, OutboundSession)
        ):
            return
        self.is_answered = True
        response = self._response(200, has_body=True)
        self.session.final = response
        self.session.put(Accepted(response))

    def reject(self, status: int = 486) -> None:
        """A final failure: 486 busy, 603 declined, 480 not there, …"""
        if (
            self.is_over
            or self.is_answered
            or self._is_hung_up
            or not isinstance(self.session, OutboundSession)
        ):
            return
        response = self._response(status)
        self.session.final = response
        self.session.put(Refused(response, local=False))
        self._end(Party.REMOTE, status)

    def hang_up(self) -> None:
        """BYE, or the CANCEL of a caller that was not answered."""
        if not self.is_over:
            self._end(Party.REMOTE, 200 if self.is_answered else 487)

    def command(self, command: Command) -> None:
        """What the node does to the session."""
        if self.is_over:
            return
        match command:
            case Accept():
                self.is_answered = True
                self.session.put(Confirmed(b""))
            case Refuse(status=status):
                self.refused_with = status
                self._end(Party.LOCAL, status)
            case HangUp():
                self._is_hung_up = True
                asyncio.get_running_loop().call_later(ROUND_TRIP_S, self._confirm_hang_up)
            case _:
                pass

    def refer(
        self,
        refer_to: str,
        referred_by: str | None,  # noqa: ARG002 - of the port
        headers: tuple[tuple[str, str], ...],  # noqa: ARG002 - of the port
    ) -> OutboundRefer:
        """As of a session's port: simulated phones do not transfer, and the document goes on."""
        raise LocalProtocolError(f"a simulated phone does not take a REFER (to {refer_to})")

    def _confirm_hang_up(self) -> None:
        if not self.is_over:
            if isinstance(self.session, OutboundSession) and not self.is_answered:
                self.session.final = self._response(487)
            self._end(Party.LOCAL, 200 if self.is_answered else 487)

    def _end(self, by: Party, status: int) -> None:
        self.is_over = True
        self.session.put(Ended(by, status, "BYE" if self.is_answered else str(status)))

    def _response(self, status: int, *, has_body: bool = False) -> Any:
        body = self._media.receive_offer(self.request.body) if has_body else b""
        return make_response(self.request, status, to_tag="there", body=body)


def request_of(invite: OutboundInvite, number: int) -> Request:
    """The INVITE as the endpoint would send it: the `number`-th of its simulation."""
    request = Request("INVITE", invite.request_uri, Headers(), invite.body)
    for name, value in (
        ("Via", f"SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK{number}"),
        ("From", f"{invite.from_};tag=here"),
        ("To", str(invite.to)),
        ("Call-ID", f"simulated-{number}"),
        ("CSeq", "1 INVITE"),
        *invite.headers,
    ):
        request.headers.add(name, value)
    return request


class SimulatedEndpoint:
    """Rings phones that appear as they are dialled; `on_invite` says what each of them does."""

    def __init__(self) -> None:
        self.phones: list[SimulatedPhone] = []
        self.on_invite: Callable[[SimulatedPhone], None] = SimulatedPhone.ring

    def invite(self, invite: OutboundInvite) -> OutboundSession:
        """As `Endpoint.invite`."""
        phone = SimulatedPhone(request := request_of(invite, len(self.phones)))
        session = OutboundSession(request, phone)
        phone.session = session
        self.phones.append(phone)
        asyncio.get_running_loop().call_later(ROUND_TRIP_S, self.on_invite, phone)
        return session
