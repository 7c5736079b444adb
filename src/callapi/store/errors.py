"""What the store raises.

::

    StoreError
    ├── Conflict       the write breaks a rule of the table: that name or number is taken
    └── Unavailable    the database cannot be reached, is locked or full; what was written is kept and retried
        ├── Fenced     another node has taken over what this one had; nothing is written any more
        └── NameTaken  a node of this name runs elsewhere
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


class Fenced(Unavailable):
    """Another node, or a later process of this one, has taken over: writes of this process change no row."""

    def __init__(self, name: str, epoch: int) -> None:
        super().__init__(
            f"node {name} was taken over since epoch {epoch}; this process may not write any more"
        )


class NameTaken(Unavailable):
    """A node of this name runs elsewhere on the same database."""

    def __init__(self, name: str, where: str) -> None:
        super().__init__(
            f"a node called {name!r} runs already{f' ({where})' if where else ''}; "
            "give this one another node.name, or stop that one: its name is free at once then, "
            "and within 25 s if it died"
        )
