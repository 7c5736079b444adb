"""`callapi trace SID`: the ladder of a call and of the calls that it dialled; `--follow` until it is over."""

import argparse
import re
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Struct

from callapi.cli.ladder import Ladder, Step
from callapi.cli.operating.nodes import settings_of
from callapi.cli.operating.rest import NodeClient
from callapi.cli.terminal import Terminal

FOLLOW_S: Final = 0.5
LATE_S: Final = 2.0
"""How long after its end a call's last messages are waited for."""
LIVE: Final = frozenset({"queued", "initiated", "ringing", "in-progress"})
NODE: Final = "CallAPI"
_CSEQ: Final = re.compile(r"(?im)^CSeq:\s*\d+\s+(\w+)")
_RESPONSE: Final = re.compile(r"SIP/2\.0 (\d{3}) ?(.*)")


class Entry(Struct, frozen=True):
    """One line: an arrow between two parties, or a remark of the node (`source` is `target`)."""

    at: float
    sequence: tuple[int, int]
    source: str
    target: str
    label: str


def run(arguments: argparse.Namespace) -> int:
    """Print the ladder. With `--pcap` write the SIP messages to a file instead, with `--follow` as well: at the end."""
    client = NodeClient(settings_of(arguments.config))
    if arguments.pcap is None or arguments.follow:
        _show(client, arguments.sid, is_followed=arguments.follow)
    if arguments.pcap is not None:
        _save(client, arguments.sid, arguments.pcap)
    return 0


def _show(client: NodeClient, sid: str, *, is_followed: bool) -> None:
    terminal = Terminal()
    trace = _Trace(client, sid, terminal)
    trace.print_news()
    over_at = time.monotonic() if trace.is_over else None
    while is_followed and (over_at is None or time.monotonic() - over_at < LATE_S):
        time.sleep(FOLLOW_S)
        trace.print_news()
        if trace.is_over and over_at is None:
            over_at = time.monotonic()
    terminal.say()
    terminal.say(_summary(trace.call))


class _Trace:
    """The ladder of one call as far as it is printed; a column that comes later begins it anew below."""

    def __init__(self, client: NodeClient, sid: str, terminal: Terminal) -> None:
        self._client = client
        self._sid = sid
        self._terminal = terminal
        self._names = _Names()
        self._columns: list[str] = []
        self._ladder: Ladder | None = None
        self._shown: set[tuple[int, int]] = set()
        self._began: float | None = None
        self.call: Any = None
        self.is_over = False

    def print_news(self) -> None:
        """What has happened since the last time."""
        self.call = self._client.get(f"Calls/{self._sid}.json")
        calls = [self.call, *_children(self._client, self._sid)]
        self.is_over = all(each["status"] not in LIVE for each in calls)
        found = _entries(self._client, calls, self._names)
        news = [each for each in found if each.sequence not in self._shown]
        if not news:
            return
        self._began = news[0].at if self._began is None else self._began
        if self._ladder is None or self._columns != self._names.columns:
            self._columns = self._names.columns
            self._ladder = Ladder(self._terminal, self._columns, self._began)
        for entry in news:
            self._shown.add(entry.sequence)
            _print(self._ladder, self._columns, entry)


def _save(client: NodeClient, sid: str, path: Path) -> None:
    content = client.download(f"Calls/{sid}/Events.pcap")
    path.write_bytes(content)
    Terminal().good(f"{path}: the SIP messages of {sid}, {len(content)} bytes")


class _Names:
    """The columns: the caller, the node, applications, then those who were called."""

    def __init__(self) -> None:
        self._before: list[str] = []
        self._applications: list[str] = []
        self._after: list[str] = []
        self._of_call: dict[str, str] = {}

    @property
    def columns(self) -> list[str]:
        """From left to right."""
        return [*self._before, NODE, *self._applications, *self._after]

    def peer(self, call: Any) -> str:
        """The column of the phone of a call."""
        known = self._of_call.get(call["sid"])
        if known is None:
            is_inbound = call["direction"] == "inbound"
            side = self._before if is_inbound else self._after
            name = str(call["from"] if is_inbound else call["to"]).removeprefix("sip:")
            while name in self.columns:
                name += "'"
            known = self._of_call[call["sid"]] = name
            side.append(name)
        return known

    def application(self, url: str) -> str:
        """The column of a web server."""
        host = urlsplit(url).netloc or url
        if host not in self._applications:
            self._applications.append(host)
        return host


