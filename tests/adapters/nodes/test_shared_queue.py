"""The queue of calls over REST on a database whose answers are lost in the worst moment."""

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from msgspec.json import Encoder
from msgspec.structs import replace

from callapi.adapters.nodes.shared_queue import SharedQueue
from callapi.base.clock import boot_time
from callapi.base.ids import new_call_sid
from callapi.calls.commands import CreateCall
from callapi.calls.documents.document import DocumentRequest
from callapi.calls.placing.queue import QueuedCall
from callapi.cluster import Member
from callapi.store import Nodes, Owner, Put, QueueTable, Store, Unavailable
from tests.store.conftest import postgresql_url, server
from tests.store.samples import call

__all__ = ["postgresql_url", "server"]

COMMAND = CreateCall("1000", "sip:bob@192.0.2.1", DocumentRequest("http://192.0.2.1/voice", "POST"))


class Lossy:
    """`Nodes` that carry out what they are asked; the answer is lost while `is_away`."""

    def __init__(self, nodes: Nodes) -> None:
        self.engine, self.owner, self._nodes = nodes.engine, nodes.owner, nodes
        self.is_away = False

    async def run(self, work: Callable[..., Any], *arguments: Any) -> Any:
        answer = await self._nodes.run(work, *arguments)
        if self.is_away:
            raise Unavailable("the connection was lost")
        return answer


class Runner:
    """What a `QueueRunner` is for the queue: it takes in what is claimed."""

    is_closed = False

    def __init__(self) -> None:
        self.adopted: list[str] = []

    def adopt(self, waiting: QueuedCall) -> None:
        self.adopted.append(waiting.record.sid)


@pytest.fixture
async def store(postgresql_url: str) -> AsyncIterator[Store]:
    async with Store.open(postgresql_url, owner=Owner("one", "1" * 32)) as opened:
        yield opened


def queue_of(store: Store) -> tuple[SharedQueue, Lossy]:
    """The queue of node one, and its way to the database."""
    assert store.nodes is not None
    nodes: Any = Lossy(store.nodes)
    member = Member(store.nodes, "one", boot_time)
    return SharedQueue(nodes, member, max_waiting=10, calls_per_second=0), nodes


async def test_a_claim_whose_answer_was_lost_is_made_good(store: Store) -> None:
    """A call that another node has left is this node's, and it does not know: the next round finds that one alone."""
    queue, nodes = queue_of(store)
    left = replace(call(sid=new_call_sid(), status="queued"), node="")
    own = replace(call(sid=new_call_sid(), status="queued"), node="one")
    store.write(Put(left), Put(own))
    await store.flush()
    assert await queue.keep(QueuedCall(own, COMMAND, 0.0))
    QueueTable(nodes.engine, "").keep(left.sid, left.account_sid, Encoder().encode(COMMAND).decode(), 10)
    runner: Any = Runner()
    nodes.is_away = True
    await queue.claim_for(runner)
    assert runner.adopted == []
    assert QueueTable(nodes.engine, "one").own() == {left.sid, own.sid}
    nodes.is_away = False
    await queue.claim_for(runner)
    await queue.claim_for(runner)
    assert runner.adopted == [left.sid]


async def test_a_call_whose_taking_out_was_not_answered_is_placed_nevertheless(store: Store) -> None:
    queue, nodes = queue_of(store)
    own = replace(call(sid=new_call_sid(), status="queued"), node="one")
    assert await queue.keep(QueuedCall(own, COMMAND, 0.0))
    nodes.is_away = True
    with pytest.raises(Unavailable):
        await queue.claim(own.sid)
    nodes.is_away = False
    assert await queue.claim(own.sid), "no other node can have it"
    assert not await queue.claim(own.sid), "it is taken out once"
