"""`callapi nodes`: the nodes that share a database, as the table of nodes has them."""

import argparse
import json
from pathlib import Path
from typing import Final

from callapi.base.settings import Settings, load_settings
from callapi.cli.terminal import Style, Terminal
from callapi.store import NodeEntry, NodeState, known_nodes

SILENT_S: Final = 5.0
"""A node that says it runs and has not been heard of for longer is about to be taken over from."""
CONFIG: Final = Path("callapi.toml")
_STYLES: Final = {"up": Style.GREEN, "draining": Style.YELLOW, "silent": Style.RED, "dead": Style.RED}


def settings_of(config: Path | None) -> Settings:
    """The settings of `--config`, else of callapi.toml in the working directory, else the environment's alone."""
    if config is None and CONFIG.exists():
        config = CONFIG
    return load_settings(config)


def run(arguments: argparse.Namespace) -> int:
    """Print them; status 1 if there is none."""
    entries = known_nodes(settings_of(arguments.config).database_url())
    if arguments.json:
        for each in entries:
            print(json.dumps(_facts(each)))
    else:
        _print(entries)
    return 0 if entries else 1


def state_of(entry: NodeEntry) -> str:
    """`up`, `draining`, `silent`, `left` or `dead`."""
    if entry.state.is_running and entry.seconds_since_seen > SILENT_S:
        return "silent"
    return entry.state.value


def _facts(entry: NodeEntry) -> dict[str, str | int | float]:
    return {
        "name": entry.name,
        "state": state_of(entry),
        "live_calls": entry.live_calls,
        "sip": entry.sip,
        "http": entry.http,
        "version": entry.version,
        "epoch": entry.epoch,
        "seconds_since_seen": round(entry.seconds_since_seen, 1),
    }


def _print(entries: tuple[NodeEntry, ...]) -> None:
    terminal = Terminal()
    if not entries:
        terminal.say("no node has used this database")
        return
    heading = ("NODE", "STATE", "CALLS", "SEEN", "SIP", "REST", "VERSION")
    rows = [_row(each) for each in entries]
    widths = [max(map(len, column)) for column in zip(heading, *rows, strict=True)]
    terminal.say(
        "  ".join(text.ljust(width) for text, width in zip(heading, widths, strict=True)), Style.BOLD
    )
    for row in rows:
        cells = [text.ljust(width) for text, width in zip(row, widths, strict=True)]
        if row[1] in _STYLES:
            cells[1] = terminal.styled(cells[1], _STYLES[row[1]])
        terminal.say("  ".join(cells).rstrip())


def _row(entry: NodeEntry) -> tuple[str, ...]:
    ago = f"{entry.seconds_since_seen:.0f} s ago"
    is_over = entry.state in {NodeState.LEFT, NodeState.DEAD}
    calls = "-" if is_over else str(entry.live_calls)
    return (entry.name, state_of(entry), calls, ago, entry.sip, entry.http, entry.version)
