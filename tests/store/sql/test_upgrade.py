"""Migrations: they lead to the tables as the code knows them, once, and refuse a database from the future."""

import asyncio
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import text

from callapi.store import Put, Store, Unavailable
from callapi.store.sql.database import engines
from callapi.store.sql.tables import METADATA, TABLES
from callapi.store.sql.upgrade import newest_version, version
from tests.store.samples import call


async def test_the_steps_lead_to_the_tables(url: str) -> None:
    async with Store.open(url):
        pass
    engine, other = engines(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, METADATA) == []
        assert version(connection) == newest_version()
    engine.dispose()
    other.dispose()


async def test_a_second_start_finds_everything_as_it_was(url: str) -> None:
    async with Store.open(url) as store:
        await store.commit(Put(one := call()))
    async with Store.open(url) as store:
        assert await store.calls.fetch(one.sid) == one


async def test_nodes_that_start_together_take_turns(postgresql_url: str) -> None:
    async def start() -> None:
        async with Store.open(postgresql_url):
            pass

    await asyncio.gather(*(start() for _ in range(4)))


async def test_tables_from_the_future_are_refused(url: str) -> None:
    async with Store.open(url):
        pass
    engine, other = engines(url)
    with engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = 'r9999'"))
    engine.dispose()
    other.dispose()
    with pytest.raises(Unavailable, match="another version"):
        async with Store.open(url):
            pass


@pytest.mark.parametrize("kind", TABLES, ids=lambda kind: kind.__name__)
def test_a_table_has_a_column_for_every_field(kind: type[Any]) -> None:
    assert set(kind.__struct_fields__) <= set(TABLES[kind].c.keys())
