"""Branch coverage by room, from the data of `make cov`; fails where a pure room falls below its floor."""

import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

PURE = (
    "calls/conferences/machine.py",
    "calls/queues/line.py",
    "calls/status_machine.py",
    "cluster/membership.py",
    "media/sdp",
    "rcml",
    "sip/authentication/authenticator.py",
    "sip/authentication/browsers.py",
    "sip/authentication/digest.py",
    "sip/authentication/throttle.py",
    "sip/dialog.py",
    "sip/invite_session",
    "sip/messages",
    "sip/registration/bindings.py",
    "sip/subscription",
    "sip/transaction",
    "sip/transport/framing.py",
    "sip/transport/websocket.py",
    "streams/media_format.py",
    "streams/media_machine.py",
    "streams/media_messages.py",
    "streams/reconnect.py",
    "streams/relay_machine.py",
    "streams/relay_messages.py",
    "streams/url.py",
    "webhooks/outbox/callback.py",
    "webhooks/outbox/host_queue.py",
    "webhooks/outbox/messages.py",
    "webhooks/outbox/retry.py",
    "webhooks/outbox/schedule.py",
)
"""Rooms and machines without I/O: what their own tests leave out is a rule that no test knows."""
FLOOR = 100.0
"""Per cent of lines and branches that each pure room must reach."""


def measured() -> dict[str, tuple[int, int]]:
    """Covered and all (lines and branches) of each module, by its path below `src/callapi`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "coverage.json"
        subprocess.run([sys.executable, "-m", "coverage", "json", "-q", "-o", str(path)], check=True)
        files = json.loads(path.read_text(encoding="utf-8"))["files"]
    result = {}
    for name, data in files.items():
        summary = data["summary"]
        covered = summary["covered_lines"] + summary["covered_branches"]
        result[name.partition("src/callapi/")[2]] = (
            covered,
            summary["num_statements"] + summary["num_branches"],
        )
    return result


def per_cent(parts: list[tuple[int, int]]) -> float:
    """Of several modules together; nothing to cover is covered."""
    total = sum(each for _, each in parts)
    return 100.0 * sum(covered for covered, _ in parts) / total if total else 100.0


def main() -> int:
    """Print a line for each room; status 1 if a pure one is below its floor."""
    modules = measured()
    rooms: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for name, parts in modules.items():
        rooms[name.rpartition("/")[0] or "."].append(parts)
    for room in sorted(rooms):
        print(f"{per_cent(rooms[room]):6.1f} %  {room}")
    print(f"{per_cent(list(modules.values())):6.1f} %  the whole")
    low = [
        f"{pure}: {share:.1f} %"
        for pure in PURE
        if (share := per_cent([parts for name, parts in modules.items() if name.startswith(pure)])) < FLOOR
    ]
    for each in low:
        print(f"below {FLOOR:g} %: {each}", file=sys.stderr)
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
