"""The rooms of one node, put together: each is complete when it is made, and none is changed afterwards.

What a room needs is a required argument, so that a forgotten line is an error of the type checker and never a limit
that is not enforced. `open_rooms` opens in the order of need (store, HTTP to applications, outbox, media, SIP, calls);
the exit stack closes in the reverse order.
"""

import asyncio
import logging
import secrets
from collections.abc import Callable, Iterable, Mapping
from contextlib import AsyncExitStack, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Final

from callapi.adapters.audio import AudioFetch
from callapi.adapters.directory import Directory
from callapi.adapters.egress import GuardedEgress
from callapi.adapters.kept_first import KeptFirst
from callapi.adapters.nodes.guests import Guests
from callapi.adapters.numbers import Numbers, application_document
from callapi.adapters.outbox_rows import OutboxRows, as_callback
from callapi.adapters.queue_records import StoredQueues
from callapi.adapters.recording_files import RecordingFiles
from callapi.adapters.registrations import Registrations
from callapi.base.clock import steady_time
from callapi.base.ids import AccountSid
from callapi.base.settings import ACCOUNT_SID, AUTH_TOKEN, Settings
from callapi.calls.arriving.admission import AdmissionControl
from callapi.calls.arriving.authentication import CallerAuthentication
from callapi.calls.arriving.inbound import Inbound, TrustedNetworks
from callapi.calls.arriving.refusals import Refusals
from callapi.calls.conferences.directory import Conferences
from callapi.calls.control import CallControl
from callapi.calls.events import EventBus
from callapi.calls.legs.media_security import SecurityRules
from callapi.calls.live import LiveCalls
from callapi.calls.placing.destinations import Destinations
from callapi.calls.placing.outbound import Outbound
from callapi.calls.placing.queue_runner import QueueRunner
from callapi.calls.queues.directory import Queues
from callapi.calls.quotas import Quotas
from callapi.calls.recording.recordings import Recordings
from callapi.calls.recording.recovery import close_recordings_a_crash_left
from callapi.calls.records.journal import Journal
from callapi.calls.records.reconciliation import close_conferences_a_crash_left, close_what_a_crash_left
from callapi.calls.records.sampling import sample_media
from callapi.calls.records.timeline import Timelines
from callapi.calls.streaming.commands import StreamCommands
from callapi.calls.streaming.live_streams import LiveStreams
from callapi.calls.transcribing.live_transcriptions import LiveTranscriptions
from callapi.calls.transcribing.recovery import close_texts_a_crash_left
from callapi.media import MediaPlane
from callapi.media.plane.certificate import load_certificate
from callapi.media.prompts.library import PromptLibrary
from callapi.media.prompts.music import waiting_music
from callapi.media.speech import detector_of, open_recogniser, open_speaker
from callapi.node import options
from callapi.node.between import Between
from callapi.node.joining import (
    Neighbours,
    Work,
    open_store,
    queue_keeper,
    quotas_of,
    recording_files,
    take_part,
)
from callapi.node.lag import LagMeter
from callapi.node.observing import observe
from callapi.node.services import run_services
from callapi.sip import DigestServer, Endpoint, KeepAlive, LoginThrottle, NameAddr, Registrar
from callapi.store import CallbackRecord, FirstAccount, Store
from callapi.store.retention import keep_for
from callapi.streams import SocketClient
from callapi.verbs.execution import Services
from callapi.verbs.interpreter import Interpreter
from callapi.webhooks import Fetcher, Outbox, Unconditional

log = logging.getLogger(__name__)

CERTIFICATE: Final = "dtls.pem"
LAST_DELIVERIES_S: Final = 3.0


@dataclass(frozen=True, slots=True)
class Records:
    """What is kept: the store, the bus of call events, and the subscribers that write them down."""

    store: Store
    neighbours: Neighbours | None
    """The nodes that share its database; None where this one has it to itself."""
    account: FirstAccount
    bus: EventBus
    journal: Journal
    timelines: Timelines
    files: RecordingFiles

    @property
    def between(self) -> Between | None:
        """Conferences and queues over all nodes; None where there are no others."""
        return self.neighbours.between if self.neighbours is not None else None


