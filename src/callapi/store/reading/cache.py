"""Answers kept in memory, for look-ups on the path of a call."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic
from typing import Final, Generic, TypeVar

from callapi.store.errors import StoreError
from callapi.store.reading.reader import Reader

V = TypeVar("V")

TTL_S: Final = 5.0
MAX_ENTRIES: Final = 20_000


@dataclass(slots=True)
class _Entry(Generic[V]):
    value: V
    fresh_until: float


class Cache(Generic[V]):
    """Answers by key. One that is warm costs no I/O and no wait.

    An answer older than `TTL_S` is still given, and asked for again in the background: another node may have changed
    the database. So the node goes on with what it knows while the database is away.
    """

    def __init__(self, reader: Reader, read: Callable[[str], V]) -> None:
        self._reader = reader
        self._read = read
        self._entries: OrderedDict[str, _Entry[V]] = OrderedDict()
        self._under_way: dict[str, tuple[int, asyncio.Future[V]]] = {}
        self._generation = 0

    async def get(self, key: str) -> V:
        """The answer. Raises Unavailable if it is not known and cannot be asked for."""
        entry = self._entries.get(key)
        if entry is None:
            await self._reader.settle()
            return await asyncio.shield(self._ask(key))
        self._entries.move_to_end(key)
        if entry.fresh_until <= monotonic():
            entry.fresh_until = monotonic() + TTL_S
            self._ask(key)
        return entry.value

    async def get_recent(self, key: str, max_age_s: float) -> V:
        """The answer, asked for again if it is older than that; while the database is away the one that is known."""
        entry = self._entries.get(key)
        if entry is None or entry.fresh_until - TTL_S + max_age_s > monotonic():
            return await self.get(key)
        await self._reader.settle()
        try:
            return await asyncio.shield(self._ask(key))
        except StoreError:
            return entry.value

    def peek(self, key: str) -> V | None:
        """The answer if it is warm."""
        entry = self._entries.get(key)
        return entry.value if entry else None

    def put(self, key: str, value: V) -> None:
        """Know the answer from now on: it was just written."""
        self._generation += 1
        self._keep(key, value)

    def drop(self, key: str | None = None) -> None:
        """Forget the answer for `key`, or all of them."""
        self._generation += 1
        if key is None:
            self._entries.clear()
        else:
            self._entries.pop(key, None)

    def _keep(self, key: str, value: V) -> None:
        self._entries[key] = _Entry(value, monotonic() + TTL_S)
        self._entries.move_to_end(key)
        if len(self._entries) > MAX_ENTRIES:
            self._entries.popitem(last=False)

    def _ask(self, key: str) -> "asyncio.Future[V]":
        under_way = self._under_way.get(key)
        # What was written since a question was asked is not in its answer.
        if under_way is not None and under_way[0] == self._generation:
            return under_way[1]
        answer = self._reader.start(self._read, key)
        question = self._under_way[key] = (self._generation, answer)

        def answered(_answer: object = None) -> None:
            if self._under_way.get(key) is question:
                del self._under_way[key]
            if answer.cancelled() or isinstance(answer.exception(), StoreError):
                return
            if question[0] == self._generation:
                self._keep(key, answer.result())

        if answer.done():
            answered()
        else:
            answer.add_done_callback(answered)
        return answer
