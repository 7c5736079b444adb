"""A session goes through phases; each is a machine in its own file, and one hands over to the next.

::

    Inviting (uac) ──2xx──┐                  ┌── BYE received, lost peer ──> over
                          ├──> Established ──┤
    Ringing (uas) ──2xx───┘       │          └── hang up ──> Terminating ──BYE answered──> over
        │                         └ ACK, offers, session timer
        └── refused, cancelled ──> over

A caller that was answered stays over `Lingering` until its INVITE transaction ends, to hang up late forks.
"""

from typing import Protocol

from msgspec import Struct

from callapi.sip.invite_session.effects import Effect
from callapi.sip.invite_session.inputs import Input


class Phase(Protocol):
    """One machine of the chain."""

    @property
    def state(self) -> str:
        """For the log: the name of the phase's present state."""

    def handle(self, input_: Input, now: float) -> "list[Step]":
        """Take an input; may end with `Become`."""

    def flow_lost(self) -> "list[Step]":
        """The connection that the dialog depends on has closed; the peer cannot be reached any more (RFC 5626)."""


class Become(Struct, frozen=True):
    """The next phase takes over; it is never seen outside the machine of the session."""

    phase: Phase


Step = Effect | Become