@dataclass(frozen=True, slots=True)
class Callers:
    """Who may call and register: one set of bindings, challenges and counters of wrong passwords."""

    registrations: Registrations
    digest: DigestServer
    throttle: LoginThrottle
    keep_alive: KeepAlive


@dataclass(frozen=True, slots=True)
class Rooms:
    """A running node."""

    records: Records
    fetcher: Fetcher
    outbox: Outbox
    admission: AdmissionControl
    refusals: Refusals
    endpoint: Endpoint
    live: LiveCalls
    services: Services
    queue_runner: QueueRunner
    outbound: Outbound
    control: CallControl
    work: Work
    lag: LagMeter

    @property
    def stream_commands(self) -> StreamCommands:
        """What REST commands streams and transcriptions through."""
        return StreamCommands(self.live, self.services.streams, self.services.transcriptions)


async def open_rooms(settings: Settings, environ: Mapping[str, str], stack: AsyncExitStack) -> Rooms:
    """Open every room but REST on `stack`; on return calls are taken."""
    store, neighbours = await open_store(settings, stack)
    records = await _open_records(settings, environ, store, neighbours, stack)
    traces = await observe(settings, records.bus, stack)
    fetcher = await stack.enter_async_context(
        Fetcher(
            options.fetch_options(settings),
            trace=records.bus.publish,
            headers_of=traces.headers if traces is not None else None,
        )
    )
    outbox = await _open_outbox(settings, records, fetcher, stack)
    rooms = await _open_calls(settings, records, fetcher, outbox, stack)
    if neighbours is not None:
        await take_part(neighbours, store, records.files, rooms.work, stack)
    return rooms


async def _open_records(
    settings: Settings,
    environ: Mapping[str, str],
    store: Store,
    neighbours: Neighbours | None,
    stack: AsyncExitStack,
) -> Records:
    sid = environ.get(ACCOUNT_SID)
    async with nullcontext() if store.nodes is None else store.nodes.turn_to_start():
        token = environ.get(AUTH_TOKEN)
        account = await store.accounts.ensure_first(AccountSid(sid) if sid else None, token)
        elsewhere = await store.nodes.configured_elsewhere() if store.nodes is not None else frozenset()
        await store.numbers.configure(account.account.sid, settings.numbers, elsewhere)
    bus = EventBus()
    journal = Journal(store)
    journal.attach_to(bus)
    timelines = Timelines(journal.closed)
    timelines.attach_to(bus)
    stack.callback(timelines.close_all)
    if crashed := await close_what_a_crash_left(store.calls, bus, settings.node.name):
        log.warning("%d calls of an earlier process of this node were without an end: closed", crashed)
        await store.flush()
    if await close_conferences_a_crash_left(store.conferences, bus, settings.node.name):
        await store.flush()
    files = recording_files(neighbours, settings, store)
    return Records(store, neighbours, account, bus, journal, timelines, files)


async def _open_outbox(
    settings: Settings, records: Records, fetcher: Fetcher, stack: AsyncExitStack
) -> Outbox:
    store, neighbours = records.store, records.neighbours

    async def token_of(account: str) -> str:
        record = await store.accounts.by_sid(AccountSid(account))
        return record.auth_token if record else ""

    outbox = await stack.enter_async_context(
        Outbox(
            OutboxRows(store, records.bus),
            fetcher,
            token_of,
            permit=Unconditional() if neighbours is None else neighbours.member.lease,
            limits=options.outbox_limits(settings),
        )
    )

    def offer(rows: Iterable[CallbackRecord]) -> None:
        outbox.offer(map(as_callback, rows))

    store.subscribe(offer)
    stack.push_async_callback(_deliver_the_last, store, outbox)
    return outbox


async def _open_callers(settings: Settings, records: Records) -> Callers:
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


