"""Which callers may call: trusted networks without proof, registered clients by digest, gateways of trunks.

A caller from outside is challenged only if the user in its From is registered from the very address that it calls
from. So a scanner gets 403 for any name that it tries, known or not; and one that has a challenge cannot distinguish a
user that does not exist from a wrong password, by the answer or by the work.
"""

from collections.abc import Callable, Mapping
from typing import Final, Protocol

from msgspec import Struct

from callapi.base.ids import AccountSid
from callapi.base.values import SrtpPolicy
from callapi.calls.arriving.inbound import Caller, Route, TrustedNetworks
from callapi.calls.arriving.refusals import Refusal
from callapi.sip import (
    BROWSER_ALGORITHMS,
    DigestServer,
    InboundSession,
    LoginThrottle,
    SipUri,
    Stale,
    Verified,
    comes_from_browser,
)

STRANGER: Final = Refusal(403, "sip.trusted_networks")
WRONG: Final = Refusal(403, "wrong user name or password")
SLOW_DOWN: Final = Refusal(503, "too many wrong passwords from this address", (("Retry-After", "10"),))


class KnownClient(Struct, frozen=True):
    """A client that may register and call."""

    login: str
    account_sid: AccountSid
    secrets: Mapping[str, str]
    """H(login:realm:password) by algorithm."""
    hosts: frozenset[str]
    """The addresses that its live registrations came from."""
    route: Route | None
    """Where its calls go whatever it dials; None: it has no URL of its own."""
    srtp: SrtpPolicy | None = None
    """Whether its media is encrypted; None: as the node is configured."""


class Callers(Protocol):
    """Looks up clients and gateways, from memory: an INVITE does not wait for a database."""

    def has_registered(self, login: str) -> bool:
        """Whether a client of that name has registered with this node; if not, no lookup is needed."""
        ...

    async def client(self, login: str) -> KnownClient | None:
        """The client, if it is enabled and its account active."""
        ...

    async def gateway_of(self, host: str) -> frozenset[AccountSid]:
        """The accounts that a gateway at this address may call in for."""
        ...

    async def srtp_of_gateway(self, host: str) -> SrtpPolicy | None:
        """What the trunks whose gateway is at this address say of encryption; None: as the node is configured."""
        ...


class CallerAuthentication:
    """The `CallerPolicy` of a node; `clock` is that of the challenges, in seconds."""

    def __init__(
        self,
        trusted: TrustedNetworks,
        callers: Callers,
        digest: DigestServer,
        throttle: LoginThrottle,
        clock: Callable[[], float],
    ) -> None:
        self._trusted = trusted
        self._callers = callers
        self._digest = digest
        self._throttle = throttle
        self._clock = clock

    async def judge(self, session: InboundSession) -> Caller | Refusal:
        """As `CallerPolicy`."""
        host = session.source.host
        uri = session.remote_uri.uri
        user = uri.user if isinstance(uri, SipUri) else None
        neighbour = await self._callers.client(user) if user and self._callers.has_registered(user) else None
        if neighbour is not None and host not in neighbour.hosts:
            neighbour = None
        if self._trusted.trusts(host):
            if neighbour is not None:
                return _caller(neighbour)
            return Caller(is_trusted=True, srtp=await self._callers.srtp_of_gateway(host))
        if self._throttle.is_slowed(host, self._clock()):
            return SLOW_DOWN
        headers = session.request.headers
        value = self._digest.pick(
            [*headers.get_all("Proxy-Authorization"), *headers.get_all("Authorization")]
        )
        if value is not None:
            return self._verify(session, value, await self._callers.client(user) if user else None)
        if neighbour is not None:
            return self._challenge(session, is_stale=False)
        accounts = await self._callers.gateway_of(host)
        if not accounts:
            return STRANGER
        srtp = await self._callers.srtp_of_gateway(host)
        return Caller(accounts=accounts, is_trusted=True, srtp=srtp)

    def _verify(self, session: InboundSession, value: str, client: KnownClient | None) -> Caller | Refusal:
        login, secrets = (client.login, client.secrets) if client is not None else (None, {})
        request, now = session.request, self._clock()
        verdict = self._digest.verify(
            value,
            request.method,
            request.uri,
            request.body,
            lambda username, algorithm: secrets.get(algorithm) if username == login else None,
            now,
            algorithms=_algorithms(session),
        )
        if isinstance(verdict, Stale):
            return self._challenge(session, is_stale=True)
        if isinstance(verdict, Verified) and client is not None:
            return _caller(client)
        self._throttle.failed(session.source.host, now)
        return WRONG

    def _challenge(self, session: InboundSession, *, is_stale: bool) -> Refusal:
        values = self._digest.challenge(self._clock(), is_stale=is_stale, algorithms=_algorithms(session))
        return Refusal(407, "authentication required", tuple(("Proxy-Authenticate", each) for each in values))


def _algorithms(session: InboundSession) -> tuple[str, ...] | None:
    """What a browser is challenged with; None: the server's own algorithms."""
    return BROWSER_ALGORITHMS if comes_from_browser(session.request, session.source) else None


def _caller(client: KnownClient) -> Caller:
    return Caller(client.login, client.route, frozenset({client.account_sid}), srtp=client.srtp)
