"""One inbound call, from its INVITE to the start of its story.

Who may call, whom the Request-URI belongs to and what the offer allows are settled here, in this order; each refusal
says which rule it was. What the call then does is the application's business.
"""

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Final, Protocol

from msgspec import Struct

from callapi.base.ids import AccountSid, NumberSid
from callapi.base.task_group import TaskGroup
from callapi.base.values import SrtpPolicy
from callapi.calls.arriving.refusals import Refusal, Refusals
from callapi.calls.bridges.conversation import Conversation
from callapi.calls.bridges.transfers import behind, call_of_session
from callapi.calls.documents.document import DocumentRequest, Script
from callapi.calls.legs.leg import warning
from callapi.calls.legs.media_names import resolved
from callapi.calls.live import LiveCalls
from callapi.calls.parameters import Parameters, sip_request
from callapi.calls.parties import (
    asserted_identity,
    dialled,
    forwarded_from,
    is_anonymous,
    party_name,
    vouched_parameters,
)
from callapi.calls.placing.placement import InboundCall, Subscription
from callapi.media import NotAcceptable, PortsExhausted
from callapi.sip import Endpoint, InboundSession, Session, SipUri

log = logging.getLogger(__name__)

RING_AFTER_S: Final = 0.5
"""The caller hears ringing if its application takes longer than this to answer."""


class Route(Struct, frozen=True):
    """Whose call this is and what to ask for it."""

    account_sid: AccountSid
    document: DocumentRequest
    number_sid: NumberSid | None = None
    callbacks: Subscription | None = None


class Routing(Protocol):
    """Finds the owner of a called number."""

    async def route(self, user: str) -> Route | Refusal | None:
        """The owner of the Request-URI's user part; None: unknown, 404; or why it may not be called."""
        ...

    async def domain(self, host: str) -> Route | None:
        """Where calls to the host of the Request-URI lead, whatever the user; None: where the user leads."""
        ...


class Caller(Struct, frozen=True):
    """A caller that may call."""

    client: str | None = None
    """The registered user, authenticated."""
    route: Route | None = None
    """Where all its calls go; None: where the number that it dialled leads."""
    accounts: frozenset[AccountSid] | None = None
    """Whose numbers it may call; None: those of every account."""
    is_trusted: bool = False
    """Whether it speaks for the network: its assertion of who calls (RFC 3325) is believed."""
    srtp: SrtpPolicy | None = None
    """Whether its media is encrypted; None: as the node is configured."""


class CallerPolicy(Protocol):
    """Decides which callers may call."""

    async def judge(self, session: InboundSession) -> Caller | Refusal:
        """Accept the caller, challenge it, or refuse it."""
        ...


class TrustedNetworks:
    """Callers from these networks need no proof."""

    def __init__(self, networks: tuple[IPv4Network | IPv6Network, ...]) -> None:
        self._networks = networks
        self._known: dict[str, bool] = {}

    def trusts(self, host: str) -> bool:
        """Whether `host` (an IP literal) is within one of the networks."""
        if (known := self._known.get(host)) is None:
            if len(self._known) > 10_000:
                self._known.clear()
            address = ip_address(host)
            known = self._known[host] = any(address in network for network in self._networks)
        return known


