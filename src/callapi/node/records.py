"""What a node keeps: its store, the bus of call events with the subscribers that write them down, and the outbox."""

import logging
from collections.abc import Iterable, Mapping
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass
from typing import Final

from callapi.adapters.outbox_rows import OutboxRows, as_callback
from callapi.adapters.recording_files import RecordingFiles
from callapi.base.ids import AccountSid
from callapi.base.settings import ACCOUNT_SID, AUTH_TOKEN, Settings
from callapi.calls.events import EventBus
from callapi.calls.recording.recordings import Recordings
from callapi.calls.recording.recovery import close_recordings_a_crash_left
from callapi.calls.records.journal import Journal
from callapi.calls.records.reconciliation import close_conferences_a_crash_left, close_what_a_crash_left
from callapi.calls.records.timeline import Timelines
from callapi.calls.transcribing.recovery import close_texts_a_crash_left
from callapi.node import options
from callapi.node.between import Between
from callapi.node.joining import Neighbours, recording_files
from callapi.store import CallbackRecord, FirstAccount, Store
from callapi.webhooks import Fetcher, Outbox, Unconditional

log = logging.getLogger(__name__)

LAST_DELIVERIES_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Records:
    """What is kept: the store, the bus of call events, and the subscribers that write them down."""

    store: Store
    neighbours: Neighbours | None
    """The nodes that share its database; None where this one has it to itself."""
    account: FirstAccount
    bus: EventBus
    journal: Journal
    timelines: Timelines
    files: RecordingFiles

    @property
    def between(self) -> Between | None:
        """Conferences and queues over all nodes; None where there are no others."""
        return self.neighbours.between if self.neighbours is not None else None


async def open_records(
    settings: Settings,
    environ: Mapping[str, str],
    store: Store,
    neighbours: Neighbours | None,
    stack: AsyncExitStack,
) -> Records:
    """The records of the node; what an earlier process of it left without an end is closed on return."""
    sid = environ.get(ACCOUNT_SID)
    async with nullcontext() if store.nodes is None else store.nodes.turn_to_start():
        token = environ.get(AUTH_TOKEN)
        account = await store.accounts.ensure_first(AccountSid(sid) if sid else None, token)
        elsewhere = await store.nodes.configured_elsewhere() if store.nodes is not None else frozenset()
        await store.numbers.configure(account.account.sid, settings.numbers, elsewhere)
    bus = EventBus()
    journal = Journal(store)
    journal.attach_to(bus)
    timelines = Timelines(journal.closed)
    timelines.attach_to(bus)
    stack.callback(timelines.close_all)
    if crashed := await close_what_a_crash_left(store.calls, bus, settings.node.name):
        log.warning("%d calls of an earlier process of this node were without an end: closed", crashed)
        await store.flush()
    if await close_conferences_a_crash_left(store.conferences, bus, settings.node.name):
        await store.flush()
    files = recording_files(neighbours, settings, store)
    return Records(store, neighbours, account, bus, journal, timelines, files)


async def open_outbox(
    settings: Settings, records: Records, fetcher: Fetcher, stack: AsyncExitStack
) -> Outbox:
    """The delivery of the status callbacks that the store holds; at the end the last ones get a moment."""
    store, neighbours = records.store, records.neighbours

    async def token_of(account: str) -> str:
        record = await store.accounts.by_sid(AccountSid(account))
        return record.auth_token if record else ""

    outbox = await stack.enter_async_context(
        Outbox(
            OutboxRows(store, records.bus),
            fetcher,
            token_of,
            permit=Unconditional() if neighbours is None else neighbours.member.lease,
            limits=options.outbox_limits(settings),
        )
    )

    def offer(rows: Iterable[CallbackRecord]) -> None:
        outbox.offer(map(as_callback, rows))

    store.subscribe(offer)
    stack.push_async_callback(_deliver_the_last, store, outbox)
    return outbox


async def close_recordings(records: Records, recordings: Recordings, node: str) -> None:
    """End what an earlier process of this node left of recordings and their texts."""
    store = records.store
    await close_texts_a_crash_left(store, node)
    if left := await close_recordings_a_crash_left(store.recordings, recordings, records.bus, node):
        log.warning("%d recordings of an earlier process of this node were cut short: completed", left)
        await store.flush()


async def _deliver_the_last(store: Store, outbox: Outbox) -> None:
    """Deliver the callbacks of the last calls for a moment; the rest is tried again after the next start."""
    if store.is_fenced:
        return
    await store.settle(timeout_s=LAST_DELIVERIES_S)
    await outbox.drain(LAST_DELIVERIES_S)
