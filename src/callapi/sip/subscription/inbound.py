"""A REFER that was received, as the application sees it: commands are synchronous, the machine does the rest."""

from typing import Protocol

from callapi.sip.messages.message import REASONS, Request
from callapi.sip.messages.transfer import ReferTo
from callapi.sip.subscription.events import AcceptRefer, ExtraHeaders, NotifierCommand, Notify, RefuseRefer


class NotifierPort(Protocol):
    """The endpoint's side of a received REFER."""

    @property
    def is_over(self) -> bool: ...
    def command(self, command: NotifierCommand) -> None: ...


class InboundRefer:
    """One REFER of the peer. It outlives its session: a peer may hang up as soon as the REFER is accepted.

    `refuse` or `accept` within 10 s, else it is refused 603; after `accept` the progress of what it asked for, and at
    the end a final status. Commands that come too late do nothing.
    """

    __slots__ = ("_port", "refer_to", "request")

    def __init__(self, request: Request, refer_to: ReferTo, port: NotifierPort) -> None:
        self.request = request
        self.refer_to = refer_to
        self._port = port

    @property
    def referred_by(self) -> str | None:
        """The Referred-By of the REFER as received (RFC 3892), to be passed on."""
        return self.request.headers.get("Referred-By")

    @property
    def is_over(self) -> bool:
        """Whether it was refused, or its subscription has ended: reports of progress are not sent any more."""
        return self._port.is_over

    def accept(self) -> None:
        """Answer 202; the first NOTIFY, `100 Trying`, follows at once."""
        self._port.command(AcceptRefer())

    def refuse(self, status: int = 603, reason: str | None = None, headers: ExtraHeaders = ()) -> None:
        """Answer with a final response >= 300."""
        self._port.command(RefuseRefer(status, reason, headers))

    def notify(self, status: int, reason: str | None = None) -> None:
        """Report a status of the referred request; a final one ends the subscription.

        Raises LocalProtocolError while the REFER is not accepted.
        """
        self._port.command(Notify(status, reason or REASONS.get(status, "Unknown")))