async def _open_calls(
    settings: Settings, records: Records, fetcher: Fetcher, outbox: Outbox, stack: AsyncExitStack
) -> Rooms:
    store, bus = records.store, records.bus
    lag = LagMeter()
    certificate = load_certificate(settings.node.data_dir / CERTIFICATE)
    plane = await stack.enter_async_context(options.plane(settings, certificate))
    callers = await _open_callers(settings, records)
    registrar = Registrar(callers.registrations, callers.digest, clock=steady_time, throttle=callers.throttle)
    # The endpoint asks the admission before it keeps anything of an INVITE, and the admission counts what the endpoint
    # holds: neither asks before both are there.
    between = records.between
    guests = between.guests if between is not None else None
    admission = _admission(
        settings,
        store,
        guests,
        live=lambda: len(live) + endpoint.waiting + inbound.undecided,
        lag_s=lambda: max(lag.lag_s, endpoint.backlog_s),
    )
    endpoint = _endpoint(settings, admission, registrar, bus)
    quotas = await quotas_of(records.neighbours, settings, stack)
    trusts = TrustedNetworks(settings.sip.trusted_networks).trusts
    security = SecurityRules(settings.media.srtp, trusts, certificate.fingerprint, settings.media.webrtc_port)
    live = _live_calls(settings, endpoint, plane, bus, quotas, security)
    services = await _open_services(settings, records, live, fetcher, callers, stack)
    script = Interpreter(services)
    policy = _caller_policy(settings, callers)
    refusals = Refusals(bus, records.account.account.sid, asyncio.get_running_loop().time)
    inbound = _inbound(store, live, policy, script, refusals, guests)
    queue_runner = _queue_runner(settings, records, services, script, admission)
    await stack.enter_async_context(endpoint)
    await stack.enter_async_context(live)
    if between is not None:
        unlimited = Quotas(calls=0, calls_per_second=0)
        legs = _live_calls(settings, endpoint, plane, EventBus(), unlimited, security)
        await between.open(legs, services, script, bus, stack)
    retention = keep_for(store, settings.database.keep_days)
    services_running = (inbound.serve(endpoint), registrar.run(), queue_runner.serve(), retention)
    await run_services((*services_running, callers.keep_alive.run(endpoint), sample_media(live)), stack)
    lag.start()
    stack.callback(lag.stop)
    outbound = Outbound(live, queue_runner, admission, records.journal.commit)
    control = CallControl(live, queue_runner, script)
    work = Work(bus, outbox, admission, live, queue_runner, callers.registrations)
    return Rooms(
        records=records,
        fetcher=fetcher,
        outbox=outbox,
        admission=admission,
        refusals=refusals,
        endpoint=endpoint,
        live=live,
        services=services,
        queue_runner=queue_runner,
        outbound=outbound,
        control=control,
        work=work,
        lag=lag,
    )


def _endpoint(
    settings: Settings, admission: AdmissionControl, registrar: Registrar, bus: EventBus
) -> Endpoint:
    return Endpoint(
        options.endpoint_options(settings),
        admission=admission,
        registrar=registrar,
        trace=bus.publish,
        flow_closed=registrar.flow_closed,
    )


def _inbound(
    store: Store,
    live: LiveCalls,
    policy: CallerAuthentication,
    script: Interpreter,
    refusals: Refusals,
    guests: Guests | None,
) -> Inbound:
    first = KeptFirst(store, script) if store.is_shared else script
    receive = guests.receive if guests is not None else None
    return Inbound(live, Numbers(store), policy, first, refusals, receive)


def _live_calls(
    settings: Settings,
    endpoint: Endpoint,
    plane: MediaPlane,
    bus: EventBus,
    quotas: Quotas,
    security: SecurityRules,
) -> LiveCalls:
    return LiveCalls(
        endpoint,
        plane,
        bus,
        node=settings.node.name,
        codecs=settings.media.codecs,
        quotas=quotas,
        blocked_prefixes=settings.limits.blocked_prefixes,
        security=security,
    )


def _admission(
    settings: Settings,
    store: Store,
    guests: Guests | None,
    *,
    live: Callable[[], int],
    lag_s: Callable[[], float],
) -> AdmissionControl:
    return AdmissionControl(
        live,
        asyncio.get_running_loop().time,
        max_calls=settings.limits.max_calls,
        calls_per_second=settings.limits.calls_per_second,
        lag_s=lag_s,
        is_store_full=lambda: store.is_full,
        is_expected=guests.is_expected if guests is not None else lambda _: False,
    )


