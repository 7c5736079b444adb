"""Which rule would admit an INVITE, and what would answer it: the node's own rooms, asked without a call."""

from typing import Final, cast

from msgspec import Struct

from callapi.adapters.numbers import Numbers
from callapi.adapters.registrations import Registrations
from callapi.base.clock import steady_time
from callapi.base.ids import AccountSid
from callapi.base.values import SrtpPolicy
from callapi.calls.arriving.authentication import CallerAuthentication, KnownClient
from callapi.calls.arriving.inbound import Caller, Route, TrustedNetworks
from callapi.calls.arriving.refusals import CHALLENGES, Refusal
from callapi.calls.parties import dialled
from callapi.sip import DigestServer, Hop, InboundSession, KeepAlive, LoginThrottle, NameAddr, Request, SipUri
from callapi.store import Store

_SECRET: Final = bytes(32)
"""Of challenges that are not answered."""


class Finding(Struct, frozen=True):
    """One step of the decision; `is_good` False: the call ends here. `route` is that of the step to the document."""

    is_good: bool
    text: str
    route: Route | None = None


def _good(text: str) -> Finding:
    return Finding(is_good=True, text=text)


def _refusing(text: str) -> Finding:
    return Finding(is_good=False, text=text)


class Enquiry(Struct, frozen=True):
    """An INVITE that is asked about: the message, and the hop that it would come from."""

    request: Request
    source: Hop

    @property
    def remote_uri(self) -> NameAddr:
        """As of a session: the From."""
        return self.request.from_

    @property
    def call_id(self) -> str:
        """As of a session."""
        return self.request.call_id


class _Callers:
    """The clients and gateways of a store, whether they have registered with this process or not."""

    def __init__(self, registrations: Registrations) -> None:
        self._registrations = registrations

    def has_registered(self, login: str) -> bool:
        return bool(login)

    async def client(self, login: str) -> KnownClient | None:
        return await self._registrations.client(login)

    async def gateway_of(self, host: str) -> frozenset[AccountSid]:
        return await self._registrations.gateway_of(host)

    async def srtp_of_gateway(self, host: str) -> SrtpPolicy | None:
        return await self._registrations.srtp_of_gateway(host)


async def explain(store: Store, trusted: TrustedNetworks, realm: str, enquiry: Enquiry) -> list[Finding]:
    """The steps from the source address to the document, up to the one that refuses. Raises Unavailable."""
    registrations = Registrations(
        store, realm, KeepAlive(NameAddr.parse(f"<sip:{realm}>"), steady_time), _announce, node=""
    )
    policy = CallerAuthentication(
        trusted, _Callers(registrations), DigestServer(realm, _SECRET), LoginThrottle(), steady_time
    )
    caller = await policy.judge(cast("InboundSession", enquiry))
    host = enquiry.source.host
    if isinstance(caller, Refusal):
        return [_refused(caller, enquiry)]
    findings = [await _admitted(store, caller, host, is_trusted=trusted.trusts(host))]
    if caller.route is not None:
        findings.append(_good(f"the client {caller.client} has a voice URL of its own"))
        return [*findings, *_document(caller.route)]
    return [*findings, *await _number(store, caller, enquiry.request)]


def _announce(_login: str) -> None:
    """No node hears of an enquiry."""


def _refused(refusal: Refusal, enquiry: Enquiry) -> Finding:
    host = enquiry.source.host
    if refusal.status in CHALLENGES:
        uri = enquiry.remote_uri.uri
        user = uri.user if isinstance(uri, SipUri) else str(uri)
        text = f"{refusal.status}: {user} is registered from {host} and must send its password (digest)"
        return _refusing(text)
    why = {
        "sip.trusted_networks": f"{host} is not in sip.trusted_networks, no trunk's gateway is there, "
        "and no client has registered from there under the user in From",
        "wrong user name or password": "the credentials in the message are wrong, or of an old challenge",
    }.get(refusal.rule, refusal.rule)
    return _refusing(f"{refusal.status} ({refusal.rule}): {why}")


async def _admitted(store: Store, caller: Caller, host: str, *, is_trusted: bool) -> Finding:
    if caller.client is not None:
        return _good(f"{host}: the registered client {caller.client}")
    if is_trusted:
        return _good(f"{host} is in sip.trusted_networks: admitted without a password")
    names = [f"{each.friendly_name or each.uri} ({each.sid})" for each in await store.trunks.at(host)]
    return _good(f"{host} is the gateway of the trunk {', '.join(names)}")


async def _number(store: Store, caller: Caller, request: Request) -> list[Finding]:
    forms = dialled(request.uri)
    for form in forms:
        route = await Numbers(store).route(form)
        if isinstance(route, Refusal):
            return [_refusing(f"{route.status}: {route.rule}")]
        if route is None:
            continue
        if caller.accounts is not None and route.account_sid not in caller.accounts:
            text = f"404: {form} belongs to the account {route.account_sid}, which this caller may not call"
            return [_refusing(text)]
        number = await store.numbers.fetch(route.number_sid) if route.number_sid else None
        pattern = f" by the pattern {number.phone_number}" if number and number.phone_number != form else ""
        origin = " of the configuration" if number and number.origin == "configuration" else ""
        text = f"{form}: the number {route.number_sid}{pattern}{origin}, account {route.account_sid}"
        return [_good(text), *_document(route)]
    tried = ", ".join(each or "(an empty user)" for each in forms)
    return [_refusing(f"404: no number with a voice URL answers for {tried}")]


def _document(route: Route) -> list[Finding]:
    document = route.document
    findings = [Finding(True, f"the document is asked of {document.method} {document.url}", route)]  # noqa: FBT003
    if document.fallback_url:
        findings.append(_good(f"if that fails, of {document.fallback_method} {document.fallback_url}"))
    if route.callbacks is not None:
        findings.append(_good(f"its end is reported to {route.callbacks.method} {route.callbacks.url}"))
    return findings
