"""A node among others: what it announces and hears, what it takes over, and what it does for them.

Everything here is for PostgreSQL; a node on SQLite has its database to itself and opens none of it.
"""

import asyncio
import logging
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Final

from callapi.adapters.nodes.announcements import Announcements, Hearing
from callapi.adapters.nodes.feed_relay import FEED, WANTED, FeedRelay
from callapi.adapters.nodes.other_nodes import RestOfOthers
from callapi.adapters.nodes.shared_queue import SharedQueue
from callapi.adapters.nodes.shared_quotas import SharedQuotas
from callapi.adapters.nodes.takeover import Inheritance
from callapi.adapters.nodes.used_nonces import USED, UsedNonces
from callapi.adapters.recording_files import RecordingFiles
from callapi.adapters.registrations import Registrations
from callapi.api import Feed
from callapi.base.clock import boot_time, correct_by
from callapi.base.ids import CallSid
from callapi.base.settings import Settings
from callapi.calls.arriving.admission import AdmissionControl
from callapi.calls.events import EventBus
from callapi.calls.live import LiveCalls
from callapi.calls.placing.keeper import KeptNowhere
from callapi.calls.placing.queue_runner import QueueRunner
from callapi.calls.quotas import Quotas
from callapi.cluster import Commands, Member, Takeover
from callapi.node import options
from callapi.node.between import Between
from callapi.node.identity import owner_of
from callapi.node.services import run_services
from callapi.store import QUEUE_NEWS, Nodes, NodeState, Report, Store
from callapi.webhooks import Outbox

log = logging.getLogger(__name__)

CLOCK_WARNING_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Neighbours:
    """The other nodes on this one's database."""

    nodes: Nodes
    member: Member
    announcements: Announcements | None
    """None without `cluster.enabled`: then the nodes only keep out of each other's way."""
    nonces: UsedNonces
    between: Between | None
    """Conferences and queues over all nodes; None with the former."""


@dataclass(frozen=True, slots=True)
class Work:
    """What a node does that its neighbours ask about or take over."""

    bus: EventBus
    outbox: Outbox
    admission: AdmissionControl
    live: LiveCalls
    queue_runner: QueueRunner
    registrations: Registrations

    def has_call(self, sid: CallSid) -> bool:
        """Whether the call is live here, or waits here to be placed."""
        return self.live.get(sid) is not None or self.queue_runner.queue.find(sid) is not None


async def open_store(settings: Settings, stack: AsyncExitStack) -> tuple[Store, Neighbours | None]:
    """The store, and the nodes that share it; None where it is a file, which one node has."""
    settings.node.data_dir.mkdir(parents=True, exist_ok=True)
    is_clustered = settings.cluster.enabled
    store = await stack.enter_async_context(
        Store.open(
            settings.database_url(),
            data_dir=settings.node.data_dir,
            owner=owner_of(settings),
            is_shared=is_clustered,
        )
    )
    if store.nodes is None or not store.nodes.is_shared:
        return store, None
    member = await stack.enter_async_context(Member(store.nodes, settings.node.name, boot_time))
    if is_clustered:
        if abs(member.clock_offset_s) > CLOCK_WARNING_S:
            log.warning("the clock differs from the database's by %.1f s: run NTP", member.clock_offset_s)
        correct_by(member.clock_offset_s)
    if not is_clustered:
        return store, Neighbours(store.nodes, member, None, UsedNonces(), None)
    announcements = Announcements(store)
    return store, Neighbours(
        store.nodes, member, announcements, UsedNonces(), Between.of(store.nodes, member)
    )


async def take_part(
    neighbours: Neighbours, store: Store, files: RecordingFiles, work: Work, stack: AsyncExitStack
) -> None:
    """Say what this node does, follow what is wanted of it, and take over from nodes that are dead."""
    member = neighbours.member
    member.report_from(partial(_report, work.admission, work.live))
    heir = Inheritance(store, neighbours.nodes.owner.name, work.bus, work.outbox, work.has_call)
    services = (
        Takeover(member, neighbours.nodes, heir).serve(),
        _follow(member, work),
        files.sweep(),
    )
    await run_services(services, stack)
    keeper = work.queue_runner.keeper
    if isinstance(keeper, SharedQueue):
        await run_services((keeper.forget(), keeper.take_over(work.queue_runner)), stack)


