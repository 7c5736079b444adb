"""The story's view of a session: commands at once, events in order, one end."""

import asyncio

import pytest

from callapi.sip.events import Confirmed, Ended, InfoReceived, Party, SessionEvent
from callapi.sip.invite_session.commands import (
    Accept,
    Acknowledge,
    AnswerOffer,
    Command,
    HangUp,
    Offer,
    Refuse,
    RefuseOffer,
    Ring,
    SendInfo,
)
from callapi.sip.messages.headers import NameAddr
from callapi.sip.messages.uri import Transport
from callapi.sip.outbound_refer import OutboundRefer
from callapi.sip.session import MAX_UNREAD_EVENTS, InboundSession, OutboundSession, Session
from callapi.sip.transport import Hop
from tests.sip.invite_session.support import invite

END = Ended(Party.REMOTE, 200, "the peer hung up")
SOURCE = Hop(Transport.UDP, "192.0.2.1", 5060)


class Port:
    def __init__(self) -> None:
        self.commands: list[Command] = []
        self.call_id, self.local_tag, self.remote_tag = "call", "us", "them"
        self.local_uri, self.remote_uri = NameAddr.parse("<sip:us@x>"), NameAddr.parse("<sip:them@x>")
        self.is_answered = False

    def refer(
        self, refer_to: str, referred_by: str | None, headers: tuple[tuple[str, str], ...]
    ) -> OutboundRefer:
        raise NotImplementedError

    def command(self, command: Command) -> None:
        self.commands.append(command)


def inbound() -> tuple[InboundSession, Port]:
    port = Port()
    return InboundSession(invite(), SOURCE, port), port


async def test_events_come_in_order_and_end() -> None:
    session, _ = inbound()
    session.put(Confirmed(b""))
    session.put(END)
    assert session.is_ended
    assert [event async for event in session.events] == [Confirmed(b""), END]
    assert await session.next_event() is END  # and again, for a second reader
    assert [event async for event in session.events] == [END]


async def test_a_reader_waits() -> None:
    session, _ = inbound()
    reading = asyncio.create_task(session.next_event())
    await asyncio.sleep(0)
    session.put(END)
    assert await reading is END


async def test_a_reader_that_gives_up_loses_nothing() -> None:
    session, _ = inbound()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await session.next_event()
    session.put(END)
    assert await session.next_event() is END


async def test_nothing_is_reported_after_the_end() -> None:
    session, _ = inbound()
    session.put(END)
    session.put(Confirmed(b""))
    session.put(Ended(Party.LOCAL, None, "again"))
    assert [event async for event in session.events] == [END]


async def test_a_flood_is_bounded() -> None:
    session, _ = inbound()
    for _ in range(MAX_UNREAD_EVENTS + 10):
        session.put(InfoReceived("text/plain", b"x"))
    session.put(Confirmed(b""))
    session.put(END)
    events: list[SessionEvent] = [event async for event in session.events]
    assert len(events) == MAX_UNREAD_EVENTS + 2
    assert events[-2:] == [Confirmed(b""), END]


def test_commands_of_a_callee() -> None:
    session, port = inbound()
    session.ring(183, "Working", b"x", (("A", "b"),))
    session.accept(b"y")
    session.refuse(486)
    assert port.commands == [
        Ring(183, "Working", b"x", (("A", "b"),)),
        Accept(b"y", ()),
        Refuse(486, None, ()),
    ]


def test_commands_of_a_caller_and_of_both() -> None:
    port = Port()
    session = OutboundSession(invite(), port)
    session.acknowledge(b"x")
    session.cancel(reason="SIP;cause=200")
    session.hang_up(headers=(("A", "b"),))
    session.offer(b"o")
    session.answer_offer(b"a")
    session.refuse_offer()
    session.send_info("text/plain", b"i")
    assert port.commands == [
        Acknowledge(b"x"),
        HangUp("SIP;cause=200", ()),
        HangUp(None, (("A", "b"),)),
        Offer(b"o"),
        AnswerOffer(b"a"),
        RefuseOffer(488, ()),
        SendInfo("text/plain", b"i"),
    ]
    assert (session.source, session.final) == (None, None)


def test_facts() -> None:
    session: Session
    session, port = inbound()
    assert (session.call_id, session.local_tag, session.remote_tag) == ("call", "us", "them")
    assert (session.local_uri, session.remote_uri) == (port.local_uri, port.remote_uri)
    assert (session.is_answered, session.is_ended, session.source) == (False, False, SOURCE)
