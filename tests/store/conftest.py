"""Stores of every kind, empty."""

import itertools
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from callapi.store import Store
from tests.store.cluster import NoServer, cluster

_numbers = itertools.count()


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """The URL of a PostgreSQL server."""
    try:
        with cluster() as url:
            yield url
    except NoServer as reason:
        pytest.skip(f"no PostgreSQL: {reason}")


@pytest.fixture
def postgresql_url(request: pytest.FixtureRequest) -> str:
    """An empty PostgreSQL database."""
    server: str = request.getfixturevalue("server")
    name = f"test_{next(_numbers)}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{server}/{name}"


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty database of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/callapi.db"
    name: str = request.getfixturevalue("postgresql_url")
    return name


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store of each kind, open."""
    match request.param:
        case "memory":
            made = Store.in_memory()
        case "sqlite":
            made = Store.open(f"sqlite:///{tmp_path}/callapi.db")
        case _:
            made = Store.open(request.getfixturevalue("postgresql_url"))
    async with made:
        yield made