async def open_commands(
    neighbours: Neighbours,
    settings: Settings,
    store: Store,
    feed: Feed,
    work: Work,
    stack: AsyncExitStack,
) -> Commands | None:
    """The commands between nodes; None without `cluster.enabled`."""
    if neighbours.announcements is None:
        return None
    bus = neighbours.nodes.open_bus()
    stack.push_async_callback(asyncio.to_thread, bus.close)
    hearing = Hearing(store, work.registrations)
    relay = FeedRelay(feed)
    nonces = neighbours.nonces
    listeners = {"changed": hearing.heard, FEED: relay.heard, WANTED: relay.wanted, USED: nonces.heard}
    if neighbours.between is not None:
        listeners[QUEUE_NEWS] = neighbours.between.queues.heard
    commands = Commands(bus, neighbours.member, settings.node.name, listeners)
    await stack.enter_async_context(commands)
    services = (neighbours.announcements.serve(bus), nonces.serve(bus), hearing.serve())
    await run_services((*services, relay.send(bus), relay.ask(bus)), stack)
    return commands


def others_of(
    neighbours: Neighbours, commands: Commands, settings: Settings, store: Store, work: Work
) -> RestOfOthers:
    """The other nodes as REST reaches them."""
    rooms = neighbours.between.rooms if neighbours.between is not None else None
    return RestOfOthers(store, neighbours.member, commands, rooms, settings.node.name, work.has_call)


async def quotas_of(neighbours: Neighbours | None, settings: Settings, stack: AsyncExitStack) -> Quotas:
    """What one account may use: of this node, or of all of a cluster."""
    if neighbours is None or neighbours.announcements is None:
        return options.quotas(settings)
    limits = settings.limits
    quotas = SharedQuotas(
        neighbours.nodes,
        calls=limits.calls_per_account,
        calls_per_second=limits.calls_per_second_per_account,
    )
    await run_services((quotas.serve(),), stack)
    return quotas


def queue_keeper(neighbours: Neighbours | None, settings: Settings) -> SharedQueue | KeptNowhere:
    """Where calls that wait to be placed are kept."""
    if neighbours is None or neighbours.announcements is None:
        return KeptNowhere()
    limits = settings.limits
    return SharedQueue(
        neighbours.nodes,
        neighbours.member,
        max_waiting=limits.queued_calls_per_account,
        calls_per_second=limits.rest_calls_per_second_per_account,
    )


async def leave_queue(queue_runner: QueueRunner, reason: str) -> None:
    """The node places no more calls: those that wait are other nodes', or have failed where there are none."""
    if isinstance(queue_runner.keeper, SharedQueue):
        await queue_runner.keeper.release(queue_runner)
    else:
        queue_runner.abandon(reason)


def recording_files(neighbours: Neighbours | None, settings: Settings, store: Store) -> RecordingFiles:
    """The files of recordings, of this node and of those that run beside it."""

    def where(node: str) -> str | None:
        if neighbours is None or neighbours.announcements is None:
            return None
        entry = neighbours.member.membership.running(node)
        return entry.http if entry is not None else None

    return RecordingFiles(options.recordings_dir(settings), settings.node.name, store, where)


def _report(admission: AdmissionControl, live: LiveCalls) -> Report:
    return Report(NodeState.DRAINING if admission.is_draining else NodeState.UP, len(live))


async def _follow(member: Member, work: Work) -> None:
    """Drain while it is wanted (`callapi drain`)."""
    while True:
        await member.drain_changed.wait()
        member.drain_changed.clear()
        work.admission.is_draining = member.is_drain_wanted
        if member.is_drain_wanted and isinstance(work.queue_runner.keeper, SharedQueue):
            await work.queue_runner.keeper.release(work.queue_runner)
