"""What one HTTP server of a node serves: REST and the feed, the console, metrics."""

from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import msgspec
from starlette.types import ASGIApp

from callapi.adapters.audio import mp3_of
from callapi.api import Application, Deps, Feed, Health, Sessions, create_app, feed_of
from callapi.base.clock import steady_time
from callapi.base.settings import Settings
from callapi.calls.conferences.control import ConferenceControl
from callapi.calls.queues.control import QueueControl
from callapi.calls.recording.commands import RecordingCommands
from callapi.calls.streaming.listeners import Listeners
from callapi.console import Console, ConsoleOptions
from callapi.http.mounts import Mounts
from callapi.http.server import HttpServer
from callapi.metrics import CallMetrics, MetricsEndpoint
from callapi.node import options
from callapi.node.between import serve_commands
from callapi.node.figures import figures_of
from callapi.node.joining import open_commands, others_of
from callapi.node.rooms import Rooms
from callapi.store import NodeEntry, NodeState
from callapi.verbs.announcing import Announcements
from callapi.verbs.interpreter import Interpreter


async def open_web(settings: Settings, rooms: Rooms, stack: AsyncExitStack) -> None:
    """Serve everything; the last to open, since it answers `/health` with 200."""
    store = rooms.records.store
    sessions = Sessions(store, steady_time)
    feed = feed_of(rooms.records.bus, settings.http.public_url)
    mounts: dict[str, ASGIApp] = {}
    if settings.metrics.enabled:
        mounts["/metrics"] = _metrics(settings, rooms)
    if settings.console.enabled:
        mounts["/console"] = Console(store, sessions, _console_options(settings, rooms), steady_time)
    rest = await _open_rest(settings, rooms, _deps(settings, rooms, sessions, feed), stack)
    upgrades = {options.SIP_PATH: rooms.endpoint.accept_upgrade} if settings.http.sip_websocket else {}
    server = HttpServer(
        Mounts(mounts, rest),
        settings.http.listen,
        options.http_bounds(settings),
        tls=options.http_tls(settings),
        upgrades=upgrades,
    )
    await stack.enter_async_context(server)
    stack.callback(feed.close)  # before the server waits for its last answers


async def _open_rest(settings: Settings, rooms: Rooms, deps: Deps, stack: AsyncExitStack) -> Application:
    """REST, which other nodes ask too, and which asks them, where there are others."""
    neighbours = rooms.records.neighbours
    if neighbours is None:
        return create_app(deps, None)
    commands = await open_commands(neighbours, settings, deps.store, deps.feed, rooms.work, stack)
    if commands is None:
        return create_app(deps, None)
    others = others_of(neighbours, commands, settings, deps.store, rooms.work)
    application = create_app(deps, others)
    await serve_commands(commands, application, neighbours.between, stack)
    return application


def _deps(settings: Settings, rooms: Rooms, sessions: Sessions, feed: Feed) -> Deps:
    return Deps(
        store=rooms.records.store,
        sessions=sessions,
        feed=feed,
        calls=rooms.outbound,
        control=rooms.control,
        streams=rooms.stream_commands,
        queues=QueueControl(rooms.services.queues, Interpreter(rooms.services)),
        conferences=ConferenceControl(rooms.services.conferences, rooms.live, Announcements(rooms.services)),
        recordings=RecordingCommands(rooms.live, rooms.services.recordings),
        listeners=Listeners(rooms.live, rooms.records.timelines.note, steady_time),
        live_events=rooms.records.timelines.events,
        health=lambda: Health.DRAINING if rooms.admission.is_draining else Health.READY,
        recordings_dir=options.recordings_dir(settings),
        recording_file=rooms.records.files.path,
        encode_mp3=mp3_of,
        realm=options.domain(settings),
        public_url=settings.http.public_url,
        ice_servers=settings.media.ice_servers,
    )


def _metrics(settings: Settings, rooms: Rooms) -> MetricsEndpoint:
    calls = CallMetrics()
    calls.watch(rooms.records.bus)
    figures = partial(figures_of, rooms, settings.node.name)
    return MetricsEndpoint(calls, figures, settings.metrics.allowed_networks)


def _neighbour(entry: NodeEntry) -> dict[str, Any]:
    """Another node, as far as the table of nodes knows it."""
    is_running = entry.state.is_running
    return {
        "node": entry.name if is_running else f"{entry.name} ({entry.state})",
        "version": entry.version,
        "calls_live": entry.live_calls,
        "is_draining": entry.state is NodeState.DRAINING,
        "is_store_writable": is_running,
        "rtp_packets_received": 0,
        "rtp_packets_sent": 0,
    }


def _console_options(settings: Settings, rooms: Rooms) -> ConsoleOptions:
    async def figures() -> dict[str, Any]:
        figures = await figures_of(rooms, settings.node.name)
        neighbours = rooms.records.neighbours
        others = neighbours.member.membership.entries if neighbours is not None else ()
        return {
            "nodes": [
                msgspec.to_builtins(figures),
                *(_neighbour(each) for each in others if each.name != settings.node.name),
            ]
        }

    is_secure = settings.http.public_url.startswith("https://")
    return ConsoleOptions(settings.node.name, options.domain(settings), is_secure, figures)
