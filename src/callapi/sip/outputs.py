"""What a machine may ask of its driver: a closed set of values, performed in order by the endpoint alone."""

from enum import StrEnum
from typing import Generic, TypeVar

from msgspec import Struct

from callapi.sip.messages.message import Message

Event = TypeVar("Event")


class Send(Struct, frozen=True):
    """Put this message on the wire, to the hop that the machine's owner knows."""

    message: Message


class StartTimer(Struct, frozen=True):
    """Feed `TimerFired(timer)` back at the instant `at` (monotonic seconds); a running one is replaced."""

    timer: StrEnum
    at: float


class StopTimer(Struct, frozen=True):
    """Forget this timer; it need not be running."""

    timer: StrEnum


class Report(Struct, Generic[Event], frozen=True):
    """Hand this to the user of the machine."""

    event: Event


class Finish(Struct, frozen=True):
    """The machine is done: forget it and its timers. Said once, and last."""


class TimerFired(Struct, frozen=True):
    """The input that `StartTimer` asked for."""

    timer: StrEnum


FINISH = Finish()
