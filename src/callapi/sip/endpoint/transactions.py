"""The live transactions as the driver keeps them: machine, timers, next hop, and the user that gets the responses."""

from enum import StrEnum
from typing import Protocol, assert_never

from callapi.sip.endpoint.timers import Timing
from callapi.sip.messages.message import Request, Response, make_response
from callapi.sip.transaction import InviteClient, InviteServer, NonInviteClient, NonInviteServer
from callapi.sip.transaction.inputs import AckReceived, Answered, TimedOut, TransactionEvent, Undeliverable
from callapi.sip.transaction.table import ClientKey, MergeKey, ServerKey, client_key
from callapi.sip.transport import Hop

DialogKey = tuple[str, str]
"""Call-ID and our tag."""


class ClientUser(Protocol):
    """The sender of a request, which gets the responses."""

    def answered(self, request: Request, response: Response, *, is_local: bool) -> None:
        """A response; `is_local`: generated here because the peer sent none (RFC 3261 §8.1.3.1)."""

    def over(self, request: Request) -> None:
        """The transaction of an INVITE has ended."""


class _NoUser:
    """The user of a transaction that was replaced by another."""

    def answered(self, request: Request, response: Response, *, is_local: bool) -> None:
        """Ignored."""

    def over(self, request: Request) -> None:
        """Ignored."""


NO_USER = _NoUser()


class ClientTransaction:
    """A request of ours under way."""

    __slots__ = ("fallback", "hop", "key", "machine", "request", "timers", "trouble", "user")

    def __init__(self, request: Request, hop: Hop, user: ClientUser) -> None:
        is_reliable = hop.transport.is_reliable
        self.request = request
        self.hop = hop
        self.user = user
        self.key: ClientKey = client_key(request)
        self.fallback: Hop | None = None
        self.trouble: str | None = None
        """Why the transport could not deliver it."""
        self.timers: dict[StrEnum, Timing] = {}
        self.machine: InviteClient | NonInviteClient = (
            InviteClient(request, is_reliable=is_reliable)
            if request.method == "INVITE"
            else NonInviteClient(request, is_reliable=is_reliable)
        )

    @property
    def is_unanswered(self) -> bool:
        """Whether no response has come yet."""
        return self.machine.state in {"calling", "trying"}

    def report(self, event: TransactionEvent) -> None:
        """Report an event to the user; where the peer sent no response, one is generated (RFC 3261 §8.1.3.1)."""
        match event:
            case Answered(response):
                self.user.answered(self.request, response, is_local=False)
            case TimedOut():
                self.user.answered(self.request, make_response(self.request, 408), is_local=True)
            case Undeliverable():
                self.user.answered(
                    self.request, make_response(self.request, 503, self.trouble), is_local=True
                )
            case AckReceived():
                pass
            case _:
                assert_never(event)


class ServerTransaction:
    """A request that came to us."""

    __slots__ = ("dialog_key", "hop", "key", "machine", "merge_key", "timers")

    def __init__(self, request: Request, hop: Hop, key: ServerKey) -> None:
        is_reliable = hop.transport.is_reliable
        self.hop = hop
        self.key = key
        self.merge_key: MergeKey | None = None
        self.dialog_key: DialogKey | None = None
        """The session that the request belongs to, for its CANCEL."""
        self.timers: dict[StrEnum, Timing] = {}
        self.machine: InviteServer | NonInviteServer = (
            InviteServer(make_response(request, 100), is_reliable=is_reliable)
            if request.method == "INVITE"
            else NonInviteServer(is_reliable=is_reliable)
        )


AnyTransaction = ClientTransaction | ServerTransaction
