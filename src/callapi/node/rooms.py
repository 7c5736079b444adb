"""The rooms of one node, put together: each is complete when it is made, and none is changed afterwards.

What a room needs is a required argument, so that a forgotten line is an error of the type checker and never a limit
that is not enforced. `open_rooms` opens in the order of need (store, HTTP to applications, outbox, media, SIP, calls);
the exit stack closes in the reverse order.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from typing import Final

from callapi.adapters.audio import AudioFetch
from callapi.adapters.directory import Directory
from callapi.adapters.egress import GuardedEgress
from callapi.adapters.kept_first import KeptFirst
from callapi.adapters.nodes.guests import Guests
from callapi.adapters.numbers import Numbers, application_document
from callapi.adapters.queue_records import StoredQueues
from callapi.base.clock import steady_time
from callapi.base.ids import AccountSid
from callapi.base.settings import Settings
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
from callapi.calls.records.sampling import sample_media
from callapi.calls.streaming.commands import StreamCommands
from callapi.calls.streaming.live_streams import LiveStreams
from callapi.calls.transcribing.live_transcriptions import LiveTranscriptions
from callapi.media import MediaPlane
from callapi.media.plane.certificate import load_certificate
from callapi.media.prompts.library import PromptLibrary
from callapi.media.prompts.music import waiting_music
from callapi.media.speech import detector_of, open_recogniser, open_speaker
from callapi.node import options
from callapi.node.callers import Callers, caller_policy, open_callers
from callapi.node.joining import (
    Work,
    open_store,
    queue_keeper,
    quotas_of,
    take_part,
)
from callapi.node.lag import LagMeter
from callapi.node.observing import observe
from callapi.node.records import Records, close_recordings, open_outbox, open_records
from callapi.node.services import run_services
from callapi.sip import Endpoint, Registrar
from callapi.store import Store
from callapi.store.retention import keep_for
from callapi.streams import SocketClient
from callapi.verbs.execution import Services
from callapi.verbs.interpreter import Interpreter
from callapi.webhooks import Fetcher, Outbox

log = logging.getLogger(__name__)

CERTIFICATE: Final = "dtls.pem"


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
    records = await open_records(settings, environ, store, neighbours, stack)
    traces = await observe(settings, records.bus, stack)
    fetcher = await stack.enter_async_context(
        Fetcher(
            options.fetch_options(settings),
            trace=records.bus.publish,
            headers_of=traces.headers if traces is not None else None,
        )
    )
    outbox = await open_outbox(settings, records, fetcher, stack)
    rooms = await _open_calls(settings, records, fetcher, outbox, stack)
    if neighbours is not None:
        await take_part(neighbours, store, records.files, rooms.work, stack)
    return rooms


async def _open_calls(
    settings: Settings, records: Records, fetcher: Fetcher, outbox: Outbox, stack: AsyncExitStack
) -> Rooms:
    store, bus = records.store, records.bus
    lag = LagMeter()
    certificate = load_certificate(settings.node.data_dir / CERTIFICATE)
    plane = await stack.enter_async_context(options.plane(settings, certificate))
    callers = await open_callers(settings, records)
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
    policy = caller_policy(settings, callers)
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
        max_lag_s=settings.limits.max_lag_s,
        lag_s=lag_s,
        is_store_full=lambda: store.is_full,
        is_expected=guests.is_expected if guests is not None else lambda _: False,
    )


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
    await close_recordings(records, recordings, settings.node.name)
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


def _open_streams(settings: Settings, records: Records, stack: AsyncExitStack) -> LiveStreams:
    egress = GuardedEgress(allow_private_networks=settings.webhooks.allow_private_networks)
    stack.push_async_callback(egress.close)
    client = SocketClient(egress, settings.webhooks.timeout_s)
    return LiveStreams(records.bus, client, records.store.accounts.by_sid, settings.streams.max_buffer_s)


async def _is_active(store: Store, account: AccountSid) -> bool:
    record = await store.accounts.by_sid(account)
    return record is not None and record.is_active
