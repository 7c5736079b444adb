"""The composition of one node: the only file that knows every room. Start, serve, drain, stop.

Whoever is needed first is started first and stopped last: store, HTTP to applications, outbox, media, SIP, calls, REST.
"""

import asyncio
import logging
import os
import secrets
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from callapi.adapters.audio import AudioFetch, mp3_of
from callapi.adapters.directory import Directory
from callapi.adapters.numbers import Numbers
from callapi.adapters.outbox_rows import OutboxRows, as_callback
from callapi.adapters.registrations import Registrations
from callapi.api import Deps, Health, create_app
from callapi.base.api_version import API_VERSION
from callapi.base.clock import steady_time
from callapi.base.ids import AccountSid
from callapi.base.settings import ACCOUNT_SID, AUTH_TOKEN, Settings
from callapi.calls.arriving.admission import AdmissionControl
from callapi.calls.arriving.authentication import CallerAuthentication
from callapi.calls.arriving.inbound import Inbound, TrustedNetworks
from callapi.calls.arriving.refusals import Refusals
from callapi.calls.live import LiveCalls
from callapi.calls.placing.destinations import Destinations
from callapi.calls.placing.outbound import Outbound
from callapi.calls.placing.queue import CallQueue
from callapi.calls.placing.queue_runner import QueueRunner
from callapi.calls.quotas import Quotas
from callapi.calls.recordings import Recordings
from callapi.calls.records.journal import Journal
from callapi.calls.records.reconciliation import close_what_a_crash_left
from callapi.calls.records.timeline import Timelines
from callapi.http.connections import Bounds
from callapi.http.server import HttpServer
from callapi.media.plane.engine import NativePlane
from callapi.media.prompts.library import PromptLibrary
from callapi.media.speech import open_recogniser, open_speaker
from callapi.node.gc_policy import GcPolicy
from callapi.node.lag import LagMeter
from callapi.sip import (
    DigestServer,
    Endpoint,
    EndpointOptions,
    KeepAlive,
    LoginThrottle,
    NameAddr,
    Registrar,
    TlsFiles,
)
from callapi.store import CallbackRecord, Store
from callapi.store.retention import keep_for
from callapi.verbs.execution import Services
from callapi.verbs.interpreter import Interpreter
from callapi.webhooks import Fetcher, FetchOptions, Limits, Outbox

log = logging.getLogger(__name__)

RECORDINGS: Final = "recordings"
PROMPTS: Final = "prompts"
LAST_DELIVERIES_S: Final = 3.0


