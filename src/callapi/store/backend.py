"""What a database must do for the store. Its methods block and are called from threads."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from callapi.store.changes import Change
from callapi.store.query import Query, RecordT
from callapi.store.records import CallbackRecord
from callapi.store.shared.door import Nodes
from callapi.store.shared.values import Owner


class Backend(Protocol):
    """Where the records are. Raises `Unavailable` wherever it cannot do its work at the moment."""

    answers_at_once: bool
    """Whether reading does no I/O, so that no thread is needed for it."""

    def open(self) -> None:
        """Connect, and bring the tables up to date."""

    def claim(self, owner: Owner) -> int:
        """Own what is written from now on; the epoch of this process. What no running node owns becomes its own.

        Raises:
            NameTaken: a node of that name runs elsewhere.
        """

    def nodes(self, owner: Owner, epoch: int) -> Nodes | None:
        """The nodes of this database; None: it has one user."""

    def close(self) -> None:
        """Free every resource. Idempotent."""

    def apply(self, changes: Sequence[Change]) -> None:
        """Make all of `changes` durable, in their order, or none. Only ever called by one thread.

        Raises:
            Conflict: the content of a change is not acceptable; none was made.
            Fenced: another node has taken over what this one owned; none was made, nor will any be.
            Unavailable: none was made, as far as can be known; the same again does no harm.
        """

    def probe(self) -> None:
        """Return if a write could be tried now. Called by the thread that writes."""

    def select(self, query: Query[RecordT]) -> list[RecordT]:
        """The records that `query` asks for. Called by several threads at a time."""

    def count(self, query: Query[RecordT]) -> int:
        """How many records meet the query's conditions; its limit and offset do not matter."""

    def callback_hosts(self, limit: int) -> list[str]:
        """Hosts (`CallbackRecord.host`) with rows in the outbox, the longest waiting first."""

    def due_callbacks(
        self, host: str, now: datetime, limit: int
    ) -> tuple[list[CallbackRecord], datetime | None]:
        """At most `limit` rows for `host` in the order of writing, and the earliest `next_at` after `now`.

        Rows of other owners are not seen, by this method nor by `callback_hosts`.
        Left out are rows that must wait: whose `next_at`, or that of an earlier row of the same stream and host,
        is after `now`.
        """
