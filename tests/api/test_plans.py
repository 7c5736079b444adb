"""Every list that REST can be asked for is served by an index: in each order, from each page, with each filter."""

import itertools
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from callapi.api.operation import Operation
from callapi.api.requests.parameters import Parameter
from callapi.api.resources import OPERATIONS
from callapi.api.responses.paging import PAGING
from callapi.store import Put, Store
from callapi.store.query import Query
from callapi.store.sql.backend import SqlBackend
from tests.api.everything import one_of_each, path_of
from tests.api.world import PaperCalls, World, account
from tests.store.plans import plan_of

LISTS = [
    each
    for each in OPERATIONS
    if each.is_list and not each.path.endswith(("/Events", "/Participants", "/Members"))
]
"""Events are a call's own block, found by its key: tests/store. Participants and members are live, and in memory."""


def _example(parameter: Parameter[Any], sids: dict[str, str]) -> str:
    schema: Any = parameter.kind.schema
    match schema:
        case {"enum": allowed}:
            return str(allowed[-1])
        case {"minimum": least}:
            return str(least)
    if parameter.name.endswith("CallSid"):
        return sids["CallSid"]
    if parameter.name == "ConferenceSid":
        return sids["ConferenceSid"]
    return "2026-11-17" if "Time" in parameter.name or "Date" in parameter.name else "x"


@pytest.fixture
async def sql(tmp_path: Path) -> AsyncIterator[tuple[World, list[Query[Any]]]]:
    """The interface on a database, and the queries that it makes there."""
    queries: list[Query[Any]] = []

    class Observed(SqlBackend):
        def select(self, query: Query[Any]) -> list[Any]:
            queries.append(query)
            return super().select(query)

    async with Store(Observed(f"sqlite:///{tmp_path}/callapi.db")) as store:
        first = account()
        await store.commit(Put(first))
        yield World(store, PaperCalls(store), first, tmp_path), queries


@pytest.mark.parametrize("operation", LISTS, ids=lambda each: each.path)
async def test_every_list_is_served_by_an_index(
    sql: tuple[World, list[Query[Any]]], tmp_path: Path, operation: Operation
) -> None:
    world, queries = sql
    sids = await one_of_each(world, world.account.sid)
    path = path_of(operation, world.account.sid, sids)
    paging = {each.name for each in PAGING}
    filters = [
        {},
        *({each.name: _example(each, sids)} for each in operation.parameters if each.name not in paging),
    ]
    token = {"PageToken": f"PA{sids['CallSid']}"} if operation.path.endswith("/Calls") else {}
    seen = 0
    for some, order, place in itertools.product(filters, ({}, {"SortBy": "DateCreated:asc"}), ({}, token)):
        queries.clear()
        answer = await world.get(f"{path}?{urlencode({**some, **order, **place})}")
        assert answer.status == 200, answer.body
        for query in queries:
            if query.newest_by:
                seen += 1
                plan = plan_of(query, tmp_path)
                assert "USING INDEX" in plan or "USING COVERING INDEX" in plan, (some, plan)
                assert "TEMP B-TREE" not in plan, (some, plan)
                assert "SCAN" not in plan, (some, plan)
    assert seen >= len(filters) * 2
