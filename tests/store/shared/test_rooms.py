"""Which node has a conference: the first that claims its name, until it lets it be, or runs no more."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import pytest

from callapi.store import Owner, RoomTable, Store


@pytest.fixture
async def tables(postgresql_url: str) -> AsyncIterator[dict[str, RoomTable]]:
    """The tables of two nodes that run."""
    async with AsyncExitStack() as stack:
        found = {}
        for at, name in enumerate(("one", "two")):
            store = await stack.enter_async_context(
                Store.open(postgresql_url, owner=Owner(name, f"{at:032x}"))
            )
            assert store.nodes is not None
            found[name] = RoomTable(store.nodes.engine, name)
        yield found


async def test_the_first_to_claim_has_the_room_until_it_releases_it(tables: dict[str, RoomTable]) -> None:
    one, two = tables["one"], tables["two"]
    assert [one.claim("AC1", "Team"), two.claim("AC1", "Team"), one.claim("AC1", "Team")] == ["one"] * 3
    assert two.claim("AC2", "Team") == "two", "each account has names of its own"
    two.release("AC1", "Team")
    assert two.claim("AC1", "Team") == "one", "only its node releases it"
    one.release("AC1", "Team")
    assert two.claim("AC1", "Team") == "two"


async def test_a_node_that_starts_again_has_none(tables: dict[str, RoomTable]) -> None:
    one, two = tables["one"], tables["two"]
    one.claim("AC1", "Team")
    one.claim("AC1", "Sales")
    one.release_all()
    assert two.claim("AC1", "Team") == two.claim("AC1", "Sales") == "two"


async def test_the_rooms_of_a_node_that_has_left_are_free(postgresql_url: str) -> None:
    async with Store.open(postgresql_url, owner=Owner("stays", "1" * 32)) as store:
        assert store.nodes is not None
        async with Store.open(postgresql_url, owner=Owner("leaves", "2" * 32)) as other:
            assert other.nodes is not None
            assert RoomTable(other.nodes.engine, "leaves").claim("AC1", "Team") == "leaves"
        assert RoomTable(store.nodes.engine, "stays").claim("AC1", "Team") == "stays"
