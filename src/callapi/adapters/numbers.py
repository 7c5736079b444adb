"""The store's numbers as the `Routing` of inbound calls."""

from callapi.base.ids import AccountSid, ApplicationSid
from callapi.calls.arriving.inbound import Route
from callapi.calls.arriving.refusals import Refusal
from callapi.calls.documents.document import DocumentRequest
from callapi.calls.placing.placement import Subscription
from callapi.store import (
    ApplicationRecord,
    ClientRecord,
    NumberRecord,
    SipObjectRecord,
    Store,
)


class Numbers:
    """The store's numbers as the `Routing` of inbound calls."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def route(self, user: str) -> Route | Refusal | None:
        """As `Routing`."""
        number = await self._store.numbers.route(user)
        if number is None:
            return None
        account = await self._store.accounts.by_sid(number.account_sid)
        if account is None or not account.is_active:
            return Refusal(403, "the account of the number is not active")
        owner: NumberRecord | ApplicationRecord = number
        if number.voice_application_sid is not None:
            owner = await self._store.applications.by_sid(number.voice_application_sid) or number
        return route_of(owner, number.account_sid, number)

    async def domain(self, host: str) -> Route | None:
        """As `Routing`."""
        return await domain_route(self._store, host)


async def domain_route(store: Store, host: str) -> Route | None:
    """Where calls to a SIP domain of an account lead, whatever their user; None: `host` is not such a domain."""
    domain = await store.sip_objects.domain(host)
    if domain is None:
        return None
    account = await store.accounts.by_sid(domain.account_sid)
    if account is None or not account.is_active:
        return None
    return route_of(domain, domain.account_sid)


async def application_document(
    store: Store, account: AccountSid, sid: ApplicationSid
) -> DocumentRequest | None:
    """What an application of `account` requests for a call; None: it has no such one, or that has no voice URL."""
    application = await store.applications.by_sid(sid)
    if application is None or application.account_sid != account:
        return None
    route = route_of(application, account)
    return route.document if route is not None else None


def route_of(
    owner: NumberRecord | ApplicationRecord | ClientRecord | SipObjectRecord,
    account: AccountSid,
    number: NumberRecord | None = None,
) -> Route | None:
    """What `owner` has configured for voice; None if nothing."""
    if not owner.voice_url:
        return None
    callbacks = None
    if not isinstance(owner, ClientRecord) and owner.status_callback:
        callbacks = Subscription(owner.status_callback, owner.status_callback_method)
    document = DocumentRequest(
        owner.voice_url,
        owner.voice_method,
        fallback_url=owner.voice_fallback_url,
        fallback_method=owner.voice_fallback_method,
    )
    return Route(account, document, number.sid if number else None, callbacks)
