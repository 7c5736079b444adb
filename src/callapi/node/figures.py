"""The figures that the rooms of a node count themselves, gathered for one scrape of `/metrics`."""

from callapi import __version__
from callapi.base.clock import steady_now
from callapi.metrics import NodeFigures
from callapi.node.rooms import Rooms
from callapi.store import StoreError


async def figures_of(rooms: Rooms, node: str) -> NodeFigures:
    """The figures of this moment. While the database is away, its own stay at 0."""
    store, endpoint = rooms.records.store, rooms.endpoint
    sip, plane, writing = endpoint.statistics, rooms.live.plane.statistics(), store.statistics
    pending, oldest_s, registrations = 0, 0.0, 0
    try:
        outbox = await store.callbacks.backlog()
        pending = outbox.pending
        if outbox.oldest_at is not None:
            oldest_s = max(0.0, (steady_now() - outbox.oldest_at).total_seconds())
        registrations = await store.bindings.total()
    except StoreError:
        pass
    return NodeFigures(
        version=__version__,
        node=node,
        calls_live=len(rooms.live),
        calls_queued=len(rooms.queue_runner.queue.all()),
        is_draining=rooms.admission.is_draining,
        admission_refusals=dict(rooms.admission.refusals),
        refused_callers=rooms.refusals.count,
        outbox_pending=pending,
        outbox_oldest_s=oldest_s,
        sip_transactions=endpoint.live_transactions,
        sip_sessions=endpoint.live_sessions,
        sip_retransmissions=sip.retransmissions,
        sip_parse_errors=sip.parse_errors,
        sip_dropped=sip.dropped,
        registrations=registrations,
        rtp_packets_received=plane.packets_received,
        rtp_packets_sent=plane.packets_sent,
        rtp_packets_dropped=plane.packets_dropped,
        media_streams=plane.streams,
        media_bridges=plane.bridges,
        media_ports_in_use=plane.ports_in_use,
        media_ports_free=plane.ports_free,
        media_threads=plane.threads,
        recordings_live=plane.recordings,
        streams_live=len(rooms.services.streams),
        conferences_live=len(rooms.services.conferences),
        event_loop_lag_s=rooms.lag.lag_s,
        store_pending=writing.pending_changes,
        store_retries=writing.retries,
        is_store_writable=store.is_writable,
    )
