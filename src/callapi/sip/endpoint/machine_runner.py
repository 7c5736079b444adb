"""How a machine is run: one step, logged as `machine: state, input -> state, outputs` at DEBUG."""

import logging
from typing import Protocol, TypeVar

LOG = logging.getLogger("callapi.sip")

Input_contra = TypeVar("Input_contra", contravariant=True)
Output = TypeVar("Output")


class Machine(Protocol[Input_contra, Output]):
    """What all machines have in common."""

    @property
    def state(self) -> str:
        """Written by the machine alone."""

    def handle(self, input_: Input_contra, now: float) -> list[Output]:
        """Take an input, give outputs."""


def run(
    machine: Machine[Input_contra, Output], input_: Input_contra, now: float, name: object
) -> list[Output]:
    """Take one step; `name` says in the log which machine it is."""
    if not LOG.isEnabledFor(logging.DEBUG):
        return machine.handle(input_, now)
    before = str(machine.state)
    outputs = machine.handle(input_, now)
    kind = type(machine).__name__
    LOG.debug("%s %s: %s, %s -> %s, %s", kind, name, before, input_, machine.state, outputs)
    return outputs
