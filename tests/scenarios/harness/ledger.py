"""What the database of a service says, asked directly."""

import psycopg

from tests.scenarios.harness.service import Service


def unfinished(service: Service) -> int:
    """Calls without a final record."""
    with psycopg.connect(service.url) as connection:
        [(count,)] = connection.execute("SELECT count(*) FROM calls WHERE end_time IS NULL").fetchall()
    return int(count)


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
