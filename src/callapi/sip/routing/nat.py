"""The flow to a phone that registered from behind a NAT or on a connection (RFC 5626 §5.3).

Such a phone cannot be reached at its Contact, only at the address that its REGISTER came from, by that connection.
"""

from callapi.sip.errors import ParseError, ResolutionError
from callapi.sip.messages.uri import SipUri
from callapi.sip.routing.hops import is_address, is_private
from callapi.sip.routing.resolver import transport_of
from callapi.sip.transport import Hop


def flow_of(contact: SipUri, source: str) -> Hop | None:
    """Where to send what is for a binding whose REGISTER came from `source` (a hop as text); None: to its Contact."""
    try:
        hop = Hop.parse(source)
        if hop.transport.is_websocket:
            return hop
        is_own_connection = hop.transport.is_reliable and transport_of(contact) is hop.transport
    except (ParseError, ResolutionError):
        return None
    return hop if is_own_connection or is_behind_nat(contact, hop) else None


def is_behind_nat(contact: SipUri, source: Hop) -> bool:
    """Whether a Contact cannot be reached: a private address that is not the source's own, or a `.invalid` name."""
    if not is_address(contact.host):
        return contact.host.lower().endswith(".invalid")
    return is_private(contact.host) and contact.host != source.host
