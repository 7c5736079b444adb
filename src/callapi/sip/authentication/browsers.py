"""How a request of a browser is recognised: its digest library knows one challenge alone, by MD5.

JsSIP and SIP.js keep the last of several WWW-Authenticate fields and know no other algorithm, so that a list that ends
with SHA-256 locks them out (RFC 8760 allows one challenge an algorithm).
"""

from callapi.sip.errors import ParseError
from callapi.sip.messages.headers import NameAddr
from callapi.sip.messages.message import Request
from callapi.sip.messages.parameters import split_list
from callapi.sip.messages.uri import SipUri, Uri
from callapi.sip.transport.hop import Hop

BROWSER_ALGORITHMS = ("MD5",)
_WEBSOCKETS = frozenset({"ws", "wss"})


def comes_from_browser(request: Request, source: Hop) -> bool:
    """Whether a request came by WebSocket: to this node, or to an edge as its Via, Contact or Path says."""
    if source.transport.is_websocket or any(via.transport in {"WS", "WSS"} for via in request.vias):
        return True
    return any(_is_websocket(contact.uri) for contact in request.contacts) or any(
        _is_websocket(uri) for uri in _path_uris(request)
    )


def _is_websocket(uri: Uri) -> bool:
    if not isinstance(uri, SipUri):
        return False
    if (uri.parameter("transport") or "").lower() in _WEBSOCKETS:
        return True
    received = (uri.parameter("received") or "").lower()  # an edge notes its client there
    return "transport=ws" in received


def _path_uris(request: Request) -> list[Uri]:
    try:
        return [
            NameAddr.parse(item).uri
            for value in request.headers.get_all("Path")
            for item in split_list(value)
        ]
    except ParseError:
        return []