def _children(client: NodeClient, sid: str) -> list[Any]:
    query = {"ParentCallSid": sid, "SortBy": "DateCreated:asc", "PageSize": "50"}
    return list(client.get("Calls.json", query)["calls"])


def _entries(client: NodeClient, calls: list[Any], names: _Names) -> list[Entry]:
    entries: list[Entry] = []
    for number, call in enumerate(calls):
        names.peer(call)
        for event in client.get(f"Calls/{call['sid']}/Events.json", {"PageSize": "1000"})["events"]:
            entries += _entry(number, call, event, names)
    return sorted(entries, key=lambda each: (each.at, each.sequence))


def _entry(number: int, call: Any, event: Any, names: _Names) -> Iterator[Entry]:
    at = datetime.fromisoformat(event["at"].replace("Z", "+00:00")).timestamp()
    sequence, data, peer = (number, event["sequence"]), event["data"], names.peer(call)
    match event["kind"]:
        case "sip":
            is_sent = data["direction"] == "sent"
            ends = (NODE, peer) if is_sent else (peer, NODE)
            yield Entry(at, sequence, *ends, label_of(data["message"]))
        case "http":
            host = names.application(data["url"])
            answer = data["status"] or data["error"] or "no answer"
            status = data["parameters"].get("CallStatus", "")
            path = urlsplit(data["url"]).path or "/"
            yield Entry(at, sequence, NODE, host, f"{data['method']} {path} {status}".rstrip())
            later = at + float(data["duration_ms"]) / 1000
            yield Entry(later, (number, event["sequence"] + 100_000), host, NODE, str(answer))
        case kind if (remark := _remark(kind, data)) is not None:
            yield Entry(at, sequence, NODE, NODE, remark)


def _remark(kind: str, data: Any) -> str | None:
    remark = _REMARKS.get(kind)
    return remark(data) if remark is not None else None


def _figures(data: Any) -> str | None:
    if "packets_received" not in data:
        return None
    return f"audio: {data['packets_received']} in, {data['packets_sent']} out, {data['packets_lost']} lost"


def _joined(data: Any) -> str:
    with_whom = f"audio with {data.get('name') or data['with']}"
    return f"{with_whom} ends after {data['seconds']} s" if "seconds" in data else with_whom


def _words(data: Any) -> str:
    return f"{data['event']}: {data['text']}" if data.get("text") else str(data["event"])


_REMARKS: Final[Mapping[str, Callable[[Any], str | None]]] = {
    "verb": lambda data: f"<{data['name']}> line {data['line']}",
    "status": lambda data: f"status {data['status']}",
    "notification": lambda data: f"{data['code']}: {data['text']}",
    "digit": lambda _: "a key was pressed",
    "media": _figures,
    "joined": _joined,
    "parted": _joined,
    "conference": lambda data: f"{data['event']} {data['name']}",
    "stream": lambda data: str(data["event"]),
    "transcription": _words,
    "conversation": _words,
    "transfer": lambda data: f"transfer to {data['target']}: {data['step']}",
    "listening": lambda data: str(data["event"]),
}
"""What a line says of an event, by its kind; other kinds are left out."""


def label_of(message: str) -> str:
    """The method, or the status line; of another request than INVITE with its method."""
    first = message.partition("\r\n")[0]
    found = _RESPONSE.match(first)
    if found is None:
        return first.partition(" ")[0]
    method = _CSEQ.search(message)
    of = f" ({method[1]})" if method and method[1] != "INVITE" else ""
    return f"{found[1]} {found[2]}".strip() + of


def _print(ladder: Ladder, columns: list[str], entry: Entry) -> None:
    if entry.source == entry.target:
        ladder.remark(entry.at, entry.label)
    else:
        ladder.message(entry.at, Step(columns.index(entry.source), columns.index(entry.target), entry.label))


def _summary(call: Any) -> str:
    code = f", SIP {call['sip_response_code']}" if call["sip_response_code"] else ""
    length = f", {call['duration']} s" if call["duration"] else ""
    reason = f": {call['end_reason']}" if call["end_reason"] else ""
    by = f", ended by {call['ended_by']}" if call["ended_by"] else ""
    return f"{call['sid']} {call['status']}{code}{length}{by}{reason}"
