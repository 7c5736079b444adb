"""Where a message goes: responses by their Via (RFC 3261 §18.2.2, RFC 3581), requests by their URI, and through a NAT.

Beyond the RFCs: in a dialog without route set, a peer whose Contact cannot be reached (a private address outside our
network, or a client on a connection) is sent requests to where its own came from.
"""

import re
from functools import lru_cache
from ipaddress import ip_address

from callapi.sip.errors import ResolutionError
from callapi.sip.messages.headers import Via
from callapi.sip.messages.message import Request
from callapi.sip.messages.uri import SipUri, Transport, Uri
from callapi.sip.routing.resolver import chooses_transport, transport_of
from callapi.sip.transport import Hop
from callapi.sip.transport.port import TransportPort

_SAID_BEFORE = re.compile(r";(?:rport|received)(?:=[^;]*)?(?=;|$)", re.IGNORECASE)
MAX_UDP_REQUEST_BYTES = 1300  # RFC 3261 §18.1.1


def note_source(request: Request, source: Hop) -> None:
    """Write `received` and `rport` into the top Via, where they are due (RFC 3261 §18.2.1, RFC 3581 §4)."""
    via = request.via
    wants_port = via.has_parameter("rport")
    if via.host == source.host and not wants_port:
        return
    vias = request.vias
    top = f"{_SAID_BEFORE.sub('', str(via))};received={source.host}"
    if wants_port:
        top += f";rport={source.port}"
    request.headers.set("Via", top)
    for other in vias[1:]:
        request.headers.add("Via", str(other))


def answer_hop(via: Via, source: Hop) -> Hop:
    """Where the response to a request goes that came from `source` under this top Via, as it was sent.

    Beyond the RFCs: a peer that is not where its Via says is behind a NAT, and is answered as if it asked for rport.
    """
    if source.transport.is_reliable:
        return source
    maddr = next((value for name, value in via.parameters if name == "maddr"), None)
    if maddr is not None and is_address(maddr):
        return Hop(Transport.UDP, maddr, via.port or 5060, None, source.local)
    if via.has_parameter("rport") or via.host != source.host:
        return source
    return Hop(Transport.UDP, source.host, via.port or 5060, None, source.local)


@lru_cache(maxsize=4096)
def literal_hop(uri: Uri) -> Hop | None:
    """The hop of a URI that holds an IP address; None: it needs the resolver.

    Raises ResolutionError: also for the client of a WebSocket, which is reached by its own connection alone.
    """
    if not isinstance(uri, SipUri):
        return None
    host = uri.parameter("maddr") or uri.host
    transport = transport_of(uri)
    if transport.is_websocket:
        raise ResolutionError(f"{uri}: the client of a WebSocket is reached by its own connection alone")
    if not is_address(host) or (transport.is_secure and host != uri.host):
        return None
    port = uri.port or transport.default_port
    return Hop(transport, str(ip_address(host)), port, may_use_tcp=chooses_transport(uri))


def reachable_hop(hop: Hop, source: Hop | None, *, is_connected: bool) -> Hop:
    """The hop for a request in a dialog without route set whose peer was last heard from `source`."""
    if source is None or hop == source:
        return hop
    if source.transport.is_reliable:
        return source if is_connected and hop.transport is source.transport else hop
    if not hop.transport.is_reliable and is_private(hop.host) and not is_private(source.host):
        return source
    return hop


def is_usable(flow: Hop, port: TransportPort) -> bool:
    """Whether what is sent into a flow can arrive: always by UDP, else while its connection is open (RFC 5626 §5.3)."""
    return not flow.transport.is_reliable or port.is_connected(flow)


@lru_cache(maxsize=4096)
def is_address(host: str) -> bool:
    """Whether the text is an IP address."""
    if not (host[-1:].isdigit() or ":" in host):
        return False
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


@lru_cache(maxsize=4096)
def is_private(host: str) -> bool:
    """Whether an address is valid only inside its own network (RFC 1918 and its like)."""
    return ip_address(host).is_private
