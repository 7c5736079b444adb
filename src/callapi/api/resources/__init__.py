"""The resources, one file each, and the table of all their operations."""

from typing import Final

from callapi.api.operation import Operation
from callapi.api.resources import (
    accounts,
    applications,
    call_commands,
    calls,
    clients,
    events,
    notifications,
    numbers,
    recordings,
    trunks,
)

OPERATIONS: Final[tuple[Operation, ...]] = (
    *calls.OPERATIONS,
    *call_commands.OPERATIONS,
    *events.OPERATIONS,
    *recordings.OPERATIONS,
    *notifications.OPERATIONS,
    *numbers.OPERATIONS,
    *applications.OPERATIONS,
    *clients.OPERATIONS,
    *trunks.OPERATIONS,
    *accounts.OPERATIONS,
)
