"""The way back to phones behind NATs and on connections, and what keeps it open."""

import asyncio

import pytest

from callapi.sip.endpoint import OutboundRequest
from callapi.sip.flows import flow_of
from callapi.sip.headers import Headers, NameAddr
from callapi.sip.keepalive import MOST, KeepAlive
from callapi.sip.message import Response
from callapi.sip.registration import Binding
from callapi.sip.uri import SipUri

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


class Asker:
    """Remembers what was asked, and answers at once."""

    def __init__(self) -> None:
        self.asked: list[OutboundRequest] = []
        self.third = asyncio.Event()

    async def request(self, request: OutboundRequest) -> Response:
        self.asked.append(request)
        if len(self.asked) == 3:
            self.third.set()
        return Response(200, "OK", Headers())


async def test_only_flows_through_a_nat_are_kept_open() -> None:
    keep, asker = KeepAlive(HERE, lambda: 1000.0, every_s=0.01), Asker()
    keep.watch("bob", [binding(), binding("sip:bob@198.51.100.1"), binding(path=("<sip:p;lr>",))])
    keep.watch("carol", [binding(source="tcp:198.51.100.1:41000")])
    running = asyncio.create_task(keep.run(asker))
    await asker.third.wait()
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert {(each.method, str(each.uri), str(each.flow)) for each in asker.asked} == {
        ("OPTIONS", "sip:bob@192.168.1.5", "udp:198.51.100.1:41000")
    }


async def test_what_is_gone_or_expired_is_left_alone() -> None:
    now = 1000.0
    keep = KeepAlive(HERE, lambda: now, every_s=0.001)
    keep.watch("bob", [binding(), binding("sip:bob@192.168.1.6")])
    keep.watch("bob", [binding()])
    assert len(keep) == 1
    now = 2000.0
    running = asyncio.create_task(keep.run(Asker()))
    await asyncio.sleep(0)
    assert len(keep) == 0
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    keep.watch("bob", [])
    assert len(keep) == 0


def test_there_is_a_bound() -> None:
    keep = KeepAlive(HERE, lambda: 0.0)
    for number in range(MOST + 5):
        keep.watch(f"user{number}", [binding()])
    assert len(keep) == MOST
