"""Inputs and outputs that the four transaction machines share; status codes become types at this door."""

from msgspec import Struct

from callapi.sip.messages.message import Request, Response
from callapi.sip.outputs import Finish, Report, Send, StartTimer, StopTimer, TimerFired


class Start(Struct, frozen=True, gc=False):
    """The first input of every transaction: the request itself is known from construction."""


class Provisional(Struct, frozen=True, gc=False):
    """A 1xx: received by a client transaction, or given by the user of a server transaction."""

    response: Response


class Success(Struct, frozen=True, gc=False):
    """A 2xx, likewise."""

    response: Response


class Failure(Struct, frozen=True, gc=False):
    """A 300..699, likewise."""

    response: Response


class Retransmitted(Struct, frozen=True, gc=False):
    """The request of a server transaction came again."""


class Acked(Struct, frozen=True, gc=False):
    """An ACK that matches an INVITE server transaction."""

    request: Request


class TransportFailed(Struct, frozen=True, gc=False):
    """What the transaction sent last cannot be delivered (RFC 3261 §17.1.4, §17.2.4)."""


class Abandon(Struct, frozen=True, gc=False):
    """Its user waits no longer (RFC 3261 §9.1: a cancelled INVITE that is never answered)."""


Answer = Provisional | Success | Failure


def classify(response: Response) -> Answer:
    """The response as the input that it is."""
    if response.status < 200:
        return Provisional(response)
    return Success(response) if response.status < 300 else Failure(response)


# --- what transactions report to their users ---


class Answered(Struct, frozen=True, gc=False):
    """A response for the user of a client transaction; retransmissions are reported only if they are 2xx to INVITE."""

    response: Response


class TimedOut(Struct, frozen=True, gc=False):
    """Client: no final response (to be treated as a 408). Server: no ACK for a response >= 300."""


class Undeliverable(Struct, frozen=True, gc=False):
    """The transport failed (to be treated as a 503 by the user of a client transaction)."""


class AckReceived(Struct, frozen=True, gc=False):
    """An ACK for a 2xx that came with the INVITE's branch (RFC 6026 §7.1)."""

    request: Request


TransactionEvent = Answered | TimedOut | Undeliverable | AckReceived

ClientInput = Start | Provisional | Success | Failure | TimerFired | TransportFailed | Abandon
ServerInput = Start | Retransmitted | Acked | Provisional | Success | Failure | TimerFired | TransportFailed
Output = Send | StartTimer | StopTimer | Report[TransactionEvent] | Finish

START = Start()
RETRANSMITTED = Retransmitted()
TRANSPORT_FAILED = TransportFailed()
ABANDON = Abandon()
TIMED_OUT = TimedOut()
UNDELIVERABLE = Undeliverable()
