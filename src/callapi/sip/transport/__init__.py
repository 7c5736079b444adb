"""What leaves and enters: sockets, connections and their framing; no rule of a transaction or dialog lives here."""

from callapi.sip.transport.connection import StreamLimits
from callapi.sip.transport.hop import Hop, Received
from callapi.sip.transport.layer import TransportLayer
from callapi.sip.transport.tls import TlsFiles

__all__ = ["Hop", "Received", "StreamLimits", "TlsFiles", "TransportLayer"]
