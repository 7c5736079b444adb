"""From a noun of Dial to the calls that can be placed for it."""

from typing import Final

from callapi.base.values import SrtpPolicy
from callapi.calls.call import Call
from callapi.calls.errors import TOO_MANY_HOPS, NotPlaceable
from callapi.calls.parties import ANONYMOUS, is_anonymous
from callapi.calls.placing.destinations import Destination, Destinations, Identity
from callapi.calls.placing.placement import Placement, Subscription
from callapi.rcml import Client, Number, Sip, Target
from callapi.sip import Credentials

MAX_HOPS: Final = 70
"""For a caller that says nothing of it (RFC 3261 §20.22)."""


async def placements(
    destinations: Destinations,
    noun: Target,
    caller: Call,
    caller_id: str | None,
    callbacks: Subscription | None,
) -> list[Placement]:
    """One for each phone that `noun` rings; they ring together. The callee sees `caller_id`, else the caller.

    Raises:
        NotPlaceable: nothing can be rung, with the sentence for the notification.
    """
    record = caller.record
    hops_left = _hops_left(caller)
    if caller_id:
        identity = destinations.identity(caller_id, caller_id.removeprefix("client:"))
    elif _withholds_its_identity(caller):
        identity = Identity(ANONYMOUS, record.from_)
    else:
        identity = destinations.on_behalf_of(record.from_, record.caller_name)
    return [
        each.complete(
            Placement(
                account_sid=record.account_sid,
                direction="outbound-dial",
                address=each.address,
                from_=identity.from_,
                from_name=identity.name,
                to_name=each.name,
                parent_sid=caller.sid,
                caller_name=identity.from_.display_name,
                forwarded_from=record.forwarded_from,
                codecs=(noun.codecs if isinstance(noun, Sip) else None) or each.codecs,
                video=caller.leg.offered_video if isinstance(noun, Client | Sip) and noun.video else (),
                hops_left=hops_left,
                srtp=_srtp(noun, each),
                callbacks=callbacks,
            )
        )
        for each in await _destinations(destinations, noun, caller)
    ]


def _withholds_its_identity(caller: Call) -> bool:
    """Whether the caller's From is anonymous, even if the network has asserted an identity (RFC 3325 §7)."""
    is_inbound = caller.record.direction == "inbound" and not caller.record.from_.startswith("client:")
    return is_inbound and is_anonymous(caller.leg.session.remote_uri)


def _srtp(noun: Target, destination: Destination) -> SrtpPolicy | None:
    """What `<Sip srtp>` says, if the URI does not demand more (`;secure=true`); None: the destination's own."""
    wanted = noun.srtp if isinstance(noun, Sip) else None
    return SrtpPolicy.REQUIRED if destination.srtp is SrtpPolicy.REQUIRED and wanted else wanted


def _hops_left(caller: Call) -> int:
    """RFC 7332 §4: one less than the caller's own, so that a number that dials itself comes to an end."""
    hops = caller.leg.session.request.max_forwards
    left = (MAX_HOPS if hops is None else hops) - 1
    if left <= 0:
        raise NotPlaceable(
            TOO_MANY_HOPS, "the call has come too far (Max-Forwards): does a number dial itself?"
        )
    return left


async def _destinations(destinations: Destinations, noun: Target, caller: Call) -> list[Destination]:
    match noun:
        case Sip(uri=uri, username=username, password=password):
            has_digest = username is not None and password is not None
            return [
                destinations.sip(uri, Credentials(username or "", password or "") if has_digest else None)
            ]
        case Client(name=name):
            return await destinations.client(name, caller.record.account_sid)
        case Number(number=number):
            return await destinations.number(number, caller.record.account_sid)
