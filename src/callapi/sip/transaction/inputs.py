"""Inputs and outputs that the four transaction machines share; status codes become types at this door."""

from dataclasses import dataclass

from callapi.sip.message import Request, Response
from callapi.sip.outputs import Finish, Send, StartTimer, StopTimer, Tell, TimerFired


@dataclass(frozen=True, slots=True)
class Start:
    """The first input of every transaction: the request itself is known from construction."""


@dataclass(frozen=True, slots=True)
class Provisional:
    """A 1xx: received by a client transaction, or given by the user of a server transaction."""

    response: Response


@dataclass(frozen=True, slots=True)
class Success:
    """A 2xx, likewise."""

    response: Response


@dataclass(frozen=True, slots=True)
class Failure:
    """A 300..699, likewise."""

    response: Response


@dataclass(frozen=True, slots=True)
class Retransmitted:
    """The request of a server transaction came again."""


@dataclass(frozen=True, slots=True)
class Acked:
    """An ACK that matches an INVITE server transaction."""

    request: Request


@dataclass(frozen=True, slots=True)
class TransportFailed:
    """What the transaction sent last cannot be delivered (RFC 3261 §17.1.4, §17.2.4)."""


@dataclass(frozen=True, slots=True)
class Abandon:
    """Its user waits no longer (RFC 3261 §9.1: a cancelled INVITE that is never answered)."""


Answer = Provisional | Success | Failure


def sort(response: Response) -> Answer:
    """The response as the input that it is."""
    if response.status < 200:
        return Provisional(response)
    return Success(response) if response.status < 300 else Failure(response)


# --- what transactions tell their users ---


@dataclass(frozen=True, slots=True)
class Answered:
    """A response for the user of a client transaction; retransmissions are told only if they are 2xx to INVITE."""

    response: Response


@dataclass(frozen=True, slots=True)
class TimedOut:
    """Client: no final response (to be treated as a 408). Server: no ACK for a response >= 300."""


@dataclass(frozen=True, slots=True)
class Undeliverable:
    """The transport failed (to be treated as a 503 by the user of a client transaction)."""


@dataclass(frozen=True, slots=True)
class AckReceived:
    """An ACK for a 2xx that came with the INVITE's branch (RFC 6026 §7.1)."""

    request: Request


Telling = Answered | TimedOut | Undeliverable | AckReceived

ClientInput = Start | Provisional | Success | Failure | TimerFired | TransportFailed | Abandon
ServerInput = Start | Retransmitted | Acked | Provisional | Success | Failure | TimerFired | TransportFailed
Output = Send | StartTimer | StopTimer | Tell[Telling] | Finish

START = Start()
RETRANSMITTED = Retransmitted()
TRANSPORT_FAILED = TransportFailed()
ABANDON = Abandon()
TIMED_OUT = TimedOut()
UNDELIVERABLE = Undeliverable()
