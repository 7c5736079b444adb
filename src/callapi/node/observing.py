"""What watches a node from the first call on: log lines, traces, HEP; each only where it is configured."""

import asyncio
from contextlib import AsyncExitStack
from urllib.parse import urlsplit

from callapi.base.settings import Settings
from callapi.calls.events import EventBus
from callapi.node import options
from callapi.telemetry.call_lines import log_calls
from callapi.telemetry.hep import Hep
from callapi.telemetry.traces import Traces, otlp_exporter


async def observe(settings: Settings, bus: EventBus, stack: AsyncExitStack) -> Traces | None:
    """Attach the observers to `bus`; the traces, whose headers go to applications (None: switched off).

    Raises:
        TelemetryMissing: the extra `telemetry` is not installed.
        OSError: the server of `sip.hep` has no address.
    """
    log_calls(bus)
    if settings.sip.hep:
        server = urlsplit(settings.sip.hep)
        address = (server.hostname or "", server.port or options.HEP_PORT)
        await stack.enter_async_context(Hep(bus, address, settings.node.name, options.own_address(settings)))
    if not settings.telemetry.otlp_endpoint:
        return None
    traces = Traces(otlp_exporter(settings.telemetry.otlp_endpoint), settings.node.name)
    traces.watch(bus)
    stack.push_async_callback(asyncio.to_thread, traces.close)
    return traces
