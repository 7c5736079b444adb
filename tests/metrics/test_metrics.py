"""`/metrics`: the figures of calls and of the node, read by Prometheus' own parser; closed to other networks."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any

import pytest
from msgspec.structs import replace
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from callapi.base.ids import AccountSid
from callapi.calls.events import CallEnded, EventBus, MediaMeasured, ProblemRaised
from callapi.calls.problem import Problem
from callapi.calls.status import Ending
from callapi.media import StreamStatistics
from callapi.metrics import CallMetrics, MetricsEndpoint, NodeFigures
from callapi.metrics.labels import MAX_HOSTS
from callapi.sip import Party
from callapi.webhooks import HttpExchange
from tests.api.world import Answer, finished_call, run_app

NOW = datetime(2026, 11, 17, 10, tzinfo=UTC)
ACCOUNT = AccountSid("AC" + "1" * 32)
IDLE = NodeFigures()
LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1"))


async def scrape(
    metrics: CallMetrics, figures: NodeFigures = IDLE, client: str = "127.0.0.1", method: str = "GET"
) -> Answer:
    """One request to the endpoint."""

    async def now() -> NodeFigures:
        return figures

    endpoint = MetricsEndpoint(metrics, now, LOOPBACK)

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await endpoint({**scope, "client": (client, 5000)}, receive, send)

    return await run_app(app, method, "/metrics", "", {}, b"")


async def samples(metrics: CallMetrics, figures: NodeFigures = IDLE) -> dict[str, float]:
    """Every sample by its name with labels, as Prometheus' parser reads them."""
    answer = await scrape(metrics, figures)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("application/openmetrics-text")
    return {
        each.name + "".join(f",{key}={each.labels[key]}" for key in sorted(each.labels)): each.value
        for family in text_string_to_metric_families(answer.body.decode())  # type: ignore[no-untyped-call]
        for each in family.samples
    }


def exchange(**changes: Any) -> HttpExchange:
    """One request to an application that was answered."""
    made = HttpExchange(NOW, 0.2, "POST", "http://App.example:9000/voice?a=b", (), 200, None, 1, "CA1")
    return replace(made, **changes)


async def test_the_names_of_the_contract() -> None:
    """All of them are there before the first call."""
    found = await samples(CallMetrics())
    assert all(name.startswith("callapi_") for name in found)
    families = {name.partition(",")[0] for name in found}
    assert {
        "callapi_calls_live",
        "callapi_outbox_pending",
        "callapi_sip_retransmissions_total",
        "callapi_rtp_packets_total",
        "callapi_event_loop_lag_seconds",
        "callapi_process_resident_memory_bytes",
    } <= families


async def test_calls_are_counted_by_direction_status_and_code() -> None:
    """Set-up times of answered calls alone."""
    bus, metrics = EventBus(), CallMetrics()
    metrics.watch(bus)
    ending = Ending(Party.REMOTE, "BYE")
    good = finished_call(ACCOUNT, direction="inbound")
    busy = finished_call(ACCOUNT, status="busy", answer_time=None, sip_response_code=486)
    for record in (good, good, busy):
        bus.publish(CallEnded(record, NOW, ending))
    found = await samples(metrics)
    assert found["callapi_calls_total,direction=inbound,status=completed"] == 2
    assert found["callapi_calls_total,direction=outbound-api,status=busy"] == 1
    assert found["callapi_call_responses_total,code=486,direction=outbound-api"] == 1
    assert found["callapi_call_setup_seconds_count,direction=inbound"] == 2
    assert found["callapi_call_setup_seconds_sum,direction=inbound"] == 6
    assert "callapi_call_setup_seconds_count,direction=outbound-api" not in found


async def test_webhooks_are_timed_by_host() -> None:
    """An answer of 400 and above, or none at all, is a failure."""
    bus, metrics = EventBus(), CallMetrics()
    metrics.watch(bus)
    for event in (exchange(), exchange(status=503), exchange(status=None, error="refused")):
        bus.publish(event)
    found = await samples(metrics)
    assert found["callapi_webhook_seconds_count,host=app.example:9000"] == 3
    assert found["callapi_webhook_failures_total,code=503,host=app.example:9000"] == 1
    assert found["callapi_webhook_failures_total,code=none,host=app.example:9000"] == 1


async def test_labels_are_bounded() -> None:
    """However many hosts and codes there are."""
    bus, metrics = EventBus(), CallMetrics()
    metrics.watch(bus)
    for number in range(MAX_HOSTS * 3):
        bus.publish(exchange(url=f"http://host-{number}/", status=10_000 + number))
    found = await samples(metrics)
    hosts = {name for name in found if name.startswith("callapi_webhook_seconds_count")}
    assert len(hosts) == MAX_HOSTS + 1
    assert found["callapi_webhook_seconds_count,host=other"] == MAX_HOSTS * 2
    assert {name for name in found if "webhook_failures" in name and "code=1" in name} == set()


async def test_quality_of_legs_and_notifications() -> None:
    """Jitter in seconds, loss as a ratio."""
    bus, metrics = EventBus(), CallMetrics()
    metrics.watch(bus)
    heard = StreamStatistics(packets_received=90, packets_lost=10, jitter_ms=20.0, mos=4.1)
    record = finished_call(ACCOUNT)
    bus.publish(MediaMeasured(record, NOW + timedelta(seconds=1), heard))
    bus.publish(MediaMeasured(record, NOW, StreamStatistics(packets_sent=5)))
    bus.publish(ProblemRaised(Problem(11200, "HTTP 500"), ACCOUNT, NOW))
    found = await samples(metrics)
    assert found["callapi_rtp_packets_lost_total"] == 10
    assert found["callapi_rtp_jitter_seconds_sum"] == pytest.approx(0.02)
    assert found["callapi_rtp_loss_ratio_sum"] == pytest.approx(0.1)
    assert found["callapi_call_mos_count"] == 1
    assert found["callapi_notifications_total,code=11200"] == 1


async def test_figures_of_the_node() -> None:
    """As they are at the scrape."""
    figures = NodeFigures(
        version="1.0",
        node="node-1",
        calls_live=3,
        admission_refusals={"limits.max_calls": 2},
        rtp_packets_received=7,
    )
    found = await samples(CallMetrics(), figures)
    assert found["callapi_calls_live"] == 3
    assert found["callapi_admission_refusals_total,rule=limits.max_calls"] == 2
    assert found["callapi_rtp_packets_total,direction=received"] == 7
    assert found["callapi_node_info,node=node-1,version=1.0"] == 1


@pytest.mark.parametrize(
    ("client", "status"),
    [("127.0.0.1", 200), ("::1", 200), ("::ffff:127.0.0.1", 200), ("192.0.2.1", 403), ("", 403)],
)
async def test_networks(client: str, status: int) -> None:
    """Figures are for the operator's scraper alone."""
    assert (await scrape(CallMetrics(), client=client)).status == status


async def test_methods() -> None:
    """A POST is not a scrape."""
    assert (await scrape(CallMetrics(), method="POST")).status == 405
