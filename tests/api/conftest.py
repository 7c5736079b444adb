"""The world of the REST tests."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from callapi.store import Put, Store
from tests.api.world import PaperCalls, World, account


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    """One account, no calls."""
    async with Store.in_memory() as store:
        first = account()
        await store.commit(Put(first))
        yield World(store, PaperCalls(store), first, tmp_path)
