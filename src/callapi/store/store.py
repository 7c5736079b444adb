"""The door of the room: one object that writes in groups and reads by repositories."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from msgspec import Struct
from msgspec.structs import replace

from callapi.base.ids import CallSid
from callapi.base.retrying import every
from callapi.store.backend import Backend
from callapi.store.changes import Change, Put, Remove
from callapi.store.errors import Conflict, Fenced, StoreError, Unavailable
from callapi.store.memory import MemoryBackend
from callapi.store.query import Equals, Query, RecordT
from callapi.store.reading.reader import Reader
from callapi.store.records import (
    AccountRecord,
    ApplicationRecord,
    BindingRecord,
    CallbackRecord,
    CallRecord,
    ClientRecord,
    NumberRecord,
    SipObjectRecord,
    TrunkRecord,
)
from callapi.store.repositories.accounts import AccountRepository
from callapi.store.repositories.applications import ApplicationRepository
from callapi.store.repositories.bindings import BindingRepository
from callapi.store.repositories.callbacks import CallbackRepository
from callapi.store.repositories.calls import CallRepository
from callapi.store.repositories.clients import ClientRepository
from callapi.store.repositories.conferences import ConferenceRepository, QueueRepository
from callapi.store.repositories.events import EventRepository
from callapi.store.repositories.keys import KeyRepository
from callapi.store.repositories.notifications import NotificationRepository
from callapi.store.repositories.numbers import NumberRepository
from callapi.store.repositories.recordings import RecordingRepository
from callapi.store.repositories.sip_objects import SipObjectRepository
from callapi.store.repositories.transcripts import TranscriptRepository
from callapi.store.repositories.trunks import TrunkRepository
from callapi.store.shared.door import Nodes
from callapi.store.shared.values import BEAT_EVERY_S, STARTING, Owner
from callapi.store.sql.backend import SqlBackend
from callapi.store.writing.backlog import Group
from callapi.store.writing.call_log import CallLog
from callapi.store.writing.scrub import scrub
from callapi.store.writing.unwritten import Unwritten, adoptable
from callapi.store.writing.writer import Outcome, Writer, WriterLimits

log = logging.getLogger(__name__)

_COMMIT_TIMEOUT_S: Final = 5
_CLOSE_TIMEOUT_S: Final = 10
_LIMITS: Final = WriterLimits()


class CachedRepository(Protocol):
    """A repository that keeps answers in memory."""

    def update(self, change: Put | Remove) -> None:
        """Know what was just written."""

    def forget(self) -> None:
        """Know nothing, and ask again."""


class StoreStatistics(Struct, frozen=True):
    """What the writer has done so far."""

    groups: int
    batches: int
    retries: int
    pending_changes: int
    refused_groups: int
    dropped_events: int


class Store:
    """Everything that is kept. Open it with `async with`: that migrates the database; leaving it writes the rest.

    Raises Unavailable on entering if the database cannot be had.
    """

    nodes: Nodes | None = None
    """The nodes of this database; None before the store is open, and where it has one user."""

    def __init__(
        self,
        backend: Backend,
        limits: WriterLimits = _LIMITS,
        call_log: CallLog | None = None,
        owner: Owner | None = None,
        unwritten: Unwritten | None = None,
        *,
        is_shared: bool = False,
    ) -> None:
        self.is_shared = is_shared
        """Whether other nodes read what is written here."""
        self._backend = backend
        self._call_log = call_log
        self._unwritten = unwritten
        self._owner = owner
        self._writer = Writer(backend, limits, self._report)
        self._put = 0
        self._settled = 0
        self._refused = 0
        self._waiting: list[tuple[int, asyncio.Future[None]]] = []
        self._committed: list[Callable[[frozenset[str]], None]] = []
        self._subscribers: list[Callable[[tuple[CallbackRecord, ...]], None]] = []
        self._reader = reader = Reader(backend, self.settle)
        self.accounts = AccountRepository(reader, self.commit)
        self.applications = ApplicationRepository(reader)
        self.bindings = BindingRepository(reader, is_shared=is_shared)
        self.callbacks = CallbackRepository(reader)
        self.calls = CallRepository(reader)
        self.clients = ClientRepository(reader)
        self.events = EventRepository(reader)
        self.keys = KeyRepository(reader)
        self.conferences = ConferenceRepository(reader)
        self.queues = QueueRepository(reader)
        self.notifications = NotificationRepository(reader)
        self.numbers = NumberRepository(reader, self.commit)
        self.recordings = RecordingRepository(reader)
        self.sip_objects = SipObjectRepository(reader)
        self.transcripts = TranscriptRepository(reader)
        self.trunks = TrunkRepository(reader)
        self._cached: dict[type, CachedRepository] = {
            AccountRecord: self.accounts,
            ApplicationRecord: self.applications,
            BindingRecord: self.bindings,
            ClientRecord: self.clients,
            NumberRecord: self.numbers,
            SipObjectRecord: self.sip_objects,
            TrunkRecord: self.trunks,
        }

    @classmethod
    def open(
        cls,
        url: str,
        limits: WriterLimits = _LIMITS,
        *,
        data_dir: Path | None = None,
        owner: Owner | None = None,
        is_shared: bool = False,
    ) -> Self:
        """A store on `sqlite:///…` or `postgresql://…`; in `data_dir` calls are logged as they begin.

        `owner` is the node that writes. Without one nothing belongs to a node: for programs that look into a database.
        `is_shared`: other nodes write too, so that what is in memory may be out of date.
        """
        call_log = CallLog(data_dir) if data_dir else None
        unwritten = Unwritten(data_dir) if data_dir else None
        return cls(SqlBackend(url), limits, call_log, owner, unwritten, is_shared=is_shared)

    @classmethod
    def in_memory(cls, limits: WriterLimits = _LIMITS) -> Self:
        """The twin: the same door, order and timing, and nothing on disk."""
        return cls(MemoryBackend(), limits)

    async def __aenter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        await asyncio.to_thread(self._open)
        try:
            async with self._alive():
                await asyncio.to_thread(self._write_what_was_left)
        except BaseException:
            await asyncio.to_thread(self._close)
            raise
        self._writer.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await asyncio.to_thread(self._writer.stop, _CLOSE_TIMEOUT_S)
        await asyncio.to_thread(self._reader.close)
        if self.nodes is not None:
            with suppress(Unavailable):
                await self.nodes.leave()
        await asyncio.to_thread(self._close)
        if self._call_log is not None:
            self._call_log.close()
        if self._unwritten is not None:
            for group in self._writer.left():
                self._unwritten.note(group.changes)
            self._unwritten.close()

    def _open(self) -> None:
        self._backend.open()
        try:
            self._claim()
        except StoreError:
            self._backend.close()
            raise

    def _close(self) -> None:
        if self.nodes is not None:
            self.nodes.close()
        self._backend.close()

    @asynccontextmanager
    async def _alive(self) -> AsyncIterator[None]:
        """Make heartbeats: to write what was left may take longer than others believe in a silent node."""
        nodes = self.nodes
        if nodes is None or not nodes.is_shared:
            yield
            return

        async def beat() -> None:
            await asyncio.sleep(BEAT_EVERY_S)
            with suppress(Unavailable):  # what is written meanwhile says so itself
                await nodes.beat(STARTING)

        async with asyncio.TaskGroup() as tasks:
            beating = tasks.create_task(every(0, beat))
            try:
                yield
            finally:
                beating.cancel()

    def _write_what_was_left(self) -> None:
        """What earlier processes of this node could not write. Raises Unavailable."""
        if self._unwritten is not None and self._owner is not None:
            self._write_late(self._unwritten, self._owner.name)
        if self._call_log is None:
            return
        for record in self._call_log.read():
            if not self._backend.select(Query(CallRecord, (Equals("sid", record.sid),), limit=1)):
                self._apply_late(record.sid, [Put(self._owned(record))])
        self._call_log.open()

    def _write_late(self, unwritten: Unwritten, node: str) -> None:
        """Write what an earlier process could not, of calls that no other node knows. Raises Unavailable."""
        noted = unwritten.read()
        for sid, changes in adoptable(noted, node, self._known):
            self._apply_late(sid, changes)
        if noted:
            unwritten.forget()

    def _apply_late(self, sid: CallSid, changes: Sequence[Change]) -> None:
        """As the writer does: what the database refuses is written without the characters that it does not take."""
        try:
            self._backend.apply(changes)
        except Conflict:
            try:
                self._backend.apply(scrub(tuple(changes)))
            except Conflict as conflict:
                log.error("call %s is not written late: %s", sid, conflict)  # noqa: TRY400 - its text says everything

    def _known(self, sids: Sequence[CallSid]) -> Iterator[CallRecord]:
        for sid in sids:
            yield from self._backend.select(Query(CallRecord, (Equals("sid", sid),), limit=1))

    def _claim(self) -> None:
        if self._owner is not None:
            epoch = self._backend.claim(self._owner)
            self.nodes = self._backend.nodes(self._owner, epoch)

    def _owned(self, record: CallRecord) -> CallRecord:
        """A record of an earlier process of this node, which may have had another name."""
        return record if self._owner is None else replace(record, node=self._owner.name)

    @property
    def is_writable(self) -> bool:
        """False after a write failed because the database was unreachable."""
        return self._writer.is_writable

    @property
    def is_fenced(self) -> bool:
        """Whether another node has taken over: nothing is written any more."""
        return self._writer.is_fenced

    @property
    def is_full(self) -> bool:
        """Whether what waits for the database has reached its bound, so that no new calls should be taken."""
        return self._writer.is_full

    @property
    def statistics(self) -> StoreStatistics:
        """Figures for those who watch the node."""
        return StoreStatistics(
            groups=self._settled - self._refused,
            batches=self._writer.batches,
            retries=self._writer.retries,
            pending_changes=self._writer.pending,
            refused_groups=self._refused,
            dropped_events=self._writer.dropped_events,
        )

    def subscribe(self, subscriber: Callable[[tuple[CallbackRecord, ...]], None]) -> None:
        """Call `subscriber` on the event loop with callbacks that have become durable, in their order."""
        self._subscribers.append(subscriber)

    def on_commit(self, subscriber: Callable[[frozenset[str]], None]) -> None:
        """Call `subscriber` with the kinds of cached records (their names) that a `commit` has changed."""
        self._committed.append(subscriber)

    def forget(self, kind: str = "") -> None:
        """Ask the database again for records of that kind (empty: of all kinds): another node has changed some."""
        for cached, repository in self._cached.items():
            if kind in {"", cached.__name__}:
                repository.forget()

    def write(self, *changes: Change) -> None:
        """Keep `changes` together or not at all, after what was written before. Never blocks, never fails.

        To be called on the event loop. While the database is away they wait in memory and are tried again.
        """
        for change in changes:
            self._update_caches(change)
        self._put += 1
        self._writer.put(Group(changes))

    def hurry(self) -> None:
        """Write at once what waits, without gathering more."""
        self._writer.hurry()

    def begin(self, record: CallRecord) -> None:
        """Like `write` of a call's first record, which outlives the process from now on."""
        if self._call_log is not None:
            self._call_log.note(record, self._put + 1)
        self.write(Put(record))

    async def commit(self, *changes: Change) -> None:
        """Like `write`, and durable on return.

        Raises:
            Conflict: a number or login is taken; nothing was written.
            Unavailable: the database is away; the changes will not be written later, unless it failed to answer in
                the very moment of writing.
        """
        if not self.is_writable:
            raise Unavailable("the last attempt to write failed")
        waiter: asyncio.Future[None] = self._loop.create_future()
        group = Group(changes, waiter)
        self._put += 1
        self._writer.put(group)
        self._writer.hurry()
        try:
            async with asyncio.timeout(_COMMIT_TIMEOUT_S):
                await waiter
        except TimeoutError as error:
            group.is_withdrawn = True
            raise Unavailable(f"it took more than {_COMMIT_TIMEOUT_S} s") from error

    async def flush(self) -> None:
        """Wait until everything written before is durable, however long that takes."""
        if self._settled < self._put:
            self._writer.hurry()
            await self._wait_for_all()

    async def _wait_for_all(self) -> None:
        waiter: asyncio.Future[None] = self._loop.create_future()
        self._waiting.append((self._put, waiter))
        await waiter

    async def settle(self, timeout_s: float = 0.5) -> None:
        """Wait until everything written before can be read; no longer than `timeout_s`, nor if it cannot be."""
        if self._settled < self._put and self.is_writable:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self.flush()

    async def kept(self, timeout_s: float) -> None:
        """Like `settle`, at the pace of the writer: what waits is not written sooner for it."""
        if self._settled < self._put and self.is_writable:
            with suppress(TimeoutError):
                async with asyncio.timeout(timeout_s):
                    await self._wait_for_all()

    async def select(self, query: Query[RecordT]) -> list[RecordT]:
        """What no repository asks for. Raises Unavailable."""
        return await self._reader.run(self._backend.select, query)

    def _update_caches(self, change: Change) -> None:
        if type(change) is Put:
            repository = self._cached.get(type(change.record))
        elif type(change) is Remove:
            repository = self._cached.get(change.kind)
        else:
            return
        if repository is not None:
            repository.update(change)

    def _report(self, outcome: Outcome) -> None:
        # The loop may be closed already, and with it everything that waited.
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(self._settle, outcome)

    def _settle(self, outcome: Outcome) -> None:
        callbacks: list[CallbackRecord] = []
        for place, group in enumerate(outcome.done):
            if (refusal := outcome.refused.get(place)) is not None:
                self._refuse(group, refusal)
                continue
            for change in group.changes:
                if type(change) is Put and type(change.record) is CallbackRecord:
                    callbacks.append(change.record)  # noqa: PERF401 - most groups have none
            if group.waiter is not None:
                self._accept(group, group.waiter)
        self._settled += len(outcome.done)
        if self._call_log is not None and not self.is_fenced:
            self._call_log.settled(self._settled)
        while self._waiting and self._waiting[0][0] <= self._settled:
            _, waiter = self._waiting.pop(0)
            if not waiter.done():
                waiter.set_result(None)
        self._publish(tuple(callbacks))

    def _publish(self, callbacks: tuple[CallbackRecord, ...]) -> None:
        if callbacks:
            for subscriber in self._subscribers:
                subscriber(callbacks)

    def _accept(self, group: Group, waiter: "asyncio.Future[None]") -> None:
        for change in group.changes:
            self._update_caches(change)
        if self._committed:
            self._announce(group)
        if not waiter.done():
            waiter.set_result(None)

    def _announce(self, group: Group) -> None:
        kinds = {
            type(each.record) if type(each) is Put else getattr(each, "kind", None) for each in group.changes
        }
        names = frozenset(kind.__name__ for kind in kinds if kind in self._cached)
        for subscriber in self._committed if names else ():
            subscriber(names)

    def _refuse(self, group: Group, refusal: StoreError) -> None:
        self._refused += 1
        if group.waiter is None:
            if isinstance(refusal, Fenced):  # then nothing more is written, which the writer says once
                if self._unwritten is not None:
                    self._unwritten.note(group.changes)
            else:
                kinds = [type(each).__name__ for each in group.changes]
                log.error("not written: %s; the group was %s", refusal, kinds)
            for repository in self._cached.values():
                repository.forget()
        elif not group.waiter.done():
            group.waiter.set_exception(refusal)
