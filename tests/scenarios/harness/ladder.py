"""What to show when a scenario fails: the messages of the phones, the requests to the application, the node's log."""

import re
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

from tests.scenarios.harness.application import Webhook
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.phone import Phone

_PJSUA = re.compile(
    r"^(?P<time>\d\d:\d\d:\d\d\.\d{3}) .*?(?P<way>TX|RX) \d+ bytes (?:Request|Response) msg (?P<what>.+?) "
    r"\(\w+\) (?:to|from) (?P<transport>\w+) (?P<peer>[\d.]+:\d+):"
)
_LOG_LINES = 80


def _phone_lines(phone: Phone, since: float) -> list[tuple[float, str]]:
    lines = []
    today = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    for line in phone.log.read_text(encoding="utf-8", errors="replace").splitlines():
        if match := _PJSUA.match(line):
            hours, minutes, seconds = match["time"].split(":")
            at = today.timestamp() + int(hours) * 3600 + int(minutes) * 60 + float(seconds)
            if at >= since - 0.01:
                arrow = "-->" if match["way"] == "TX" else "<--"
                text = f"{phone.name:>10} {arrow} {match['peer']:<21} {match['what']} {match['transport']}"
                lines.append((at, text))
    return lines


def _request_lines(webhook: Webhook) -> list[tuple[float, str]]:
    return [
        (each.at, f"{'app':>10} <-- {each.method} /{each.path} {dict(each.parameters)}")
        for each in webhook.requests
    ]


def _stamp(at: float) -> str:
    return datetime.fromtimestamp(at).astimezone().strftime("%H:%M:%S.%f")[:-3]


def ladder(arguments: Mapping[str, object], *, since: float) -> list[tuple[str, str]]:
    """Sections for a failed test with these fixtures, which began at `since` (Unix time)."""
    lines: list[tuple[float, str]] = []
    sections: list[tuple[str, str]] = []
    phones = arguments.get("phones")
    for each in phones.values() if isinstance(phones, dict) else ():
        lines += _phone_lines(each, since)
    if isinstance(webhook := arguments.get("webhook"), Webhook):
        lines += _request_lines(webhook)
    sections.append(("ladder", "\n".join(f"{_stamp(at)} {text}" for at, text in sorted(lines))))
    folder = arguments.get("tmp_path")
    for path in sorted(folder.rglob("messages.log")) if isinstance(folder, Path) else ():
        text = path.read_text(encoding="utf-8", errors="replace")
        sections.append((f"{path.parent.name}", "\n".join(text.splitlines()[-_LOG_LINES:])))
    if isinstance(node := arguments.get("node"), Node):
        sections.append((f"node, at {_stamp(time.time())}", node.process.tail(_LOG_LINES)))
    return sections
