"""`<Number>` through trunks: one gateway after the other within one call, in virtual time."""

import asyncio
from datetime import UTC, datetime

import pytest

from callapi.base.ids import TrunkSid
from callapi.store import TrunkRecord
from tests.verbs.conftest import RunStory
from tests.verbs.world import ACCOUNT, World

DIAL = '<Response><Dial action="/after"><Number>+1 (555) 0100</Number></Dial></Response>'


def trunk(host: str, **more: str) -> TrunkRecord:
    now = datetime.now(UTC)
    sid = TrunkSid("TK" + "0" * 32)
    return TrunkRecord(sid, ACCOUNT, host, f"sip:{host}", now, now, "2012-04-24", **more)  # type: ignore[arg-type]


def outcome(here: World) -> dict[str, str]:
    (reported,) = here.application.asked("/after")
    return reported


def prepare(here: World, *gateways: TrunkRecord) -> None:
    here.directory.gateways = list(gateways)
    here.application.documents["/after"] = "<Response/>"


@pytest.mark.parametrize("status", [401, 407, 408, 500, 502, 503, 504])
def test_what_one_gateway_cannot_do_the_next_is_asked(run_story: RunStory, status: int) -> None:
    async def story(here: World) -> None:
        prepare(here, trunk("gw1"), trunk("gw2", caller_id="+1999"))
        here.caller(DIAL)
        await asyncio.sleep(1)
        assert str(here.phones[0].request.uri) == "sip:+15550100@gw1"
        here.phones[0].reject(status)
        await asyncio.sleep(1)
        second = here.phones[1]
        assert str(second.request.uri) == "sip:+15550100@gw2"
        assert str(second.request.from_.uri) == "sip:+1999@127.0.0.1"
        second.ring()
        second.answer()
        await asyncio.sleep(5)
        assert here.plane.statistics().bridges == 1
        second.hang_up()
        await here.live.empty.wait()
        assert outcome(here)["DialCallStatus"] == "completed"
        assert outcome(here)["DialSipResponseCode"] == "200"
        assert len(here.book.calls) == 2, "the caller's call and one to the number"

    run_story(story)


@pytest.mark.parametrize(
    ("status", "reported"),
    [
        (486, "busy"),
        (600, "busy"),
        (603, "busy"),
        (606, "failed"),
        (404, "failed"),
        (403, "failed"),
        (488, "failed"),
        (480, "no-answer"),
    ],
)
def test_what_the_number_itself_says_is_final(run_story: RunStory, status: int, reported: str) -> None:
    async def story(here: World) -> None:
        prepare(here, trunk("gw1"), trunk("gw2"))
        here.caller(DIAL)
        await asyncio.sleep(1)
        here.phones[0].reject(status)
        await here.live.empty.wait()
        assert (outcome(here)["DialCallStatus"], len(here.phones)) == (reported, 1)

    run_story(story)


def test_the_last_gateway_speaks_for_all(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        prepare(here, trunk("gw1"), trunk("gw2"), trunk("gw3"))
        here.caller(DIAL)
        for place in range(3):
            await asyncio.sleep(1)
            here.phones[place].reject(500 + place)
        await here.live.empty.wait()
        assert outcome(here)["DialSipResponseCode"] == "502"
        assert outcome(here)["DialCallStatus"] == "failed"

    run_story(story)


def test_a_gateway_that_rang_keeps_the_call(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        prepare(here, trunk("gw1"), trunk("gw2"))
        here.caller(DIAL)
        await asyncio.sleep(1)
        here.phones[0].ring()
        await asyncio.sleep(1)
        here.phones[0].reject(503)
        await here.live.empty.wait()
        assert len(here.phones) == 1

    run_story(story)


def test_a_caller_who_is_gone_starts_nothing_more(run_story: RunStory) -> None:
    """The refusal and the caller's farewell in the same instant."""

    async def story(here: World) -> None:
        prepare(here, trunk("gw1"), trunk("gw2"))
        call, _ = here.caller(DIAL)
        await asyncio.sleep(1)
        here.phones[0].reject(503)
        for each in here.live.calls():
            each.hang_up("over")
        assert call.ended
        await here.live.empty.wait()
        assert len(here.phones) == 1

    run_story(story)


def test_the_timeout_holds_over_all_gateways(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        prepare(here, trunk("gw1"), trunk("gw2"))
        here.caller(DIAL.replace("<Dial ", '<Dial timeout="10" '))
        await asyncio.sleep(6)
        here.phones[0].reject(408)
        await asyncio.sleep(1)
        here.phones[1].ring()
        await asyncio.sleep(4)
        assert outcome(here)["DialCallStatus"] == "no-answer"

    run_story(story)
