"""Clients and trunks of the store, as the registrar and the authentication of callers need them."""

import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, Self

from callapi.adapters.numbers import route_of
from callapi.base.clock import steady_now, utc_now
from callapi.base.ids import AccountSid
from callapi.base.values import SrtpPolicy
from callapi.calls.arriving.authentication import KnownClient
from callapi.calls.arriving.inbound import Route
from callapi.sip import Binding, Hop, KeepAlive, ParseError
from callapi.store import ApplicationRecord, BindingRecord, Change, ClientRecord, Put, Remove, Store

log = logging.getLogger(__name__)

ENABLED: Final = "enabled"
MAX_REMEMBERED: Final = 100_000
"""Bindings that are read at the start, to keep the ways to them open."""


class Registrations:
    """The store as the `BindingStore` of the registrar and the `Callers` of the authentication of callers."""

    def __init__(
        self, store: Store, realm: str, keep_alive: KeepAlive, announce: Callable[[str], None], *, node: str
    ) -> None:
        """`announce` lets other nodes know that a client of that login has registered with this one, `node`."""
        self._node = node
        self._store = store
        self._realm = realm
        self._keep_alive = keep_alive
        self._announce = announce
        self._registered: set[str] = set()

    @classmethod
    async def open(
        cls, store: Store, realm: str, keep_alive: KeepAlive, announce: Callable[[str], None], *, node: str
    ) -> Self:
        """With the bindings of before the start. Raises Unavailable."""
        registrations = cls(store, realm, keep_alive, announce, node=node)
        by_login: dict[str, list[Binding]] = {}
        for record in await store.bindings.everywhere(MAX_REMEMBERED):
            if record.node in {"", node} and _is_closed_websocket(record):
                store.write(Remove(BindingRecord, (record.login, record.contact)))
                continue
            by_login.setdefault(record.login, []).append(_binding(record))
        for login, bindings in by_login.items():
            registrations._registered.add(login)
            keep_alive.watch(login, bindings, at_once=True)
        return registrations

    async def secrets_of(self, login: str) -> Mapping[str, str]:
        """As `BindingStore`."""
        client = await self._enabled(login)
        return self._secrets(client) if client is not None else {}

    async def bindings_of(self, login: str) -> Sequence[Binding]:
        """As `BindingStore`."""
        return [_binding(each) for each in await self._store.bindings.of(login)]

    async def replace_bindings(self, login: str, bindings: Sequence[Binding]) -> None:
        """As `BindingStore`. The phone has its answer before they are on disk; it will register anew anyway."""
        before = {each.contact: each for each in await self._store.bindings.of(login)}
        changes: list[Change] = []
        for binding in bindings:
            known = before.pop(binding.contact, None)
            if known is None or _binding(known) != binding:
                changes.append(Put(_record(login, binding, self._node)))
        changes += [Remove(BindingRecord, (login, contact)) for contact in before]
        if changes:
            self._store.write(*changes)
            if self._store.is_shared:
                await self._store.settle()  # once the phone has its answer, every node can ring it
        if not bindings:
            self._registered.discard(login)
        elif login not in self._registered:
            self._registered.add(login)
            self._announce(login)
        self._keep_alive.watch(login, bindings)

    def registered_elsewhere(self, login: str) -> None:
        """A client of that login has registered with another node."""
        self._registered.add(login)

    async def read_again(self) -> None:
        """Learn who has registered with other nodes. Raises Unavailable."""
        self._registered.update(each.login for each in await self._store.bindings.everywhere(MAX_REMEMBERED))

    def has_registered(self, login: str) -> bool:
        """As `Callers`."""
        return login in self._registered

    async def client(self, login: str) -> KnownClient | None:
        """As `Callers`."""
        client = await self._enabled(login)
        if client is None:
            return None
        now = steady_now()
        live = [each for each in await self._store.bindings.of(login) if each.expires_at > now]
        return KnownClient(
            login=client.login,
            account_sid=client.account_sid,
            secrets=self._secrets(client),
            hosts=frozenset(filter(None, (_host(each.source) for each in live))),
            route=await self._route(client),
            srtp=SrtpPolicy(client.srtp) if client.srtp else None,
        )

    async def gateway_of(self, host: str) -> frozenset[AccountSid]:
        """As `Callers`."""
        found = await self._store.trunks.at(host)
        accounts = {each.account_sid for each in found} | await self._store.sip_objects.accounts_at(host)
        return frozenset([each for each in accounts if await self._is_active(each)])

    async def srtp_of_gateway(self, host: str) -> SrtpPolicy | None:
        """As `Callers`. Of several trunks at one address the strictest holds."""
        said = {SrtpPolicy(each.srtp) for each in await self._store.trunks.at(host) if each.srtp}
        return next((each for each in reversed(SrtpPolicy) if each in said), None)

    async def _route(self, client: ClientRecord) -> Route | None:
        owner: ClientRecord | ApplicationRecord = client
        if client.voice_application_sid is not None:
            owner = await self._store.applications.by_sid(client.voice_application_sid) or client
        return route_of(owner, client.account_sid)

    async def _enabled(self, login: str) -> ClientRecord | None:
        client = await self._store.clients.by_login(login)
        if client is None or client.status != ENABLED or not await self._is_active(client.account_sid):
            return None
        return client

    async def _is_active(self, account_sid: AccountSid) -> bool:
        account = await self._store.accounts.by_sid(account_sid)
        return account is not None and account.is_active

    def _secrets(self, client: ClientRecord) -> Mapping[str, str]:
        if client.realm != self._realm:
            log.warning(
                "the password of client %s was set for realm %s, and this node's is %s: set it again",
                client.login,
                client.realm,
                self._realm,
            )
        return {
            "MD5": client.ha1_md5,
            "SHA-256": client.ha1_sha256,
            "SHA-512-256": client.ha1_sha512_256,
        }


def _is_closed_websocket(record: BindingRecord) -> bool:
    """Whether a binding depends on a WebSocket to the node that took it; of an earlier process it ended with that."""
    try:
        return Hop.parse(record.source).transport.is_websocket and not record.path
    except ParseError:
        return False


def _host(source: str) -> str | None:
    try:
        return Hop.parse(source).host
    except ParseError:
        return None


def _binding(record: BindingRecord) -> Binding:
    return Binding(
        contact=record.contact,
        expires_at=record.expires_at.timestamp(),
        call_id=record.call_id,
        cseq=record.cseq,
        q=record.q,
        source=record.source,
        user_agent=record.user_agent,
        path=record.path,
        instance=record.instance,
        reg_id=record.reg_id,
    )


def _record(login: str, binding: Binding, node: str) -> BindingRecord:
    return BindingRecord(
        login=login,
        contact=binding.contact,
        call_id=binding.call_id,
        cseq=binding.cseq,
        expires_at=datetime.fromtimestamp(binding.expires_at, UTC),
        date_updated=utc_now(),
        q=binding.q,
        source=binding.source,
        user_agent=binding.user_agent,
        path=binding.path,
        node=node,
        instance=binding.instance,
        reg_id=binding.reg_id,
    )
