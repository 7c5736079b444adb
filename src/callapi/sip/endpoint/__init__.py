"""The shell of the SIP core: it performs what the machines ask for, owns every timer, and holds no rule of a dialog.

`driver` runs transactions over the transport, `runner` one session, `dialog_sender` sends the requests of a dialog,
`reception` routes inbound requests, `sessions` keeps the dialogs, `endpoint` is the interface.
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