class Inbound:
    """Makes calls of the sessions that an endpoint offers."""

    def __init__(
        self,
        live: LiveCalls,
        routing: Routing,
        policy: CallerPolicy,
        script: Script,
        refusals: Refusals,
        guests: Callable[[InboundSession], bool] | None = None,
    ) -> None:
        """`guests` takes the sessions that other nodes have announced: legs to the rooms of this one."""
        self._refusals = refusals
        self._guests = guests
        self._live = live
        self._routing = routing
        self._policy = policy
        self._script = script
        self.undecided = 0
        """Sessions from the endpoint that are neither calls nor refused yet."""

    async def serve(self, endpoint: Endpoint) -> None:
        """Receive calls until the endpoint stops or the task is cancelled."""
        async with TaskGroup() as receiving:
            async for session in endpoint.incoming():
                self.undecided += 1
                receiving.create_task(self._receive(session))

    async def _receive(self, session: InboundSession) -> None:
        try:
            is_guest = self._guests is not None and self._guests(session)
            refusal = None if is_guest else await self._admit(session)
        except Exception:
            log.exception("call-id %s: cannot be received", session.call_id)
            refusal = Refusal(500, "internal error")
        finally:
            self.undecided -= 1
        if refusal is not None:
            self._refusals.refuse(session, refusal)

    async def _admit(self, session: InboundSession) -> Refusal | None:
        """Start the call; or the refusal."""
        caller = await self._policy.judge(session)
        if isinstance(caller, Refusal):
            return caller
        if session.replaces is not None:
            return await self._replace(session, session.replaces, caller)
        route, number = (caller.route, "") if caller.route else await self._find_route(session)
        if isinstance(route, Refusal):
            return route
        if route is None or (caller.accounts is not None and route.account_sid not in caller.accounts):
            return Refusal(404, f"no number answers for {number or 'an empty user'}")
        if (rule := await self._live.quotas.reserve(route.account_sid)) is not None:
            return Refusal(503, rule, (("Retry-After", "2"),))
        try:
            session.request.body = await resolved(session.request.body)
            call = self._live.admit(session, _inbound_call(session, route, caller, number))
        except NotAcceptable as problem:
            return Refusal(488, problem.text, (warning(problem),))
        except PortsExhausted as problem:
            return Refusal(503, str(problem), (("Retry-After", "2"),))
        asyncio.get_running_loop().call_later(RING_AFTER_S, call.ring_if_waiting)
        self._live.start(call, partial(self._script, call, route.document))
        return None

    async def _replace(self, session: InboundSession, replaced: Session, caller: Caller) -> Refusal | None:
        """INVITE with Replaces (RFC 3891): the caller takes the place of a party of one of its account's own calls."""
        leg = call_of_session(self._live, replaced)
        party = behind(self._live, leg) if leg is not None else None
        if leg is None or party is None or party.ended.is_set:
            return Refusal(481, "Replaces names a call without another party")
        account = leg.record.account_sid
        if caller.accounts is not None and account not in caller.accounts:
            return Refusal(481, "Replaces names a call of another account")
        route = Route(account, DocumentRequest(""))
        try:
            session.request.body = await resolved(session.request.body)
            call = self._live.admit(session, _inbound_call(session, route, caller, ""))
        except NotAcceptable as problem:
            return Refusal(488, problem.text, (warning(problem),))
        except PortsExhausted as problem:
            return Refusal(503, str(problem), (("Retry-After", "2"),))
        conversation = Conversation(self._live.plane, party, call)
        self._live.start(call, conversation.stay)
        call.answer()
        party.redirect(conversation.run)
        leg.hang_up("replaced by another call")
        return None

    async def _find_route(self, session: InboundSession) -> tuple[Route | Refusal | None, str]:
        """Where the Request-URI leads, and the form of it that does; None: nowhere, with its first form.

        A domain goes before the numbers of its account, and never before another's: an account
        whose domain has the node's name takes no calls from others.
        """
        uri = session.request.uri
        forms = dialled(uri)
        found: Route | Refusal | None = None
        form = forms[0]
        for each in forms:
            if (found := await self._routing.route(each)) is not None:
                form = each
                break
        domain = await self._routing.domain(uri.host) if isinstance(uri, SipUri) else None
        if domain is None or isinstance(found, Refusal):
            return found, form
        if found is not None and found.account_sid != domain.account_sid:
            return found, form
        return domain, forms[0]


def _inbound_call(session: InboundSession, route: Route, caller: Caller, number: str) -> InboundCall:
    request, address = session.request, session.remote_uri
    uri = request.uri
    sip: Parameters = ()
    domain = uri.host if isinstance(uri, SipUri) else None
    if caller.is_trusted:
        sip = vouched_parameters(request.headers)
        if is_anonymous(address):
            address = asserted_identity(request.headers) or address
    return InboundCall(
        account_sid=route.account_sid,
        from_=party_name(address.uri, is_client=caller.client is not None),
        to=number if number[:1] == "+" else party_name(uri),
        caller_name=address.display_name,
        forwarded_from=forwarded_from(request.headers),
        sip=sip_request(session.call_id, request.headers, session.source.host, domain) + sip,
        number_sid=route.number_sid,
        srtp=caller.srtp,
        callbacks=route.callbacks,
    )
