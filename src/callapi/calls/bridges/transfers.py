"""Which call a transfer is about: from a dialog that a phone names to our call, and to the party behind it."""

from msgspec import Struct

from callapi.base.ids import AccountSid
from callapi.calls.bridges.joined import Bridged
from callapi.calls.call import Call
from callapi.calls.live import LiveCalls
from callapi.sip import Replaces, Session


class Consultation(Struct, frozen=True):
    """The call in which a phone has consulted another party: `leg` is the phone's own, `party` the other."""

    leg: Call
    party: Call


def call_of_session(live: LiveCalls, session: Session) -> Call | None:
    """The live call whose leg has that session."""
    return next((each for each in live.calls() if each.leg.session is session and not each.leg.is_lent), None)


def behind(live: LiveCalls, leg: Call) -> Call | None:
    """The party that `leg` talks with, or that rings for it; for a phone that we ring, the call that it rings for."""
    leg = leg.lent_to or leg
    if isinstance(leg.joined, Bridged):
        return live.get(leg.joined.other)
    ringing = [each for each in live.calls() if each.record.parent_call_sid == leg.sid]
    waiting = next((each for each in ringing if not each.ended.is_set), None)
    if waiting is not None:
        return waiting
    parent = leg.record.parent_call_sid
    return live.get(parent) if parent is not None and not leg.leg.is_answered else None


def consultation(live: LiveCalls, replaces: Replaces, account: AccountSid) -> Consultation | None:
    """The consultation that an attended transfer names; None: no dialog of that account, or one without a party."""
    session = live.endpoint.find_session(replaces)
    leg = call_of_session(live, session) if session is not None else None
    if leg is None or leg.record.account_sid != account:
        return None
    party = behind(live, leg)
    return Consultation(leg, party) if party is not None and not party.ended.is_set else None
