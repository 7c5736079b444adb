"""What the rooms of the node count themselves, as one value for each scrape, and its families of metrics."""

from collections.abc import Iterator, Mapping
from typing import TypeAlias

from msgspec import Struct
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, InfoMetricFamily, Metric

Pairs: TypeAlias = Mapping[str, float]


class NodeFigures(Struct, frozen=True):
    """Gauges are the state at the scrape, the others are totals since the node's start."""

    version: str = ""
    node: str = ""
    calls_live: int = 0
    calls_queued: int = 0
    """Calls over REST that wait for their turn."""
    is_draining: bool = False
    admission_refusals: Pairs = {}
    """By rule: `limits.max_calls`, `overload`, …"""
    refused_callers: int = 0
    """Inbound calls refused for who calls or what was called, not for load."""
    outbox_pending: int = 0
    outbox_oldest_s: float = 0.0
    sip_transactions: int = 0
    sip_sessions: int = 0
    sip_retransmissions: int = 0
    sip_parse_errors: int = 0
    sip_dropped: int = 0
    registrations: int = 0
    rtp_packets_received: int = 0
    rtp_packets_sent: int = 0
    rtp_packets_dropped: int = 0
    media_streams: int = 0
    media_bridges: int = 0
    media_ports_in_use: int = 0
    media_ports_free: int = 0
    media_threads: int = 0
    recordings_live: int = 0
    streams_live: int = 0
    """Audio streams to applications."""
    conferences_live: int = 0
    event_loop_lag_s: float = 0.0
    store_pending: int = 0
    store_retries: int = 0
    is_store_writable: bool = True


def families(figures: NodeFigures) -> Iterator[Metric]:
    """The metrics of one scrape."""
    info = InfoMetricFamily("callapi_node", "Version and name of the node")
    info.add_metric([], {"version": figures.version, "node": figures.node})
    yield info
    yield from _gauges(figures)
    yield from _counters(figures)


def _gauges(figures: NodeFigures) -> Iterator[Metric]:
    values: dict[str, tuple[str, float]] = {
        "callapi_calls_live": ("Calls that are up", figures.calls_live),
        "callapi_calls_queued": ("Calls over REST that wait to be placed", figures.calls_queued),
        "callapi_draining": ("1 while the node takes no new calls", figures.is_draining),
        "callapi_outbox_pending": ("Callbacks that are not delivered yet", figures.outbox_pending),
        "callapi_outbox_oldest_seconds": ("Age of the oldest callback", figures.outbox_oldest_s),
        "callapi_sip_transactions": ("SIP transactions that are not terminated", figures.sip_transactions),
        "callapi_sip_sessions": ("SIP sessions, ending ones included", figures.sip_sessions),
        "callapi_registrations": ("Registered contacts", figures.registrations),
        "callapi_media_streams": ("RTP streams that are open", figures.media_streams),
        "callapi_media_bridges": ("Pairs of streams that are joined", figures.media_bridges),
        "callapi_media_ports_in_use": ("UDP ports of media.rtp_ports in use", figures.media_ports_in_use),
        "callapi_media_ports_free": ("UDP ports of media.rtp_ports that are free", figures.media_ports_free),
        "callapi_media_threads": ("Packet threads", figures.media_threads),
        "callapi_recordings_live": ("Recordings in progress", figures.recordings_live),
        "callapi_streams_live": ("Audio streams to applications", figures.streams_live),
        "callapi_conferences_live": ("Conferences that are held", figures.conferences_live),
        "callapi_event_loop_lag_seconds": ("How late the event loop runs", figures.event_loop_lag_s),
        "callapi_store_pending": ("Changes that wait for the database", figures.store_pending),
        "callapi_store_writable": ("0 while the database refuses writes", figures.is_store_writable),
    }
    for name, (about, value) in values.items():
        yield GaugeMetricFamily(name, about, float(value))


def _counters(figures: NodeFigures) -> Iterator[Metric]:
    refusals = CounterMetricFamily(
        "callapi_admission_refusals", "New calls refused with 503, by rule", labels=["rule"]
    )
    for rule, count in figures.admission_refusals.items():
        refusals.add_metric([rule], count)
    yield refusals
    packets = CounterMetricFamily("callapi_rtp_packets", "RTP packets", labels=["direction"])
    packets.add_metric(["received"], figures.rtp_packets_received)
    packets.add_metric(["sent"], figures.rtp_packets_sent)
    yield packets
    values: dict[str, tuple[str, float]] = {
        "callapi_refused_callers": ("Inbound calls refused by a policy", figures.refused_callers),
        "callapi_sip_retransmissions": (
            "SIP messages sent again without an answer",
            figures.sip_retransmissions,
        ),
        "callapi_sip_parse_errors": ("SIP messages that do not parse", figures.sip_parse_errors),
        "callapi_sip_dropped": ("SIP messages that belong to nothing", figures.sip_dropped),
        "callapi_rtp_packets_dropped": ("RTP packets that were not relayed", figures.rtp_packets_dropped),
        "callapi_store_retries": (
            "Writes that the database had to be asked for again",
            figures.store_retries,
        ),
    }
    for name, (about, value) in values.items():
        yield CounterMetricFamily(name, about, float(value))
