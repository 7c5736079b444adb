"""Who may call a node and register with it: bindings, challenges, and what a wrong password costs."""

import secrets
from dataclasses import dataclass

from callapi.adapters.registrations import Registrations
from callapi.base.clock import steady_time
from callapi.base.settings import Settings
from callapi.calls.arriving.authentication import CallerAuthentication
from callapi.calls.arriving.inbound import TrustedNetworks
from callapi.node import options
from callapi.node.records import Records
from callapi.sip import DigestServer, KeepAlive, LoginThrottle, NameAddr


@dataclass(frozen=True, slots=True)
class Callers:
    """Who may call and register: one set of bindings, challenges and counters of wrong passwords."""

    registrations: Registrations
    digest: DigestServer
    throttle: LoginThrottle
    keep_alive: KeepAlive


async def open_callers(settings: Settings, records: Records) -> Callers:
    """Who has registered, as the store and the other nodes know it; challenges with the secret that all nodes share."""
    store, neighbours = records.store, records.neighbours
    announcements = neighbours.announcements if neighbours is not None else None
    realm = options.domain(settings)
    keep_alive = KeepAlive(NameAddr.parse(f"<sip:{realm}>"), steady_time)
    secret = secrets.token_hex(32)
    if neighbours is not None and announcements is not None:
        secret = await neighbours.nodes.shared_value("digest", secret)
    nonces = neighbours.nonces if neighbours is not None and announcements is not None else None
    digest = DigestServer(
        realm,
        bytes.fromhex(secret),
        algorithms=settings.sip.digest_algorithms,
        first_serial=secrets.randbits(48),
        on_use=nonces.note if nonces is not None else None,
    )
    if nonces is not None:
        nonces.give_to(digest.used_elsewhere)
    registrations = await Registrations.open(
        store,
        realm,
        keep_alive,
        _alone if announcements is None else announcements.registered,
        node=settings.node.name,
    )
    return Callers(registrations, digest, LoginThrottle(), keep_alive)


def caller_policy(settings: Settings, callers: Callers) -> CallerAuthentication:
    """Which callers need no challenge, and how the others are challenged."""
    trusted = TrustedNetworks(settings.sip.trusted_networks)
    return CallerAuthentication(trusted, callers.registrations, callers.digest, callers.throttle, steady_time)


def _alone(_login: str) -> None:
    """No other node need know who has registered with this one."""
