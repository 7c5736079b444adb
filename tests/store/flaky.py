"""A backend that can be taken away."""

from collections.abc import Sequence

from callapi.store import Unavailable
from callapi.store.changes import Change
from callapi.store.memory import MemoryBackend
from callapi.store.query import Query, RecordT


class FlakyBackend(MemoryBackend):
    """The twin in memory, which is away whenever the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.is_away = False
        self.batches: list[Sequence[Change]] = []

    def _be_there(self) -> None:
        if self.is_away:
            raise Unavailable("away")

    def apply(self, changes: Sequence[Change]) -> None:
        self._be_there()
        super().apply(changes)
        self.batches.append(changes)

    def probe(self) -> None:
        self._be_there()

    def select(self, query: Query[RecordT]) -> list[RecordT]:
        self._be_there()
        return super().select(query)
