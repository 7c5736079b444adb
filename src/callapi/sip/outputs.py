"""What a machine may ask of its driver: a closed set of values, performed in order by the endpoint alone."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from callapi.sip.message import Message

Event = TypeVar("Event")


@dataclass(frozen=True, slots=True)
class Send:
    """Put this message on the wire, to the hop that the machine's owner knows."""

    message: Message


@dataclass(frozen=True, slots=True)
class StartTimer:
    """Feed `TimerFired(timer)` back at the instant `at` (monotonic seconds); a running one is replaced."""

    timer: StrEnum
    at: float


@dataclass(frozen=True, slots=True)
class StopTimer:
    """Forget this timer; it need not be running."""

    timer: StrEnum


@dataclass(frozen=True, slots=True)
class Tell(Generic[Event]):
    """Hand this to the user of the machine."""

    event: Event


@dataclass(frozen=True, slots=True)
class Finish:
    """The machine is done: forget it and its timers. Said once, and last."""


@dataclass(frozen=True, slots=True)
class TimerFired:
    """The input that `StartTimer` asked for."""

    timer: StrEnum


FINISH = Finish()
