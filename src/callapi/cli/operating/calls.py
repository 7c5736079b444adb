"""`callapi calls`: live and past calls, with the filters of REST."""

import argparse
import json
from typing import Any, Final

from callapi.cli.operating.nodes import settings_of
from callapi.cli.operating.rest import NodeClient
from callapi.cli.terminal import Style, Terminal

LIVE: Final = ("queued", "initiated", "ringing", "in-progress")
_STYLES: Final = {
    "completed": Style.GREEN,
    "failed": Style.RED,
    "busy": Style.YELLOW,
    "no-answer": Style.YELLOW,
}
_FILTERS: Final = {
    "status": "Status",
    "from_": "From",
    "to": "To",
    "since": "StartTime>",
    "until": "StartTime<",
    "code": "SipResponseCode",
    "longer": "Duration>",
    "find": "Find",
    "parent": "ParentCallSid",
    "node": "Node",
}


def run(arguments: argparse.Namespace) -> int:
    """Print the calls, the newest first."""
    client = NodeClient(settings_of(arguments.config))
    query = {
        parameter: str(value)
        for name, parameter in _FILTERS.items()
        if (value := getattr(arguments, name)) is not None
    }
    calls = _live(client, query) if arguments.live else _past(client, query, arguments.limit)
    if arguments.json:
        print(json.dumps(calls, indent=2))
        return 0
    terminal = Terminal()
    if not calls:
        terminal.say("no calls" + (" match" if query else ""))
    for call in calls:
        _print(terminal, call)
    return 0


def _past(client: NodeClient, query: dict[str, str], limit: int) -> list[Any]:
    found = []
    for call in client.pages("Calls.json", "calls", {**query, "PageSize": str(min(limit, 1000))}):
        found.append(call)
        if len(found) >= limit:
            break
    return found


def _live(client: NodeClient, query: dict[str, str]) -> list[Any]:
    statuses = [query["Status"]] if "Status" in query else LIVE
    found = [
        call
        for status in statuses
        for call in client.pages("Calls.json", "calls", {**query, "Status": status, "PageSize": "1000"})
    ]
    return sorted(found, key=lambda call: str(call["start_time"] or call["date_created"]), reverse=True)


def _print(terminal: Terminal, call: Any) -> None:
    status = terminal.styled(f"{call['status']:<12}", _STYLES.get(call["status"], Style.CYAN))
    code = call["sip_response_code"] or ""
    began = (call["start_time"] or call["date_created"] or "").removesuffix(" +0000")
    length = f"{call['duration']} s" if call["duration"] else ""
    sid = terminal.styled(call["sid"], Style.DIM)
    terminal.say(f"{began}  {status} {code!s:>3} {length:>7}  {call['from']} -> {call['to']}  {sid}")
