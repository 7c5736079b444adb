"""The resources, one file each, and the table of all their operations."""

from typing import Final

from callapi.api.operation import Operation
from callapi.api.resources import call_commands, calls

OPERATIONS: Final[tuple[Operation, ...]] = (
    *calls.OPERATIONS,
    *call_commands.OPERATIONS,
)
