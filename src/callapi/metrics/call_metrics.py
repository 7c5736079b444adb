"""Counters and histograms of what happens on calls: handlers on the bus of call events.

Both are kept in plain dictionaries and lists, which cost a tenth of a library's, and become families at a scrape.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Final
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from callapi.calls.events import (
    CallEnded,
    EventBus,
    MediaMeasured,
    ProblemRaised,
)
from callapi.metrics.histograms import Buckets, HistogramFamily
from callapi.metrics.labels import MAX_HOSTS, METHODS, OTHER, BoundedLabel, code_label, problem_label
from callapi.sip import Request, Traced
from callapi.webhooks import HttpExchange

_SETUP_BUCKETS: Final = (0.1, 0.25, 0.5, 1, 2, 3, 5, 8, 13, 20, 30, 60)
_DURATION_BUCKETS: Final = (1, 5, 15, 30, 60, 120, 300, 600, 1800, 3600, 7200, 14_400)
_WEBHOOK_BUCKETS: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15)
_JITTER_BUCKETS: Final = (0.001, 0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2)
_LOSS_BUCKETS: Final = (0.0, 0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1)
_MOS_BUCKETS: Final = (1.5, 2, 2.5, 3, 3.3, 3.6, 3.8, 4, 4.2, 4.4, 5)


class CallMetrics(Collector):
    """Watches a bus from `watch` on; `registry` gives its families and those of the process (memory, CPU)."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=False)
        self._ended: Counter[tuple[str, str]] = Counter()
        self._codes: Counter[tuple[str, int | None]] = Counter()
        self._problems: Counter[str] = Counter()
        self._failures: Counter[tuple[str, str]] = Counter()
        self._requests: Counter[tuple[str, str]] = Counter()
        self._responses: Counter[tuple[str, int | None]] = Counter()
        self._packets_lost = 0
        self._packets_measured = 0
        self._hosts = BoundedLabel(MAX_HOSTS)
        self._authorities: dict[str, tuple[str, Buckets]] = {}
        self._setup = HistogramFamily(
            "callapi_call_setup_seconds",
            "From the start of a call to its answer",
            _SETUP_BUCKETS,
            "direction",
        )
        self._duration = HistogramFamily(
            "callapi_call_duration_seconds", "From the answer to the end", _DURATION_BUCKETS, "direction"
        )
        self._webhook = HistogramFamily(
            "callapi_webhook_seconds", "Requests to applications, by host", _WEBHOOK_BUCKETS, "host"
        )
        self._jitter = HistogramFamily("callapi_rtp_jitter_seconds", "Jitter of a leg", _JITTER_BUCKETS)
        self._loss = HistogramFamily("callapi_rtp_loss_ratio", "Lost packets of a leg", _LOSS_BUCKETS)
        self._mos = HistogramFamily("callapi_call_mos", "MOS of a leg (ITU-T G.107)", _MOS_BUCKETS)
        self.registry.register(self)
        ProcessCollector(namespace="callapi", registry=self.registry)

    def watch(self, bus: EventBus) -> None:
        """Count the events of `bus` from now on, for as long as the bus lives."""
        bus.attach(CallEnded, self.call_ended)
        bus.attach(MediaMeasured, self.media_measured)
        bus.attach(HttpExchange, self.http_exchanged)
        bus.attach(Traced, self.sip_message)
        bus.attach(ProblemRaised, self.problem_raised)

    def call_ended(self, event: CallEnded) -> None:
        """Count one call by direction, status and code, and its times."""
        record = event.record
        self._ended[record.direction, record.status] += 1
        self._codes[record.direction, record.sip_response_code] += 1
        if record.answer_time is not None and record.start_time is not None:
            setup = (record.answer_time - record.start_time).total_seconds()
            self._setup.observe(max(setup, 0.0), record.direction)
            self._duration.observe(record.duration or 0, record.direction)

    def media_measured(self, event: MediaMeasured) -> None:
        """Observe the figures of one leg, where it received packets."""
        statistics = event.statistics
        self._packets_lost += statistics.packets_lost
        expected = statistics.packets_received + statistics.packets_lost
        if not statistics.packets_received:
            return
        self._jitter.observe(statistics.jitter_ms / 1000)
        self._loss.observe(statistics.packets_lost / expected)
        if statistics.mos is not None:
            self._mos.observe(statistics.mos)

    def http_exchanged(self, exchange: HttpExchange) -> None:
        """Observe one request to an application; no answer, or a 4xx or 5xx, is a failure."""
        # The authority is the third part of an absolute URL (RFC 3986 §3); the few there are need reading once.
        url = exchange.url
        begin = url.find("//") + 2
        end = url.find("/", begin)
        authority = url[begin:end] if end > 0 else url[begin:]
        found = self._authorities.get(authority)
        host, times = self._series_of(url, authority) if found is None else found
        times.observe(exchange.duration_s)
        status = exchange.status
        if status is None or status >= 400:
            self._failures[host, code_label(status)] += 1

    def _series_of(self, url: str, authority: str) -> tuple[str, Buckets]:
        host = self._hosts.of(urlsplit(url).netloc.lower())
        found = host, self._webhook.series(host)
        if len(self._authorities) < MAX_HOSTS:
            self._authorities[authority] = found
        return found

    def sip_message(self, traced: Traced) -> None:
        """Count one SIP message."""
        message = traced.message
        if isinstance(message, Request):
            method = message.method
            self._requests[traced.direction, method if method in METHODS else OTHER] += 1
        else:
            self._responses[traced.direction, message.status] += 1

    def problem_raised(self, event: ProblemRaised) -> None:
        """Count one notification."""
        self._problems[problem_label(event.problem.code)] += 1

    def collect(self) -> Iterator[Metric]:
        """The families of the counts and times."""
        for histogram in (self._setup, self._duration, self._webhook, self._jitter, self._loss, self._mos):
            yield histogram.family()
        yield _family("callapi_calls", "Calls that have ended", ("direction", "status"), self._ended)
        yield _family(
            "callapi_call_responses",
            "Final SIP codes of calls",
            ("direction", "code"),
            _with_labels(self._codes),
        )
        yield _family(
            "callapi_webhook_failures", "Requests without a good answer", ("host", "code"), self._failures
        )
        yield _family("callapi_sip_requests", "SIP requests", ("direction", "method"), self._requests)
        yield _family(
            "callapi_sip_responses", "SIP responses", ("direction", "code"), _with_labels(self._responses)
        )
        problems = CounterMetricFamily("callapi_notifications", "Notifications, by code", labels=["code"])
        for code, count in self._problems.items():
            problems.add_metric([code], count)
        yield problems
        yield CounterMetricFamily(
            "callapi_rtp_packets_lost", "RTP packets that never came, of ended legs", self._packets_lost
        )


def _with_labels(counts: Mapping[tuple[str, int | None], int]) -> Counter[tuple[str, str]]:
    """The counts by a label of each code: codes that have none of their own are one."""
    labelled: Counter[tuple[str, str]] = Counter()
    for (name, code), count in counts.items():
        labelled[name, code_label(code)] += count
    return labelled


def _family(
    name: str, about: str, labels: tuple[str, str], counts: Counter[tuple[str, str]]
) -> CounterMetricFamily:
    family = CounterMetricFamily(name, about, labels=list(labels))
    for values, count in counts.items():
        family.add_metric(list(values), count)
    return family
