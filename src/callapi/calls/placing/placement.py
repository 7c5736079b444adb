"""Values that describe a call before it exists: whom to ring, who called, where its callbacks go."""

from msgspec import Struct

from callapi.base.ids import AccountSid, CallSid, NumberSid
from callapi.base.values import SrtpPolicy
from callapi.calls.parameters import Parameters
from callapi.calls.placing.addresses import SipAddress
from callapi.media import (
    VideoFormat,
)
from callapi.sip import NameAddr


class Subscription(Struct, frozen=True, gc=False):
    """Where the status callbacks of a call go, and for which steps."""

    url: str
    method: str = "POST"
    events: tuple[str, ...] = ("completed",)


class Placement(Struct, frozen=True, gc=False):
    """A call to be placed: whom, as whom, and for whom."""

    account_sid: AccountSid
    direction: str
    address: SipAddress
    from_: NameAddr
    from_name: str
    to_name: str
    parent_sid: CallSid | None = None
    to: NameAddr | None = None
    """The To of the INVITE; None: the address. A redirected call keeps that of the first (RFC 3261 §8.1.3.4)."""
    caller_name: str | None = None
    forwarded_from: str | None = None
    codecs: tuple[str, ...] | None = None
    video: tuple[VideoFormat, ...] = ()
    """The video formats to offer; none: audio alone."""
    hops_left: int | None = None
    """The Max-Forwards of a call that is placed for another; None: it is the first."""
    callbacks: Subscription | None = None
    srtp: SrtpPolicy | None = None
    """None: as the node is configured."""
    serial: tuple["Placement", ...] = ()
    """Tried in turn, within the same call, while the one before cannot serve it: address, codecs and From count."""
    parallel: tuple["Placement", ...] = ()
    """Rung at the same time, within the same call: the first to answer is the called party."""


class InboundCall(Struct, frozen=True, gc=False):
    """An inbound call that may proceed: its account and where its callbacks go."""

    account_sid: AccountSid
    from_: str
    to: str
    """Caller and called number as the application reads them."""
    caller_name: str | None
    forwarded_from: str | None
    sip: Parameters
    number_sid: NumberSid | None = None
    srtp: SrtpPolicy | None = None
    """None: as the node is configured."""
    callbacks: Subscription | None = None
