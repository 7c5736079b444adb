"""`callapi serve`: one node in the foreground. The first SIGTERM or SIGINT drains it, the second ends it at once."""

import argparse
import asyncio
import contextlib
import json
import logging
import os
import resource
import signal
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final

import uvloop

from callapi.base.retrying import pauses
from callapi.base.settings import AUTH_TOKEN, Settings, load_settings
from callapi.cli.data_dir import locked
from callapi.cli.logs import configure
from callapi.cli.terminal import Terminal
from callapi.console import is_built
from callapi.node.node import Node
from callapi.store import Fenced, NameTaken, Unavailable, upgrade_in_child

log = logging.getLogger(__name__)

MAX_DESCRIPTORS: Final = 1 << 20
MAX_FAILURES: Final = 5
"""Starts in a row in which another node takes over before this one is up."""
USUAL: Final = Path("callapi.toml")
"""How the documentation calls a configuration."""
_SIGNALS: Final = (signal.SIGTERM, signal.SIGINT)


def run(arguments: argparse.Namespace) -> int:
    """Serve until SIGTERM or SIGINT."""
    settings = load_settings(arguments.config)
    if arguments.config is None and USUAL.exists():
        Terminal().say(f"{USUAL} lies here and is not read: callapi serve --config {USUAL}")
    configure(arguments.log_level or settings.log.level, as_json=settings.log.format == "json")
    allow_descriptors()
    with locked(settings.node.data_dir):
        upgrade_in_child(settings.database_url())
        return uvloop.run(_serve(settings))


def allow_descriptors() -> None:
    """Take as many file descriptors as this process may have: the usual soft limit, 1024, is for 200 calls."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, MAX_DESCRIPTORS)
    if soft == resource.RLIM_INFINITY or soft >= wanted:
        return
    with contextlib.suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


class StopSignals:
    """Signals of the operator: the first means stop, the second stop now."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.stop_now = asyncio.Event()

    def listen(self) -> None:
        """Take the signals of this process."""
        loop = asyncio.get_running_loop()
        for number in _SIGNALS:
            loop.add_signal_handler(number, self.received)

    def received(self) -> None:
        """One more signal."""
        (self.stop_now if self.stop.is_set() else self.stop).set()


async def _serve(settings: Settings) -> int:
    signals = StopSignals()
    signals.listen()
    was_up, failures, waits = False, 0, pauses()
    while True:
        try:
            async with Node(settings) as node:
                _announce(node, settings)
                was_up, failures, waits = True, 0, pauses()
                if not await _first(signals.stop.wait(), node.fenced()):
                    await drained(node, signals)
                    return 0
            log.warning("%s starts anew: another node took over while it was away", settings.node.name)
        except (Unavailable, ExceptionGroup) as error:
            failures += 1
            if signals.stop.is_set() or not _may_try_again(error, failures, was_up=was_up):
                raise
            log.warning("%s is not up, and starts anew: %s", settings.node.name, error)
            if not await _first(signals.stop.wait(), asyncio.sleep(next(waits))):
                return 0


def _may_try_again(error: Exception, failures: int, *, was_up: bool) -> bool:
    """Whether a start that failed is made again: of a node that was up, and of one that was too slow for heartbeats."""
    causes = [error]
    while groups := [each for each in causes if isinstance(each, ExceptionGroup)]:
        causes = [each for each in causes if each not in groups]
        causes += [leaf for group in groups for leaf in group.exceptions]
    if was_up:
        return all(isinstance(each, Unavailable) and not isinstance(each, NameTaken) for each in causes)
    return all(isinstance(each, Fenced) for each in causes) and failures < MAX_FAILURES


async def _first(stop: Coroutine[Any, Any, object], other: Coroutine[Any, Any, object]) -> bool:
    """Wait for one of the two; whether it was `other`."""
    tasks = asyncio.ensure_future(stop), asyncio.ensure_future(other)
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        return not tasks[0].done()
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def drained(node: Node, signals: StopSignals) -> None:
    """Until the last call is over, the time for it is up, or the operator is in a hurry."""
    draining, hurry = asyncio.ensure_future(node.drain()), asyncio.ensure_future(signals.stop_now.wait())
    try:
        await asyncio.wait((draining, hurry), return_when=asyncio.FIRST_COMPLETED)
        if hurry.done():
            log.warning("a second signal to stop: live calls are hung up now")
    finally:
        for each in (draining, hurry):
            each.cancel()
        await asyncio.gather(draining, hurry, return_exceptions=True)


def console_fact(settings: Settings) -> list[tuple[str, str]]:
    """Where the console is, or the one line that says why there is none; nothing if it is switched off."""
    if not settings.console.enabled:
        return []
    if not is_built():
        return [("console", "not in this build: Node.js was missing; install it and run make console")]
    return [("console", f"{settings.http.public_url.rstrip('/')}/console")]


def _announce(node: Node, settings: Settings) -> None:
    """Where it is reached; the token, only when this start made it up."""
    facts = [
        ("SIP", ", ".join(settings.sip.listen)),
        ("REST", settings.http.public_url),
        *console_fact(settings),
        ("account", node.account_sid),
    ]
    if node.is_new_account and AUTH_TOKEN not in os.environ:
        facts.append(("auth token", f"{node.auth_token} (printed once; CALLAPI_AUTH_TOKEN fixes it)"))
    if settings.log.format == "json":
        named = {name.lower().replace(" ", "_"): value for name, value in facts}
        print(json.dumps({"level": "info", "message": f"{settings.node.name} is up", **named}), flush=True)
        return
    terminal = Terminal()
    terminal.good(f"{settings.node.name} is up")
    terminal.facts(facts)
