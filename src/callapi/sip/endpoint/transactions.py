"""The live transactions as the driver keeps them: a machine, its timers, where it sends, and whom it tells."""

from enum import StrEnum
from typing import Protocol, assert_never

from callapi.sip.endpoint.timers import Timing
from callapi.sip.messages.message import Request, Response, make_response
from callapi.sip.messages.uri import Transport
from callapi.sip.transaction import InviteClient, InviteServer, NonInviteClient, NonInviteServer
from callapi.sip.transaction.inputs import AckReceived, Answered, Telling, TimedOut, Undeliverable
from callapi.sip.transaction.table import ClientKey, MergeKey, ServerKey, client_key
from callapi.sip.transport import Hop

DialogKey = tuple[str, str]
"""Call-ID and our tag."""


class ClientUser(Protocol):
    """Who sent a request and waits for its answers."""

    def answered(self, request: Request, response: Response, *, is_local: bool) -> None:
        """A response; `is_local`: made here, for want of one (RFC 3261 §8.1.3.1)."""

    def over(self, request: Request) -> None:
        """The transaction of an INVITE has ended."""


class _Nobody:
    """The user of a transaction that was replaced by another."""

    def answered(self, request: Request, response: Response, *, is_local: bool) -> None:
        """Nobody listens."""

    def over(self, request: Request) -> None:
        """Nobody listens."""


NOBODY = _Nobody()


class ClientTransaction:
    """A request of ours under way."""

    __slots__ = ("fallback", "hop", "key", "machine", "request", "timers", "trouble", "user")

    def __init__(self, request: Request, hop: Hop, user: ClientUser) -> None:
        is_reliable = hop.transport is not Transport.UDP
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

    def tell(self, telling: Telling) -> None:
        """Hand its user what the machine told; for want of an answer one is made here (RFC 3261 §8.1.3.1)."""
        match telling:
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
                assert_never(telling)


class ServerTransaction:
    """A request that came to us."""

    __slots__ = ("dialog_key", "hop", "key", "machine", "merge_key", "timers")

    def __init__(self, request: Request, hop: Hop, key: ServerKey) -> None:
        is_reliable = hop.transport is not Transport.UDP
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
