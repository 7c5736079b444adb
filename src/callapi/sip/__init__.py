"""A SIP user agent: messages, transactions, dialogs and sessions; knows nothing of calls, documents, HTTP or SQL.

The core is machines and values that know no socket and no clock. The shell (`transport`, `resolver`,
`endpoint`) performs what they ask for and holds no rules of the protocol.
"""

from callapi.sip.authentication.browsers import BROWSER_ALGORITHMS, comes_from_browser
from callapi.sip.authentication.digest import Credentials, DigestServer, Rejected, Stale, Verified
from callapi.sip.authentication.throttle import LoginThrottle
from callapi.sip.endpoint import (
    Admission,
    Endpoint,
    EndpointOptions,
    OutboundInvite,
    OutboundRequest,
    RegisterHandler,
    Traced,
)
from callapi.sip.errors import (
    LocalProtocolError,
    ParseError,
    RemoteProtocolError,
    ResolutionError,
    SipError,
    TransportError,
)
from callapi.sip.events import (
    Accepted,
    AnswerReceived,
    Confirmed,
    Ended,
    InfoReceived,
    OfferReceived,
    OfferRefused,
    OfferRequested,
    Party,
    Provisional,
    ReferReceived,
    Refused,
    SessionEvent,
)
from callapi.sip.messages.headers import CSeq, Headers, NameAddr, Via
from callapi.sip.messages.info import InfoDigits, read_info
from callapi.sip.messages.message import REASONS, Message, Request, Response, make_response
from callapi.sip.messages.parameters import split_list
from callapi.sip.messages.parser import parse_message
from callapi.sip.messages.transfer import ReferTo, Replaces
from callapi.sip.messages.uri import OtherUri, SipUri, Transport, Uri, parse_uri
from callapi.sip.messages.writer import write_message
from callapi.sip.outbound_refer import OutboundRefer
from callapi.sip.registration.bindings import Binding, RegistrationLimits
from callapi.sip.registration.keepalive import KeepAlive
from callapi.sip.registration.registrar import BindingStore, Registrar
from callapi.sip.routing.nat import flow_of
from callapi.sip.routing.resolver import Resolver
from callapi.sip.session import InboundSession, OutboundSession, Session
from callapi.sip.subscription import ReferAccepted, ReferEnded, ReferEvent, ReferProgress, ReferRefused
from callapi.sip.subscription.inbound import InboundRefer
from callapi.sip.transport import Hop, TlsFiles

__all__ = [
    "BROWSER_ALGORITHMS",
    "REASONS",
    "Accepted",
    "Admission",
    "AnswerReceived",
    "Binding",
    "BindingStore",
    "CSeq",
    "Confirmed",
    "Credentials",
    "DigestServer",
    "Ended",
    "Endpoint",
    "EndpointOptions",
    "Headers",
    "Hop",
    "InboundRefer",
    "InboundSession",
    "InfoDigits",
    "InfoReceived",
    "KeepAlive",
    "LocalProtocolError",
    "LoginThrottle",
    "Message",
    "NameAddr",
    "OfferReceived",
    "OfferRefused",
    "OfferRequested",
    "OtherUri",
    "OutboundInvite",
    "OutboundRefer",
    "OutboundRequest",
    "OutboundSession",
    "ParseError",
    "Party",
    "Provisional",
    "ReferAccepted",
    "ReferEnded",
    "ReferEvent",
    "ReferProgress",
    "ReferReceived",
    "ReferRefused",
    "ReferTo",
    "Refused",
    "RegisterHandler",
    "Registrar",
    "RegistrationLimits",
    "Rejected",
    "RemoteProtocolError",
    "Replaces",
    "Request",
    "ResolutionError",
    "Resolver",
    "Response",
    "Session",
    "SessionEvent",
    "SipError",
    "SipUri",
    "Stale",
    "TlsFiles",
    "Traced",
    "Transport",
    "TransportError",
    "Uri",
    "Verified",
    "Via",
    "comes_from_browser",
    "flow_of",
    "make_response",
    "parse_message",
    "parse_uri",
    "read_info",
    "split_list",
    "write_message",
]
