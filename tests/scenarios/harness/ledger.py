"""What the database of a service says, asked directly, and what an application has not heard of it."""

from collections import defaultdict
from collections.abc import Iterable

import psycopg

from tests.scenarios.harness.application import Webhook
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.promises import FINAL, events_in
from tests.scenarios.harness.service import Service
from tests.scenarios.harness.waiting import eventually

_RECORD = "status, node, from_, sequence_number, end_time, end_reason, status_callback"


def unfinished(service: Service) -> dict[str, str]:
    """Calls without a final record: what their rows say."""
    with psycopg.connect(service.url) as connection:
        rows = connection.execute(f"SELECT sid, {_RECORD} FROM calls WHERE end_time IS NULL").fetchall()
    return {sid: _said(rest) for sid, *rest in rows}


def unreported(service: Service, webhook: Webhook, *paths: str) -> dict[str, str]:
    """Calls whose end has not come to one of the `paths`: their rows, what has come, what waits in the outbox."""
    seen: dict[str, list[str]] = defaultdict(list)
    over = set()
    for path in paths:
        for sid, events in events_in(webhook.requests, path).items():
            seen[sid] += [f"{path} {status} {number}" for status, number, _ in events]
            over |= {sid} if any(status in FINAL for status, _, _ in events) else set()
    with psycopg.connect(service.url) as connection:
        rows = connection.execute(f"SELECT sid, {_RECORD} FROM calls").fetchall()
        missing = {sid: rest for sid, *rest in rows if sid not in over}
        waiting = connection.execute(
            "SELECT stream, node, attempts, next_at, position FROM callbacks WHERE stream = ANY(%s)",
            (list(missing),),
        ).fetchall()
    asked = {each["CallSid"] for each in webhook.requests if each.path == "voice"}
    return {
        sid: f"{_said(rest)}; its application was {'' if sid in asked else 'never '}asked; heard {seen[sid]};"
        f" outbox {[_said(row) for stream, *row in waiting if stream == sid]}"
        for sid, rest in missing.items()
    }


def _said(row: Iterable[object]) -> str:
    return " ".join(str(each) for each in row)


def state(service: Service, name: str) -> str:
    """What the database says of a node."""
    with psycopg.connect(service.url) as connection:
        rows = connection.execute("SELECT state FROM nodes WHERE name = %s", (name,)).fetchall()
    return str(rows[0][0]) if rows else ""


def records(service: Service) -> dict[str, tuple[str, str]]:
    """Status and node of every call."""
    with psycopg.connect(service.url) as connection:
        rows = connection.execute("SELECT sid, status, node FROM calls").fetchall()
    return {sid: (status, node) for sid, status, node in rows}


def with_timeline(service: Service) -> set[str]:
    """Calls of which the database has a timeline that holds their end."""
    with psycopg.connect(service.url) as connection:
        rows = connection.execute("SELECT call_sid, events FROM call_events").fetchall()
    return {sid for sid, events in rows if '"completed"' in str(events)}


def call_sid(webhook: Webhook) -> str:
    """The first call that asked for a document; callbacks of an earlier test may still come."""
    return next(each["CallSid"] for each in webhook.requests if each.path == "voice")


async def node_of(service: Service, sid: str) -> Node:
    """The node that carries a call, by what its record says to the database."""
    with psycopg.connect(service.url, autocommit=True) as connection:

        def found() -> list[tuple[str]]:
            return connection.execute("SELECT node FROM calls WHERE sid = %s", (sid,)).fetchall()

        await eventually(f"the record of {sid}", found)
        [(name,)] = found()
    return next(each for each in service.nodes if each.name == name)
