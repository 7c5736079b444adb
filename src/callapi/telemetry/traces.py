"""Traces by OpenTelemetry: a span for each call, verb and request, sent by OTLP over HTTP (extra `telemetry`).

A call that was dialled by another is in that one's trace, below its span, and linked to it. Requests to applications
carry `traceparent` (W3C Trace Context) with the span of their call, so that the application's own spans lie below it.
The exporter works in a thread of its own, with a bounded queue: a slow collector costs spans, not calls.
"""

from collections import OrderedDict
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from msgspec import Struct

from callapi import __version__
from callapi.base.errors import CallApiError
from callapi.calls.events import CallEnded, CallStarted, EventBus, ProblemRaised, VerbStarted
from callapi.store import CallRecord
from callapi.webhooks import Headers, HttpExchange

if TYPE_CHECKING:
    from opentelemetry.context import Context
    from opentelemetry.sdk.trace.export import SpanExporter
    from opentelemetry.trace import Span

TRACES: Final = "/v1/traces"
MAX_CALLS: Final = 20_000
"""Calls whose context is remembered, for callbacks that are delivered after their end."""
FLUSH_MS: Final = 3_000
_TRACEPARENT: Final = "traceparent"


class TelemetryMissing(CallApiError):
    """`telemetry.otlp_endpoint` is set, and its libraries are not installed."""


class _Traced(Struct):
    """The spans of one call; `verb` is the one under way."""

    span: "Span"
    context: "Context"
    traceparent: Headers
    verb: "Span | None" = None
    is_ended: bool = False


def otlp_exporter(endpoint: str) -> "SpanExporter":
    """Sends spans to `endpoint` (`http://collector:4318`, with or without `/v1/traces`). Raises TelemetryMissing."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415
    except ImportError as error:
        text = "telemetry.otlp_endpoint needs the extra: pip install 'callapi[telemetry]'"
        raise TelemetryMissing(text) from error
    bare = endpoint.rstrip("/")
    return OTLPSpanExporter(endpoint=bare if bare.endswith(TRACES) else bare + TRACES)


class Traces:
    """Makes spans of the events on a bus from `watch` on; `close` sends the last ones."""

    def __init__(self, exporter: "SpanExporter", node: str, flush_ms: int = FLUSH_MS) -> None:
        from opentelemetry import trace  # noqa: PLC0415 - not loaded where nothing is traced
        from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
        from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
        from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

        attributes = {
            "service.name": "callapi",
            "service.version": __version__,
            "service.instance.id": node,
        }
        self._api = trace
        self._flush_ms = flush_ms
        self._provider = TracerProvider(resource=Resource.create(attributes), shutdown_on_exit=False)
        self._provider.add_span_processor(BatchSpanProcessor(exporter, schedule_delay_millis=1000))
        self._tracer = self._provider.get_tracer("callapi", __version__)
        self._calls: OrderedDict[str, _Traced] = OrderedDict()

    def watch(self, bus: EventBus) -> None:
        """Trace the calls on `bus`."""
        bus.attach(CallStarted, self._started)
        bus.attach(VerbStarted, self._verb)
        bus.attach(HttpExchange, self._exchanged)
        bus.attach(ProblemRaised, self._problem)
        bus.attach(CallEnded, self._ended)

    def close(self) -> None:
        """End the spans of calls that are still up, and send what waits; blocks for `flush_ms` at most."""
        for traced in self._calls.values():
            if not traced.is_ended:
                traced.span.end()
        self._provider.force_flush(self._flush_ms)
        self._provider.shutdown()

    def headers(self, call_sid: str) -> Headers:
        """`traceparent` for a request on behalf of a call; nothing if the call is not known."""
        traced = self._calls.get(call_sid)
        return traced.traceparent if traced is not None else ()

    def _started(self, event: CallStarted) -> None:
        record = event.record
        parent = self._calls.get(record.parent_call_sid) if record.parent_call_sid else None
        links = [self._api.Link(parent.span.get_span_context())] if parent is not None else []
        span = self._tracer.start_span(
            f"call {record.direction}",
            parent.context if parent is not None else None,
            self._api.SpanKind.SERVER if record.direction == "inbound" else self._api.SpanKind.CLIENT,
            _of_call(record),
            links,
            _nanoseconds(event.at),
        )
        context = span.get_span_context()
        traceparent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags & 1:02x}"
        self._calls[record.sid] = _Traced(
            span, self._api.set_span_in_context(span), ((_TRACEPARENT, traceparent),)
        )
        if len(self._calls) > MAX_CALLS:
            self._calls.popitem(last=False)

    def _verb(self, event: VerbStarted) -> None:
        if (traced := self._calls.get(event.call_sid)) is None:
            return
        at, position = _nanoseconds(event.at), event.position
        if traced.verb is not None:
            traced.verb.end(at)
        attributes: dict[str, str | int] = {"rcml.verb": position.verb, "rcml.line": position.line}
        attributes["url.full"] = position.url
        traced.verb = self._tracer.start_span(
            f"<{position.verb}>", traced.context, attributes=attributes, start_time=at
        )

    def _exchanged(self, exchange: HttpExchange) -> None:
        if (traced := self._calls.get(exchange.call_sid)) is None:
            return
        began = _nanoseconds(exchange.started_at)
        attributes: dict[str, str | int] = {
            "http.request.method": exchange.method,
            "url.full": exchange.url,
            "server.address": urlsplit(exchange.url).hostname or "",
            "http.request.resend_count": exchange.attempt - 1,
        }
        if exchange.status is not None:
            attributes["http.response.status_code"] = exchange.status
        span = self._tracer.start_span(
            exchange.method, traced.context, self._api.SpanKind.CLIENT, attributes, start_time=began
        )
        if exchange.error is not None or (exchange.status or 0) >= 400:
            span.set_status(self._api.StatusCode.ERROR, exchange.error)
        span.end(began + int(exchange.duration_s * 1e9))

    def _problem(self, event: ProblemRaised) -> None:
        traced = self._calls.get(event.call_sid) if event.call_sid else None
        if traced is not None and not traced.is_ended:
            attributes: dict[str, str | int] = {"callapi.code": event.problem.code}
            attributes["callapi.text"] = event.problem.text
            traced.span.add_event("notification", attributes, _nanoseconds(event.at))

    def _ended(self, event: CallEnded) -> None:
        if (traced := self._calls.get(event.call_sid)) is None or traced.is_ended:
            return
        at, record = _nanoseconds(event.at), event.record
        if traced.verb is not None:
            traced.verb.end(at)
            traced.verb = None
        traced.span.set_attributes(_of_call(record))
        if record.status == "failed":
            traced.span.set_status(self._api.StatusCode.ERROR, record.end_reason)
        traced.span.end(at)
        traced.is_ended = True


def _of_call(record: CallRecord) -> Mapping[str, str | int]:
    found: dict[str, str | int | None] = {
        "callapi.call_sid": record.sid,
        "callapi.account_sid": record.account_sid,
        "callapi.parent_call_sid": record.parent_call_sid,
        "callapi.direction": record.direction,
        "callapi.from": record.from_,
        "callapi.to": record.to,
        "callapi.status": record.status,
        "callapi.ended_by": record.ended_by,
        "callapi.end_reason": record.end_reason,
        "sip.call_id": record.sip_call_id,
        "sip.response_code": record.sip_response_code,
    }
    return {name: value for name, value in found.items() if value is not None}


def _nanoseconds(instant: datetime) -> int:
    return int(instant.timestamp() * 1_000_000) * 1000
