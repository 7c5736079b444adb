"""The shell of the SIP core: it performs what the machines ask for, owns every timer, and holds no rule of a dialog.

`driver` runs transactions on the wire, `runner` one session, `reception` decides whom a request is for, `endpoint`
is the door.
"""

from callapi.sip.endpoint.endpoint import Endpoint
from callapi.sip.endpoint.options import (
    Admission,
    EndpointOptions,
    OutboundInvite,
    OutboundRequest,
    RegisterHandler,
    Statistics,
    Traced,
)

__all__ = [
    "Admission",
    "Endpoint",
    "EndpointOptions",
    "OutboundInvite",
    "OutboundRequest",
    "RegisterHandler",
    "Statistics",
    "Traced",
]
