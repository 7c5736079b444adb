"""What a machine may ask of its driver: a closed set of values, performed in order by the endpoint alone."""

from enum import StrEnum
from typing import Generic, TypeVar

from msgspec import Struct

from callapi.sip.messages.message import Message, Request, Response

Event = TypeVar("Event")


Handle = object
"""A server transaction, opaque to machines: given with a request, handed back with its response."""


class Send(Struct, frozen=True, gc=False):
    """Put this message on the wire, to the hop that the machine's owner knows."""

    message: Message


class SendRequest(Struct, frozen=True, gc=False):
    """Send a request within a dialog in a new client transaction; it still needs a Via."""

    request: Request


class Respond(Struct, frozen=True, gc=False):
    """Answer through the server transaction behind the handle."""

    handle: Handle
    response: Response


class StartTimer(Struct, frozen=True, gc=False):
    """Feed `TimerFired(timer)` back at the instant `at` (monotonic seconds); a running one is replaced."""

    timer: StrEnum
    at: float


class StopTimer(Struct, frozen=True, gc=False):
    """Forget this timer; it need not be running."""

    timer: StrEnum


class Report(Struct, Generic[Event], frozen=True, gc=False):
    """Hand this to the user of the machine."""

    event: Event


class Finish(Struct, frozen=True, gc=False):
    """The machine is done: forget it and its timers. Said once, and last."""


class TimerFired(Struct, frozen=True, gc=False):
    """The input that `StartTimer` asked for."""

    timer: StrEnum


FINISH = Finish()
