"""Stores of every kind, empty."""

import itertools
import shutil
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psycopg
import pytest

from callapi.store import Store
from callapi.store.sql.backend import SqlBackend
from callapi.store.sql.tables import METADATA
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
def postgresql_url(server: str) -> str:
    """A PostgreSQL database without tables."""
    return _database(server)


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database of each kind, without tables."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/callapi.db"
    name: str = request.getfixturevalue("postgresql_url")
    return name


@pytest.fixture(scope="session")
def sqlite_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with tables, to be copied."""
    path = tmp_path_factory.mktemp("store") / "callapi.db"
    _migrate(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def shared_database(server: str) -> str:
    """A PostgreSQL database with tables, to be emptied."""
    url = _database(server)
    _migrate(url)
    return url


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Store]:
    """An empty store of each kind, open."""
    match request.param:
        case "memory":
            made = Store.in_memory()
        case "sqlite":
            shutil.copy(request.getfixturevalue("sqlite_file"), tmp_path / "callapi.db")
            made = Store.open(f"sqlite:///{tmp_path}/callapi.db")
        case _:
            url = request.getfixturevalue("shared_database")
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute(f"TRUNCATE {', '.join(METADATA.tables)}")
            made = Store.open(url)
    async with made:
        yield made


def _database(server: str) -> str:
    name = f"test_{next(_numbers)}"
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    return f"{server}/{name}"


def _migrate(url: str) -> None:
    backend = SqlBackend(url)
    backend.open()
    backend.close()
