"""Transfers between two endpoints: REFER and its NOTIFYs, and INVITE with Replaces."""

import asyncio

import pytest

from callapi.sip.errors import LocalProtocolError
from callapi.sip.events import Party, ReferReceived, Refused
from callapi.sip.messages.transfer import Replaces
from callapi.sip.session import Session
from callapi.sip.subscription import ReferAccepted, ReferEnded, ReferProgress, ReferRefused
from callapi.sip.subscription.inbound import InboundRefer
from tests.sip.endpoint.calls import ANSWER, Pair, arrival, ending, pair, settled

TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])
CAROL = "<sip:carol@example.com>"


async def refer_of(session: Session) -> InboundRefer:
    event = await session.next_event()
    assert isinstance(event, ReferReceived)
    return event.refer


@TRANSPORTS
async def test_a_transfer_is_accepted_reported_and_done(transport: str) -> None:
    async with pair(transport) as both:
        outbound, inbound = await both.talk()
        asked = inbound.refer(CAROL, referred_by="<sip:bob@h>", headers=(("X-Extra", "1"),))
        refer = await refer_of(outbound)
        assert (refer.refer_to.text, refer.referred_by) == (CAROL, "<sip:bob@h>")
        assert refer.request.headers.get("X-Extra") == "1"
        refer.accept()
        assert isinstance(await asked.next_event(), ReferAccepted)
        assert await asked.next_event() == ReferProgress(100, "Trying")
        refer.notify(180)
        assert await asked.next_event() == ReferProgress(180, "Ringing")
        refer.notify(200)
        assert await asked.next_event() == ReferEnded(200, "OK")
        await settled(both.alices, "<200", 4)
        assert refer.is_over
        outbound.hang_up()
        await ending(inbound)
        await settled(both.alices, "<200", 5)
        assert both.alice.live_sessions <= 1


async def test_a_referrer_that_hangs_up_at_the_202_is_still_notified() -> None:
    """RFC 5057: the dialog lasts as long as the subscription."""
    async with pair() as both:
        outbound, inbound = await both.talk()
        asked = outbound.refer(CAROL)
        refer = await refer_of(inbound)
        refer.accept()
        await asked.next_event()
        outbound.hang_up()
        assert (await ending(inbound))[1].by is Party.REMOTE
        await asked.next_event()
        refer.notify(200)
        assert await asked.next_event() == ReferEnded(200, "OK")
        async with asyncio.timeout(5):
            while both.bob.live_sessions:  # noqa: ASYNC110 - it has no event
                await asyncio.sleep(0.01)


async def test_refusals() -> None:
    async with pair() as both:
        outbound, inbound = await both.talk()
        asked = outbound.refer(CAROL)
        (await refer_of(inbound)).refuse(603, headers=(("X-Why", "no"),))
        event = await asked.next_event()
        assert isinstance(event, ReferRefused)
        assert (event.response.status, event.response.headers.get("X-Why")) == (603, "no")
        assert await asked.next_event() is event
        malformed = outbound.refer("<sip:carol@h?Replaces=none>")
        event = await malformed.next_event()
        assert isinstance(event, ReferRefused)
        assert event.response.status == 400
        with pytest.raises(LocalProtocolError):
            outbound.refer("<sip:carol@h>\r\nX-Injected: 1")
        outbound.hang_up()
        await ending(outbound)
        with pytest.raises(LocalProtocolError):
            outbound.refer(CAROL)


async def test_two_references_at_once_are_distinguished_by_their_ids() -> None:
    async with pair() as both:
        outbound, inbound = await both.talk()
        first, second = outbound.refer(CAROL), outbound.refer("<sip:dave@h>")
        one, two = await refer_of(inbound), await refer_of(inbound)
        one.accept()
        two.accept()
        two.notify(486)
        one.notify(200)
        for asked, status in ((first, 200), (second, 486)):
            while not isinstance(event := await asked.next_event(), ReferEnded):
                pass
            assert event.status == status
        outbound.hang_up()
        await ending(inbound)


async def _replacing(both: Pair, replaces: str, **options: object) -> int:
    """The status that an INVITE with this Replaces gets."""
    outbound = both.call(headers=(("Replaces", replaces),), **options)
    async with asyncio.timeout(5):
        while not isinstance(event := await outbound.next_event(), Refused):
            pass
    return event.response.status


async def test_an_invite_takes_the_place_of_a_session() -> None:
    async with pair() as both:
        _, inbound = await both.talk()
        replaces = Replaces(inbound.call_id, inbound.local_tag, inbound.remote_tag)
        assert both.bob.find_session(replaces) is inbound
        taking = both.call(headers=(("Replaces", str(replaces)), ("Require", "replaces")))
        successor = await arrival(both.bob)
        assert successor.replaces is inbound
        successor.accept(ANSWER)
        await taking.next_event()
        inbound.hang_up()
        await ending(inbound)
        assert both.bob.find_session(replaces) is None
        assert await _replacing(both, str(replaces)) in {481, 603}
        taking.hang_up()
        await ending(taking)


async def test_a_replaces_that_fits_no_session() -> None:
    async with pair() as both:
        outbound, inbound = await both.talk()
        names = (inbound.call_id, inbound.local_tag, inbound.remote_tag)
        assert await _replacing(both, str(Replaces(names[0], names[1], "wrong"))) == 481
        assert await _replacing(both, str(Replaces(names[0], "wrong", names[2]))) == 481
        assert await _replacing(both, str(Replaces("wrong", names[1], names[2]))) == 481
        assert await _replacing(both, str(Replaces(*names, True))) == 486
        assert await _replacing(both, names[0]) == 400
        outbound.hang_up()
        await ending(inbound)


async def test_early_dialogs() -> None:
    """RFC 3891 §3: one that the recipient began may be replaced, one that its peer began may not."""
    async with pair() as both:
        ringing = both.call()
        inbound = await both.arrival()
        inbound.ring()
        await ringing.next_event()
        theirs = Replaces(inbound.call_id, inbound.local_tag, inbound.remote_tag)
        assert await _replacing(both, str(theirs)) == 481
        ours = Replaces(ringing.call_id, ringing.local_tag, ringing.remote_tag, True)
        assert both.alice.find_session(ours) is ringing
        ringing.hang_up()
        await ending(ringing)
