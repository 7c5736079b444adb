"""What the store raises.

::

    StoreError
    ├── Conflict       the write breaks a rule of the table: that name or number is taken
    └── Unavailable    the database cannot be reached, is locked or full; what was written is kept and retried
"""

from callapi.base.errors import CallApiError


class StoreError(CallApiError):
    """Base of what the store raises."""


class Conflict(StoreError):
    """The database refuses the content of a write; `detail` is its own sentence."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"the write breaks a rule of its table: {detail}")
        self.detail = detail


class Unavailable(StoreError):
    """The database cannot be used at the moment; `detail` is its own sentence."""

    def __init__(self, detail: str) -> None:
        super().__init__(f"the database cannot be used: {detail}")
        self.detail = detail