def _caller_policy(settings: Settings, callers: Callers) -> CallerAuthentication:
    trusted = TrustedNetworks(settings.sip.trusted_networks)
    return CallerAuthentication(trusted, callers.registrations, callers.digest, callers.throttle, steady_time)


def _queue_runner(
    settings: Settings,
    records: Records,
    services: Services,
    script: Interpreter,
    admission: AdmissionControl,
) -> QueueRunner:
    return QueueRunner(
        services.live,
        services.destinations,
        script,
        admission,
        services.recordings,
        queue=options.call_queue(settings),
        keeper=queue_keeper(records.neighbours, settings),
        may_call=partial(_is_active, records.store),
    )


async def _open_services(
    settings: Settings,
    records: Records,
    live: LiveCalls,
    fetcher: Fetcher,
    callers: Callers,
    stack: AsyncExitStack,
) -> Services:
    recogniser = await stack.enter_async_context(open_recogniser(settings.speech))
    audio = AudioFetch(fetcher, settings.http.public_url, records.files.path_of)
    recordings = Recordings(
        options.recordings_dir(settings), records.bus, partial(options.recording_url, settings)
    )
    await _close_recordings(records, recordings, settings.node.name)
    conferences = Conferences(live.plane, records.bus, recordings, settings.node.name, live.get)
    between = records.between
    return Services(
        live=live,
        plane=live.plane,
        fetcher=fetcher,
        prompts=await stack.enter_async_context(PromptLibrary(audio, options.prompts_dir(settings))),
        speaker=await stack.enter_async_context(open_speaker(settings.speech, settings.node.data_dir)),
        recogniser=recogniser,
        detector=detector_of(settings.speech),
        destinations=Destinations(
            Directory(records.store, callers.keep_alive.is_silent),
            options.domain(settings),
            settings.limits.blocked_prefixes,
        ),
        recordings=recordings,
        queues=Queues(
            StoredQueues(records.store),
            asyncio.get_running_loop().time,
            between.queues if between is not None else None,
        ),
        conferences=await stack.enter_async_context(conferences),
        music=waiting_music,
        allows_refer=settings.sip.refer == "allow",
        streams=_open_streams(settings, records, stack),
        transcriptions=LiveTranscriptions(
            records.bus, recogniser, settings.speech.recogniser, detector_of(settings.speech)
        ),
        account_of=records.store.accounts.by_sid,
        application_of=partial(application_document, records.store),
        rooms_elsewhere=between.rooms if between is not None else None,
    )


async def _close_recordings(records: Records, recordings: Recordings, node: str) -> None:
    """End what an earlier process of this node left of recordings and their texts."""
    store = records.store
    await close_texts_a_crash_left(store, node)
    if left := await close_recordings_a_crash_left(store.recordings, recordings, records.bus, node):
        log.warning("%d recordings of an earlier process of this node were cut short: completed", left)
        await store.flush()


def _open_streams(settings: Settings, records: Records, stack: AsyncExitStack) -> LiveStreams:
    egress = GuardedEgress(allow_private_networks=settings.webhooks.allow_private_networks)
    stack.push_async_callback(egress.close)
    client = SocketClient(egress, settings.webhooks.timeout_s)
    return LiveStreams(records.bus, client, records.store.accounts.by_sid, settings.streams.max_buffer_s)


def _alone(_login: str) -> None:
    """No other node need know who has registered with this one."""


async def _is_active(store: Store, account: AccountSid) -> bool:
    record = await store.accounts.by_sid(account)
    return record is not None and record.is_active


async def _deliver_the_last(store: Store, outbox: Outbox) -> None:
    """Deliver the callbacks of the last calls for a moment; the rest is tried again after the next start."""
    if store.is_fenced:
        return
    await store.settle(timeout_s=LAST_DELIVERIES_S)
    await outbox.drain(LAST_DELIVERIES_S)
