"""`GET /metrics`: OpenMetrics text, for scrapers within `metrics.allowed_networks`."""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, TypeAlias

from prometheus_client.core import Metric
from prometheus_client.openmetrics.exposition import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import CollectorRegistry
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.types import Receive, Scope, Send

from callapi.metrics.call_metrics import CallMetrics
from callapi.metrics.figures import NodeFigures, families

Network: TypeAlias = IPv4Network | IPv6Network
_SAFE: Final = frozenset({"GET", "HEAD"})


class _Scrape(CollectorRegistry):
    """The families of calls and of one set of figures."""

    def __init__(self, calls: CallMetrics, figures: NodeFigures) -> None:
        super().__init__()
        self._calls = calls
        self._figures = figures

    def collect(self) -> Iterator[Metric]:
        """All of them."""
        yield from families(self._figures)
        yield from self._calls.registry.collect()


class MetricsEndpoint:
    """The ASGI application of `/metrics`; `figures` is asked once for each scrape."""

    def __init__(
        self,
        calls: CallMetrics,
        figures: Callable[[], Awaitable[NodeFigures]],
        allowed_networks: Sequence[Network],
    ) -> None:
        self._calls = calls
        self._figures = figures
        self._allowed = tuple(allowed_networks)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        response = await self._respond(Request(scope, receive))
        await response(scope, receive, send)

    async def _respond(self, request: Request) -> Response:
        host = request.client.host if request.client else ""
        if not self._is_allowed(host):
            text = f"{host} is not in metrics.allowed_networks\n"
            return PlainTextResponse(text, 403)
        if request.method not in _SAFE:
            return PlainTextResponse("GET\n", 405, {"Allow": "GET"})
        scrape = _Scrape(self._calls, await self._figures())
        text = generate_latest(scrape)  # type: ignore[no-untyped-call]  # the library has no types here
        return Response(text, media_type=None, headers={"Content-Type": CONTENT_TYPE_LATEST})

    def _is_allowed(self, host: str) -> bool:
        address = _address(host)
        return address is not None and any(address in network for network in self._allowed)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        address = ip_address(host.partition("%")[0])
    except ValueError:
        return None
    # A listener on `::` shows IPv4 clients as ::ffff:192.0.2.1 (RFC 4291 §2.5.5.2).
    return getattr(address, "ipv4_mapped", None) or address
