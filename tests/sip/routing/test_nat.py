"""The way back to phones behind NATs and on connections, and what keeps it open."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from msgspec.structs import replace

from callapi.sip.endpoint import OutboundRequest
from callapi.sip.messages.headers import Headers, NameAddr
from callapi.sip.messages.message import Response
from callapi.sip.messages.uri import SipUri
from callapi.sip.registration.bindings import Binding
from callapi.sip.registration.keepalive import MAX_FLOWS, KeepAlive
from callapi.sip.routing.nat import flow_of

HERE = NameAddr.parse("<sip:node.example>")


@pytest.mark.parametrize(
    ("contact", "source", "is_by_flow"),
    [
        ("sip:bob@192.168.1.5:5060", "udp:198.51.100.1:41000", True),
        ("sip:bob@192.168.1.5:5060", "udp:10.0.0.1:5060", True),
        ("sip:bob@198.51.100.1;transport=ws", "tcp:198.51.100.1:41000", False),
        ("sip:bob@x7.invalid", "udp:198.51.100.1:41000", True),
        ("sip:bob@198.51.100.1:5060", "udp:198.51.100.1:41000", False),
        ("sip:bob@9.9.9.9:5060", "udp:198.51.100.1:41000", False),
        ("sip:bob@phone.example", "udp:198.51.100.1:41000", False),
        ("sip:bob@127.0.0.1:5070", "udp:127.0.0.1:41000", False),
        ("sip:bob@198.51.100.1:5060;transport=tcp", "tcp:198.51.100.1:41000", True),
        ("sip:bob@198.51.100.1:5060", "tcp:198.51.100.1:41000", False),
        ("sips:bob@198.51.100.1:5061", "tls:198.51.100.1:41000", True),
        ("sip:bob@192.168.1.5", "", False),
    ],
)
def test_where_a_binding_is_rung(contact: str, source: str, *, is_by_flow: bool) -> None:
    flow = flow_of(SipUri.parse(contact), source)
    assert str(flow) == (source if is_by_flow else "None")


def binding(
    contact: str = "sip:bob@192.168.1.5", source: str = "udp:198.51.100.1:41000", **more: object
) -> Binding:
    return Binding(contact, 2000.0, "c", 1, source=source, **more)  # type: ignore[arg-type]


class RequestSender:
    """Remembers what was asked, and answers at once; or, on request, only when released."""

    def __init__(self) -> None:
        self.asked: list[OutboundRequest] = []
        self._changed = asyncio.Event()
        self._answers: asyncio.Queue[int] | None = None

    async def request(self, request: OutboundRequest) -> Response:
        self.asked.append(request)
        self._changed.set()
        status = 200 if self._answers is None else await self._answers.get()
        return Response(status, "", Headers())

    async def was_asked(self, times: int) -> None:
        """Until it was asked so often in all."""
        while len(self.asked) < times:
            self._changed.clear()
            await self._changed.wait()

    async def answers(self, *statuses: int) -> None:
        """Answer so, one after the other; the next question is there when all are taken."""
        self._answers = self._answers or asyncio.Queue()
        for status in statuses:
            await self.was_asked(1)
            before = len(self.asked)
            self._answers.put_nowait(status)
            await self.was_asked(before + 1)


@asynccontextmanager
async def running(keep: KeepAlive, sender: object) -> AsyncIterator[None]:
    task = asyncio.create_task(keep.run(sender))  # type: ignore[arg-type]
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_only_flows_through_a_nat_are_kept_open() -> None:
    keep, sender = KeepAlive(HERE, lambda: 1000.0, every_s=0.01), RequestSender()
    keep.watch("bob", [binding(), binding("sip:bob@198.51.100.1"), binding(path=("<sip:p;lr>",))])
    keep.watch("carol", [binding(source="tcp:198.51.100.1:41000")])
    async with running(keep, sender):
        await sender.was_asked(3)
    assert {(each.method, str(each.uri), str(each.flow)) for each in sender.asked} == {
        ("OPTIONS", "sip:bob@192.168.1.5", "udp:198.51.100.1:41000")
    }


async def test_what_is_gone_or_expired_is_left_alone() -> None:
    keep, sender = KeepAlive(HERE, lambda: 2000.0, every_s=0.001), RequestSender()
    keep.watch("bob", [binding(), binding("sip:bob@192.168.1.6")])
    keep.watch("bob", [binding()])
    assert len(keep) == 1
    keep.watch("carol", [replace(binding(), expires_at=3000.0)])
    async with running(keep, sender):
        await sender.was_asked(1)
    assert len(keep) == 1
    keep.watch("carol", [])
    assert len(keep) == 0


async def test_each_is_asked_in_time_however_many_there_are() -> None:
    """Counted from its REGISTER, since that is what opened the NAT; at the start at once."""
    sender = RequestSender()
    now = 0.0
    keep = KeepAlive(HERE, lambda: 1000.0, every_s=25.0, timer=lambda: now)
    keep.watch("early", [binding("sip:early@192.168.1.5")], at_once=True)
    keep.watch("late", [binding("sip:late@192.168.1.6")])
    async with running(keep, sender):
        await sender.was_asked(1)
        assert str(sender.asked[0].uri).startswith("sip:early@")
    now = 25.0
    async with running(keep, sender):
        await sender.was_asked(3)
    assert {str(each.uri)[:8] for each in sender.asked[1:]} == {"sip:late", "sip:earl"}


async def test_who_ceases_to_answer_is_silent_until_it_is_heard_again() -> None:
    sender, contact = RequestSender(), binding().contact
    keep = KeepAlive(HERE, lambda: 1000.0, every_s=0.001)
    keep.watch("bob", [binding()])
    async with running(keep, sender):
        await sender.answers(200, 408)
        assert not keep.is_silent("bob", contact)
        await sender.answers(503)
        assert keep.is_silent("bob", contact)
        await sender.answers(404)
        assert not keep.is_silent("bob", contact)
        await sender.answers(408, 408)
        assert keep.is_silent("bob", contact)
        keep.watch("bob", [binding()])
        assert not keep.is_silent("bob", contact)
        assert not keep.is_silent("carol", contact)


async def test_a_phone_that_never_answers_is_believed() -> None:
    sender = RequestSender()
    keep = KeepAlive(HERE, lambda: 1000.0, every_s=0.001)
    keep.watch("bob", [binding()])
    async with running(keep, sender):
        await sender.answers(408, 408, 408)
        assert not keep.is_silent("bob", binding().contact)


async def test_the_dead_do_not_keep_the_living_waiting() -> None:
    """A hundred phones whose answer is waited for, and one that is asked again and again."""
    asked: list[str] = []
    done = asyncio.Event()

    class TerminationStep:
        async def request(self, request: OutboundRequest) -> Response:
            asked.append(str(request.uri))
            if not str(request.uri).startswith("sip:bob@"):
                await asyncio.Event().wait()
            if asked.count(str(request.uri)) == 3:
                done.set()
            return Response(200, "OK", Headers())

    keep = KeepAlive(HERE, lambda: 1000.0, every_s=0.05)
    for number in range(100):
        keep.watch(f"dead{number}", [binding(f"sip:dead{number}@192.168.1.5")])
    keep.watch("bob", [binding()])
    async with running(keep, TerminationStep()):
        await done.wait()
    assert max(asked.count(each) for each in asked if not each.startswith("sip:bob@")) == 1


def test_there_is_a_bound() -> None:
    keep = KeepAlive(HERE, lambda: 0.0)
    for number in range(MAX_FLOWS + 5):
        keep.watch(f"user{number}", [binding()])
    assert len(keep) == MAX_FLOWS