class Node:
    """One voice node, up for as long as its block lasts.

    ::

        async with Node(load_settings(path)) as node:
            await until_told_to_stop()
            await node.drain()
    """

    account_sid: AccountSid
    auth_token: str
    is_new_account: bool
    """Whether this start made the account: its token was never told before."""

    def __init__(self, settings: Settings, environ: Mapping[str, str] = os.environ) -> None:
        self._settings = settings
        self._environ = environ
        self._stack = AsyncExitStack()
        self._timelines: Timelines
        self._gate: AdmissionControl
        self._live: LiveCalls
        self._placer: QueueRunner
        self._counts: tuple[Callable[[], int], ...] = ()

    async def __aenter__(self) -> Self:
        """Start everything; when this returns, calls are taken and REST answers."""
        async with AsyncExitStack() as stack:
            await self._start(stack)
            self._stack = stack.pop_all()
        collector = GcPolicy(lambda: not len(self._live))
        collector.start()
        self._stack.callback(collector.stop)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End every call, keep every record, stop everything."""
        await self._stack.__aexit__(kind, error, traceback)

    @property
    def is_draining(self) -> bool:
        """Whether new calls are refused."""
        return self._gate.is_draining

    async def drain(self) -> None:
        """Take no new calls; return when the live ones are over, or after `node.drain_timeout_s`."""
        self._gate.is_draining = True
        self._placer.abandon("the node was stopped before the call was placed")
        log.info("draining: %d calls are up", len(self._live))
        try:
            async with asyncio.timeout(self._settings.node.drain_timeout_s):
                await self._live.empty.wait()
        except TimeoutError:
            log.info("drain timeout: %d calls are hung up", len(self._live))

    async def _start(self, stack: AsyncExitStack) -> None:
        settings = self._settings
        settings.node.data_dir.mkdir(parents=True, exist_ok=True)
        store = await stack.enter_async_context(
            Store.open(settings.database_url(), data_dir=settings.node.data_dir)
        )
        await self._ensure_account(store)
        journal = Journal(store)
        self._timelines = Timelines(journal.closed)
        stack.callback(self._timelines.close_all)
        if crashed := await close_what_a_crash_left(store.calls, journal, settings.node.name):
            log.warning("%d calls that were up when the node broke off have their final record now", crashed)
            await store.flush()
        fetcher = await stack.enter_async_context(
            Fetcher(FetchOptions(settings.webhooks.timeout_s, settings.webhooks.allow_private_networks))
        )
        await self._start_outbox(stack, store, fetcher)
        outbound = await self._start_calls(stack, store, journal, fetcher)
        deps = Deps(
            store=store,
            calls=outbound,
            live_events=self._timelines.events,
            health=lambda: Health.DRAINING if self.is_draining else Health.READY,
            recordings_dir=self._recordings_dir,
            encode_mp3=mp3_of,
            realm=_domain(settings),
            public_url=settings.http.public_url,
        )
        bounds = Bounds(settings.http.max_connections, settings.http.request_timeout_s)
        await stack.enter_async_context(HttpServer(create_app(deps), settings.http.listen, bounds))

    async def _ensure_account(self, store: Store) -> None:
        """The account of this node, made at the first start, and the numbers of the configuration in its name."""
        sid = self._environ.get(ACCOUNT_SID)
        first = await store.accounts.ensure_first(
            AccountSid(sid) if sid else None, self._environ.get(AUTH_TOKEN)
        )
        self.account_sid, self.auth_token = first.account.sid, first.account.auth_token
        self.is_new_account = first.is_new
        await store.numbers.configure(self.account_sid, self._settings.numbers)

    async def _start_outbox(self, stack: AsyncExitStack, store: Store, fetcher: Fetcher) -> None:
        async def token_of(account: str) -> str:
            record = await store.accounts.by_sid(AccountSid(account))
            return record.auth_token if record else ""

        limits = Limits(max_age_s=self._settings.webhooks.max_retry_age_s)
        outbox = await stack.enter_async_context(Outbox(OutboxRows(store), fetcher, token_of, limits=limits))

        def offer(rows: Iterable[CallbackRecord]) -> None:
            outbox.offer(map(as_callback, rows))

        store.on_written = offer
        stack.push_async_callback(_deliver_the_last, store, outbox)

    async def _start_calls(
        self, stack: AsyncExitStack, store: Store, journal: Journal, fetcher: Fetcher
    ) -> Outbound:
        settings = self._settings
        plane = await stack.enter_async_context(_plane(settings))
        lag = LagMeter()
        self._gate = gate = AdmissionControl(
            self._busy_with,
            asyncio.get_running_loop().time,
            max_calls=settings.limits.max_calls,
            calls_per_second=settings.limits.calls_per_second,
            lag_s=lambda: max(lag.lag_s, endpoint.standing_s),
            is_store_full=lambda: store.is_full,
        )
        realm = _domain(settings)
        keep_alive = KeepAlive(NameAddr.parse(f"<sip:{realm}>"), steady_time)
        registrations = await Registrations.open(store, realm, keep_alive)
        digest, guesses = _digest(settings, realm), LoginThrottle()
        registrar = Registrar(registrations, digest, clock=steady_time, guesses=guesses)
        options = _endpoint_options(settings)
        endpoint = await stack.enter_async_context(
            Endpoint(options, admission=gate, registrar=registrar, trace=self._timelines.sip)
        )
        live = LiveCalls(
            endpoint, plane, journal, self._timelines, node=settings.node.name, codecs=settings.media.codecs
        )
        live.quotas = _quotas(settings)
        self._live = await stack.enter_async_context(live)
        fetcher.trace = self._timelines.http
        directory = Directory(store, keep_alive.is_silent)
        destinations = Destinations(directory, realm, settings.limits.blocked_prefixes)
        audio = AudioFetch(fetcher, settings.http.public_url, self._recordings_dir)
        services = Services(
            live=live,
            plane=plane,
            fetcher=fetcher,
            prompts=await stack.enter_async_context(PromptLibrary(audio, settings.node.data_dir / PROMPTS)),
            speaker=await stack.enter_async_context(open_speaker(settings.speech, settings.node.data_dir)),
            recogniser=await stack.enter_async_context(open_recogniser(settings.speech)),
            destinations=destinations,
            recordings=Recordings(self._recordings_dir, journal, self._recording_url),
            account_of=store.accounts.by_sid,
        )
        script = Interpreter(services)
        refusals = Refusals(journal, self.account_sid, asyncio.get_running_loop().time)
        trusted = TrustedNetworks(settings.sip.trusted_networks)
        doorman = CallerAuthentication(trusted, registrations, digest, guesses, steady_time)
        inbound = Inbound(live, Numbers(store), doorman, script, refusals)
        self._counts = (lambda: len(live), lambda: endpoint.waiting, lambda: inbound.undecided)
        self._placer = placer = QueueRunner(live, destinations, script, gate, services.recordings)
        placer.queue, placer.may_call = _queue(settings), partial(_is_active, store)
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        retention = keep_for(store, settings.database.keep_days)
        for errand in (inbound.serve(endpoint), keep_alive.run(endpoint), placer.serve(), retention):
            stack.callback(tasks.create_task(errand).cancel)
        lag.start()
        stack.callback(lag.stop)
        return Outbound(live, placer, script, gate)

    @property
    def _recordings_dir(self) -> Path:
        return self._settings.node.data_dir / RECORDINGS

    def _busy_with(self) -> int:
        """Calls that are up or about to be: a burst is admitted within one turn of the loop."""
        return sum(count() for count in self._counts)

    def _recording_url(self, account: str, sid: str) -> str:
        base = self._settings.http.public_url.rstrip("/")
        return f"{base}/{API_VERSION}/Accounts/{account}/Recordings/{sid}"


def _quotas(settings: Settings) -> Quotas:
    limits = settings.limits
    return Quotas(calls=limits.calls_per_account, calls_per_second=limits.calls_per_second_per_account)


async def _is_active(store: Store, account: AccountSid) -> bool:
    record = await store.accounts.by_sid(account)
    return record is not None and record.is_active


def _queue(settings: Settings) -> CallQueue:
    limits = settings.limits
    return CallQueue(
        calls_per_second=limits.rest_calls_per_second_per_account, most=limits.queued_calls_per_account
    )


def _digest(settings: Settings, realm: str) -> DigestServer:
    return DigestServer(realm, secrets.token_bytes(32), algorithms=settings.sip.digest_algorithms)


def _plane(settings: Settings) -> NativePlane:
    media = settings.media
    return NativePlane(
        media.address,
        advertised_address=media.advertised_address,
        rtp_ports=media.rtp_ports,
        threads=media.threads,
        timeout_s=media.timeout_s,
        realtime=media.realtime,
    )


def _endpoint_options(settings: Settings) -> EndpointOptions:
    sip = settings.sip
    tls = None
    if sip.tls_certificate or sip.tls_ca:
        tls = TlsFiles(sip.tls_certificate, sip.tls_private_key, sip.tls_ca)
    return EndpointOptions(
        listen=sip.listen,
        advertised_address=sip.advertised_address,
        tls=tls,
        session_expires_s=sip.session_expires_s,
    )


def _domain(settings: Settings) -> str:
    """The host, and the port unless it is the usual one, of our own SIP addresses."""
    host, _, port = settings.sip.listen[0].partition("://")[2].rpartition(":")
    host = settings.sip.advertised_address or host
    return host if port in {"5060", "0"} else f"{host}:{port}"


async def _deliver_the_last(store: Store, outbox: Outbox) -> None:
    """Give the callbacks of the last calls a moment; what is not delivered is tried again after the next start."""
    await store.settle(timeout_s=LAST_DELIVERIES_S)
    await outbox.drain(LAST_DELIVERIES_S)
