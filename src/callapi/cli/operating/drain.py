"""`callapi drain NODE`: a node takes no new calls, goes on with those it has, and stays up until it is stopped.

The node follows within a second or two: its OPTIONS and new INVITEs get 503, so that a proxy in front sends calls
elsewhere, and `/health` says that it drains.
"""

import argparse
import time
from typing import Final

from callapi.cli.operating.nodes import settings_of
from callapi.cli.terminal import Terminal
from callapi.store import NodeEntry, NodeState, known_nodes, want_drain

LOOK_EVERY_S: Final = 0.5
FOLLOWS_WITHIN_S: Final = 10.0
"""A node that has not followed by then is not running as it should."""


def run(arguments: argparse.Namespace) -> int:
    """Status 0 once the node has no calls; 1 if there is no such node, or the time is up."""
    url = settings_of(arguments.config).database_url()
    terminal = Terminal()
    if not want_drain(url, arguments.node, is_wanted=not arguments.undo):
        terminal.bad(f"no node called {arguments.node} runs; `callapi nodes` names those that do")
        return 1
    if arguments.undo:
        terminal.good(f"{arguments.node} takes calls again")
        return 0
    if arguments.no_wait:
        terminal.good(f"{arguments.node} drains")
        return 0
    return _wait(terminal, url, arguments.node, arguments.timeout or float("inf"))


def _wait(terminal: Terminal, url: str, name: str, timeout_s: float) -> int:
    began, said = time.monotonic(), -1
    while (waited := time.monotonic() - began) < timeout_s:
        entry = _entry(url, name)
        if entry is None or not entry.state.is_running:
            terminal.bad(f"{name} has stopped meanwhile")
            return 1
        if entry.state is NodeState.DRAINING:
            if entry.live_calls == 0:
                terminal.good(f"{name} has no calls; it can be stopped")
                return 0
            if entry.live_calls != said:
                said = entry.live_calls
                terminal.say(f"  {name} drains: {said} calls are up")
        elif waited > FOLLOWS_WITHIN_S:
            terminal.bad(f"{name} does not follow; is it in good order?")
            return 1
        time.sleep(LOOK_EVERY_S)
    terminal.bad(f"{name} still has calls after {timeout_s:g} s")
    return 1


def _entry(url: str, name: str) -> NodeEntry | None:
    return next((each for each in known_nodes(url) if each.name == name), None)
