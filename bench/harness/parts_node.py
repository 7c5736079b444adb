"""`callapi serve` whose parts can be switched off while it runs.

    python -m bench.harness.parts_node PORT serve --config NODE.toml

A datagram at that UDP port of the loopback address names the part that is switched off from then on, the others being
on; empty: all are on. A switch changes methods and subscribers of the running objects, so that nothing of this is in
the product. What a switch leaves out is not done at all: calls go on because the rest does not wait for it.
"""

import asyncio
import gc
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final
from unittest import mock

from callapi.calls.events import EventBus
from callapi.calls.records.timeline import Timelines
from callapi.cli.main import main
from callapi.media.plane.engine import NativePlane
from callapi.media.plane.fake import FakePlane
from callapi.media.plane.native_streams import NativeStream
from callapi.metrics import CallMetrics
from callapi.node.node import Node
from callapi.sip.endpoint.driver import Driver
from callapi.store.writing.call_log import CallLog
from callapi.store.writing.writer import Outcome, Writer
from callapi.telemetry import call_lines
from callapi.telemetry.traces import Traces
from callapi.webhooks import Fetcher, WebAnswer, WebRequest

Undo = Callable[[], None]
_BUSES: list[EventBus] = []
_DRIVERS: list[Driver] = []


def _patched(*patches: Any) -> Undo:
    for patch in patches:
        patch.start()

    def undo() -> None:
        for patch in patches:
            patch.stop()

    return undo


def _without_subscribers(is_of_part: Callable[[Any], bool]) -> Undo:
    """Leave out the handlers of the node's bus that belong to a part."""
    (bus,) = _BUSES
    handlers = bus._handlers  # noqa: SLF001
    before = dict(handlers)
    for kind, attached in before.items():
        handlers[kind] = tuple(each for each in attached if not is_of_part(each))
    return lambda: handlers.update(before)


def _without_object(kind: type) -> Undo:
    return _without_subscribers(lambda each: isinstance(getattr(each, "__self__", None), kind))


def _http() -> Undo:
    """Requests are answered from memory, once each URL has been asked."""
    known: dict[str, WebAnswer] = {}
    fetch = Fetcher.fetch

    async def answered(self: Fetcher, request: WebRequest, **bounds: Any) -> WebAnswer:
        answer = known.get(request.url)
        if answer is None:
            answer = known[request.url] = await fetch(self, request, **bounds)
        return answer

    return _patched(mock.patch.object(Fetcher, "fetch", answered))


def _store() -> Undo:
    """Every group is durable at once, by being forgotten; the call log too."""
    loop = asyncio.get_running_loop()

    def put(self: Writer, group: Any) -> None:
        loop.call_soon(self._report, Outcome([group]))

    return _patched(mock.patch.object(Writer, "put", put), mock.patch.object(CallLog, "note", _nothing))


def _call_log() -> Undo:
    return _patched(mock.patch.object(CallLog, "note", _nothing))


def _timeline() -> Undo:
    """Nothing is noted, so nothing is written of it either; SIP messages are still traced for other subscribers."""
    return _without_object(Timelines)


def _trace() -> Undo:
    """SIP messages reach no subscriber."""
    (driver,) = _DRIVERS
    trace, driver.trace = driver.trace, None
    return lambda: setattr(driver, "trace", trace)


def _timeline_sip() -> Undo:
    """SIP messages are not noted in timelines; all else is."""
    return _without_subscribers(lambda each: getattr(each, "__func__", None) is Timelines.sip)


def _observers() -> Undo:
    """Counters and log lines of calls; the feed has no subscriber while it has no readers."""
    return _without_subscribers(
        lambda each: (
            isinstance(getattr(each, "__self__", None), CallMetrics) or each.__module__ == call_lines.__name__
        )
    )


def _metrics() -> Undo:
    return _without_object(CallMetrics)


def _traces() -> Undo:
    """Without spans, though requests still carry the `traceparent` of calls that began before."""
    return _without_object(Traces)


def _log_lines() -> Undo:
    return _without_subscribers(lambda each: each.__module__ == call_lines.__name__)


def _tone() -> Undo:
    """The caller hears nothing while the called phone rings."""
    plane = FakePlane()

    def play_tone(self: NativeStream, *_: Any, **__: Any) -> Any:
        del self
        return plane.open_stream().play_tone("us")

    return _patched(mock.patch.object(NativeStream, "play_tone", play_tone))


def _media() -> Undo:
    """Streams of the twin without sockets; a bridge of it and of a native stream (a call under way) is left out."""
    plane = FakePlane()
    bridge = NativePlane.bridge

    def either(self: NativePlane, one: Any, other: Any) -> Any:
        if isinstance(one, NativeStream) and isinstance(other, NativeStream):
            return bridge(self, one, other)
        if isinstance(one, NativeStream) or isinstance(other, NativeStream):
            return plane.bridge(plane.open_stream(), plane.open_stream())
        return plane.bridge(one, other)

    def open_stream(self: NativePlane) -> Any:
        del self
        return plane.open_stream()

    undo = _patched(mock.patch.object(NativePlane, "open_stream", open_stream))
    # Stays: calls that began with the twin are bridged after the switch is back.
    NativePlane.bridge = either  # type: ignore[method-assign]
    return undo


def _collector() -> Undo:
    return _patched(mock.patch.object(gc, "collect", _nothing), mock.patch.object(gc, "freeze", _nothing))


def _nothing(*_: Any) -> None:
    """In place of a method."""


PARTS: Final[dict[str, Callable[[], Undo]]] = {
    "http": _http,
    "store": _store,
    "call-log": _call_log,
    "timeline": _timeline,
    "sip-trace": _trace,
    "timeline-sip": _timeline_sip,
    "observers": _observers,
    "metrics": _metrics,
    "log-lines": _log_lines,
    "tone": _tone,
    "media": _media,
    "collector": _collector,
    "traces": _traces,
}
"""`traces` is for a node that traces."""


class Switch(asyncio.DatagramProtocol):
    """Obeys datagrams."""

    def __init__(self) -> None:
        self._undo: Undo = _nothing

    def datagram_received(self, data: bytes, _: Any) -> None:
        """One part off, or none."""
        self._undo()
        self._undo = PARTS[data.decode()]() if data else _nothing


@contextmanager
def _remembered(kind: type, kept: list[Any]) -> Iterator[None]:
    """Keep what is made of `kind`."""
    made = kind.__init__  # type: ignore[misc]

    def making(self: Any, *arguments: Any, **named: Any) -> None:
        made(self, *arguments, **named)
        kept.append(self)

    with mock.patch.object(kind, "__init__", making):
        yield


def switchable(port: int, arguments: list[str]) -> int:
    """Run the command line; obey datagrams from the moment the node is up."""
    enter = Node.__aenter__

    async def entered(node: Node) -> Node:
        started = await enter(node)
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(Switch, local_addr=("127.0.0.1", port))
        return started

    with _remembered(EventBus, _BUSES), _remembered(Driver, _DRIVERS):
        Node.__aenter__ = entered  # type: ignore[method-assign, assignment]
        return main(arguments)


if __name__ == "__main__":
    sys.exit(switchable(int(sys.argv[1]), sys.argv[2:]))
