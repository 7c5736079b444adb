"""Requests that come through an edge proxy are judged by the address that the edge saw. Pure.

The edge takes out any `X-CallAPI-Source` that it receives and writes its own: the transport, address and port that the
request came from, as `udp:192.0.2.1:5060`. From any other source the header is taken out unread.
"""

from collections.abc import Iterable
from typing import Final

from callapi.base.listen_address import parse_listen_address
from callapi.sip.errors import ParseError
from callapi.sip.messages.message import Request
from callapi.sip.messages.uri import Transport
from callapi.sip.transport.hop import Hop

SOURCE: Final = "X-CallAPI-Source"
UNKNOWN: Final = "0.0.0.0"  # noqa: S104 - an address that no host has (RFC 1122 §3.2.1.3), not one to listen on
_WEBSOCKET: Final = {"ws": "tcp", "wss": "tls"}


class Edges:
    """The edge proxies of a node, by the addresses that they send from (`udp://10.0.0.5:5060`).

    Over UDP the port counts too; a connection has another port each time.
    """

    def __init__(self, addresses: Iterable[str]) -> None:
        listed = [parse_listen_address(each) for each in addresses]
        self._udp = {(each.host, each.port) for each in listed if each.scheme == "udp"}
        self._connected = {(each.scheme, each.host) for each in listed if each.scheme != "udp"}

    def __bool__(self) -> bool:
        return bool(self._udp or self._connected)

    def has(self, source: Hop) -> bool:
        """Whether `source` is an edge."""
        if source.transport is Transport.UDP:
            return (source.host, source.port) in self._udp
        return (source.transport.value, source.host) in self._connected

    def origin(self, request: Request, source: Hop) -> Hop:
        """Where `request`, which arrived from `source`, began; the edge's header is taken out of it.

        What an edge forwards without saying where it came from is from nowhere: no network that is trusted has it.
        """
        stated = request.headers.get(SOURCE)
        if stated is not None:
            request.headers.remove(SOURCE)
        if not self.has(source):
            return source
        try:
            seen = _parse(stated or "")
        except ParseError:
            seen = Hop(source.transport, UNKNOWN, 0)
        return Hop(seen.transport, seen.host, seen.port, None, source.local)


def _parse(text: str) -> Hop:
    transport, colon, address = text.strip().lower().partition(":")
    try:
        return Hop.parse(f"{transport}{colon}{address}")
    except ParseError:
        return Hop.parse(f"{_WEBSOCKET.get(transport, transport)}{colon}{address}")
