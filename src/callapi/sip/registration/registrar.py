"""The registrar (RFC 3261 §10.3): who may register, and the bindings that result.

Every REGISTER is authenticated by digest; the user part of To is the login. An unknown login and a wrong password get
the same response, and requests from a source with too many recent failures are rejected.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Protocol
from weakref import WeakValueDictionary

from callapi.sip.authentication.browsers import BROWSER_ALGORITHMS, comes_from_browser
from callapi.sip.authentication.digest import DigestServer, Rejected, Stale
from callapi.sip.authentication.throttle import LoginThrottle
from callapi.sip.messages.message import make_response
from callapi.sip.messages.uri import SipUri
from callapi.sip.registration.bindings import Binding, Registered, RegistrationLimits, register

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from callapi.sip.authentication.digest import Verdict
    from callapi.sip.messages.message import Request, Response
    from callapi.sip.transport.hop import Hop


log = logging.getLogger(__name__)

TOO_MANY_FAILURES = (("Retry-After", "10"),)


class BindingStore(Protocol):
    """Where logins and their bindings are kept."""

    async def secrets_of(self, login: str) -> Mapping[str, str]:
        """H(login:realm:password) of a client by algorithm (`MD5`, `SHA-256`, ...); empty if there is none."""

    async def bindings_of(self, login: str) -> Sequence[Binding]:
        """Every binding of a client, also expired ones."""

    async def replace_bindings(self, login: str, bindings: Sequence[Binding]) -> None:
        """Keep these bindings of a client and no other."""


class Registrar:
    """Answers REGISTER; the endpoint's `RegisterHandler`."""

    def __init__(
        self,
        store: BindingStore,
        digest: DigestServer,
        *,
        clock: Callable[[], float],
        throttle: LoginThrottle | None = None,
        limits: RegistrationLimits | None = None,
    ) -> None:
        """`clock` gives seconds since the epoch, because bindings outlive the process."""
        self._throttle = LoginThrottle() if throttle is None else throttle
        self._store = store
        self._digest = digest
        self._clock = clock
        self._limits = limits or RegistrationLimits()
        self._websockets: dict[str, set[str]] = {}  # source -> logins registered by it
        self._closed: dict[str, None] = {}  # sources whose bindings are to be removed
        self._has_closed = asyncio.Event()
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def register(self, request: Request, source: Hop) -> Response:
        """The response to a REGISTER."""
        address = request.to.uri
        if not isinstance(address, SipUri) or address.user is None:
            return make_response(request, 404)
        if self._throttle.is_slowed(source.host, self._clock()):
            return make_response(request, 503, headers=TOO_MANY_FAILURES)
        login = address.user
        verdict = await self._verify(request, login, source)
        if verdict is None or isinstance(verdict, Stale):
            is_browser = comes_from_browser(request, source)
            challenges = self._digest.challenge(
                self._clock(),
                is_stale=verdict is not None,
                algorithms=BROWSER_ALGORITHMS if is_browser else None,
            )
            return make_response(request, 401, headers=[("WWW-Authenticate", value) for value in challenges])
        if isinstance(verdict, Rejected) or verdict.username != login:
            self._throttle.failed(source.host, self._clock())
            return make_response(request, 403)
        # Two REGISTERs of one phone must not read the same bindings and write over each other.
        async with self._locks.setdefault(login, asyncio.Lock()):
            return await self._bind(request, login, source)

    def flow_closed(self, source: Hop) -> None:
        """A connection has closed: the bindings of a WebSocket go with it, since only its client can open another."""
        if str(source) in self._websockets:
            self._closed[str(source)] = None
            self._has_closed.set()

    async def run(self) -> None:
        """Remove the bindings of closed WebSockets, until cancelled."""
        while True:
            await self._has_closed.wait()
            self._has_closed.clear()
            while self._closed:
                source = next(iter(self._closed))
                del self._closed[source]
                for login in self._websockets.pop(source, ()):
                    await self._unbind(login, source)

    async def _unbind(self, login: str, source: str) -> None:
        async with self._locks.setdefault(login, asyncio.Lock()):
            bindings = await self._store.bindings_of(login)
            kept = [each for each in bindings if each.source != source or each.path]
            if len(kept) < len(bindings):
                log.info("%s: the WebSocket %s has closed; its binding is removed", login, source)
                await self._store.replace_bindings(login, kept)

    async def _verify(self, request: Request, login: str, source: Hop) -> Verdict | None:
        value = self._digest.pick(request.headers.get_all("Authorization"))
        if value is None:
            return None
        secrets = await self._store.secrets_of(login)
        return self._digest.verify(
            value,
            request.method,
            request.uri,
            request.body,
            lambda username, algorithm: secrets.get(algorithm) if username == login else None,
            self._clock(),
            algorithms=BROWSER_ALGORITHMS if comes_from_browser(request, source) else None,
        )

    async def _bind(self, request: Request, login: str, source: Hop) -> Response:
        now = self._clock()
        before = await self._store.bindings_of(login)
        outcome = register(request, before, source=source, now=now, limits=self._limits)
        if not isinstance(outcome, Registered):
            return make_response(request, outcome.status, outcome.reason, headers=outcome.headers)
        if request.headers.get("Contact") is not None:
            await self._store.replace_bindings(login, outcome.bindings)
            if source.transport.is_websocket:
                self._websockets.setdefault(str(source), set()).add(login)
        paths = [("Path", value) for value in request.headers.get_all("Path")]  # RFC 3327 §5.3
        return make_response(request, 200, headers=[*outcome.headers(now), *paths])
