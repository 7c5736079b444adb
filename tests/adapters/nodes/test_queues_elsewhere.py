"""What a node answers to commands about its queues."""

import logging
from pathlib import Path

import pytest

from callapi.adapters.nodes.guests import Guests
from callapi.adapters.nodes.queues_elsewhere import DEQUEUE, TAKE, QueuesOfOthers
from callapi.base.clock import boot_time
from callapi.cluster import Member
from callapi.store import Owner, Store


@pytest.mark.parametrize(
    "message", ["", "{}", '{"queue": 1}', '["QU1", "CA1"]', "\0", '{"queue": "QU1", "who": "CA1"}']
)
async def test_a_message_of_another_version_finds_no_caller(
    message: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Store.open(f"sqlite:///{tmp_path}/callapi.db", owner=Owner("one", "1" * 32)) as store:
        assert store.nodes is not None
        member = Member(store.nodes, "one", boot_time)
        queues = QueuesOfOthers(store.nodes, member, Guests(member))
        with caplog.at_level(logging.WARNING):
            assert await queues.take(TAKE + message) == ""
            assert await queues.dequeue(DEQUEUE + message) == ""
    assert [each.getMessage().endswith(("let in", "another version")) for each in caplog.records] == [
        True,
        True,
    ]
