"""Timelines: what comes before a call is open and after it is over also belongs to it."""

import asyncio

from callapi.base.ids import CallSid
from callapi.calls.records.timeline import LATE_S, Timeline, Timelines
from callapi.sip import Traced
from callapi.sip.messages.message import Request
from callapi.sip.messages.uri import SipUri, Transport
from callapi.sip.transport import Hop
from tests.virtual_time import run

SID = CallSid("CA" + "1" * 32)
HOP = Hop(Transport.UDP, "127.0.0.1", 5060)


class Book:
    """What was kept: of each call the first words of its SIP messages."""

    def __init__(self) -> None:
        self.kept: list[tuple[CallSid, list[str]]] = []
        self.timelines = Timelines(self._keep)

    def _keep(self, sid: CallSid, timeline: Timeline) -> None:
        self.kept.append((sid, [str(each.data["message"]) for each in timeline.events]))

    def hear(self, text: str, call_id: str = "one") -> None:
        """A message is on the wire."""
        request = Request("OPTIONS", SipUri.parse("sip:bob@127.0.0.1"))
        request.headers.add("Call-ID", call_id)
        self.timelines.sip(Traced(0.0, "received", HOP, request, text.encode()))


def test_first_and_last_messages_belong_to_the_call() -> None:
    """The INVITE comes before its call is open, the ACK of a refusal when it is over; each call is kept once."""

    async def story() -> None:
        book = Book()
        book.hear("INVITE")
        book.timelines.open(SID, "one", Timeline())
        book.hear("603")
        book.timelines.close(SID, "one")
        book.hear("ACK")
        assert len(book.timelines.events(SID)) == 3
        assert book.kept == []
        await asyncio.sleep(LATE_S)
        assert book.kept == [(SID, ["INVITE", "603", "ACK"])]
        book.hear("ACK again, far too late")
        assert not book.timelines.events(SID)
        book.timelines.close_all()
        await asyncio.sleep(LATE_S)
        assert len(book.kept) == 1

    run(story())


def test_at_the_end_of_the_node_nothing_is_waited_for() -> None:
    """Timelines of calls that are just over are kept at once."""

    async def story() -> None:
        book = Book()
        book.timelines.open(SID, "one", Timeline())
        book.timelines.close(SID, "one")
        book.timelines.close_all()
        assert [sid for sid, _ in book.kept] == [SID]
        await asyncio.sleep(2 * LATE_S)
        assert len(book.kept) == 1

    run(story())
