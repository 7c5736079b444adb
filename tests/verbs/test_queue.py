"""`<Enqueue>`, `<Leave>` and `<Dial><Queue>` in virtual time: callers, agents, and what both get."""

import asyncio
from collections.abc import Callable
from functools import partial

import pytest

from callapi.calls.bridges.joined import Bridged, InQueue, Joined
from callapi.calls.call import Call
from callapi.calls.documents.document import DocumentRequest
from tests.verbs.conftest import Story
from tests.verbs.world import MUSIC, World

RunStory = Callable[[Story], None]
WAITS = '<Response><Enqueue action="/left" {}>support</Enqueue></Response>'
AGENT = '<Response><Dial action="/served" {}><Queue {}>support</Queue></Dial></Response>'


def joined_of(call: Call) -> Joined | None:
    """What the call is connected to now."""
    return call.joined


def waits(attributes: str = "") -> str:
    return WAITS.format(attributes)


def agent(dial: str = "", queue: str = "") -> str:
    return AGENT.format(dial, queue)


def test_an_agent_serves_the_caller_and_both_documents_go_on(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        here.application.documents["/left"] = "<Response><Pause length='1'/></Response>"
        caller, _ = here.caller(waits())
        await asyncio.sleep(10)
        assert isinstance(caller.joined, InQueue)
        assert here.stream_of(caller).playbacks[-1].audio is MUSIC
        serving, bob = here.caller(agent())
        await asyncio.sleep(0.5)
        assert joined_of(caller) == Bridged(serving.sid)
        assert here.stream_of(caller).partner is serving.leg.stream
        await asyncio.sleep(20)
        bob.hang_up()
        await here.live.empty.wait()
        (left,) = here.application.asked("/left")
        assert left["QueueResult"] == "bridged"
        assert left["QueueSid"].startswith("QU")
        (served,) = here.application.asked("/served")
        assert served["DialCallStatus"] in {"completed", "canceled"}

    run_story(story)


def test_the_action_of_an_agent_whose_caller_hangs_up(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        caller, alice = here.caller(waits())
        await asyncio.sleep(5)
        _, bob = here.caller(agent())
        await asyncio.sleep(7)
        alice.hang_up()
        await here.live.empty.wait()
        (served,) = here.application.asked("/served")
        assert (served["DialCallStatus"], served["DialBridged"], served["DialCallSid"]) == (
            "completed",
            "true",
            caller.sid,
        )
        assert served["DialCallDuration"] == "7"
        (left,) = here.application.asked("/left")
        assert left["QueueResult"] == "bridged"
        assert bob.is_over

    run_story(story)


def test_agents_who_wait_are_served_in_their_order(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        _, first = here.caller(waits())
        await asyncio.sleep(1)
        first.hang_up()
        await asyncio.sleep(1)
        one, bob = here.caller(agent('timeout="60"'))
        await asyncio.sleep(1)
        other, carol = here.caller(agent('timeout="60"'))
        await asyncio.sleep(1)
        caller, alice = here.caller(waits())
        await asyncio.sleep(1)
        assert caller.joined == Bridged(one.sid)
        assert other.joined is None
        for phone in (alice, bob, carol):
            phone.hang_up()

    run_story(story)


def test_no_agent_in_time(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        _, first = here.caller(waits())
        await asyncio.sleep(1)
        first.hang_up()
        await asyncio.sleep(1)
        here.caller(agent('timeout="5"'))
        await here.live.empty.wait()
        (served,) = here.application.asked("/served")
        assert (served["DialCallStatus"], served["DialBridged"]) == ("no-answer", "false")

    run_story(story)


def test_an_unknown_queue_fails(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        here.caller(agent())
        await here.live.empty.wait()
        (served,) = here.application.asked("/served")
        assert served["DialCallStatus"] == "failed"
        assert 60082 in [each.error_code for each in here.book.notifications]

    run_story(story)


@pytest.mark.usefixtures("sounding")
def test_wait_url_is_asked_again_and_again_with_true_positions(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        here.application.documents["/wait"] = "<Response><Pause length='10'/></Response>"
        (_, first), (_, second) = here.caller(waits('waitUrl="/wait"')), (None, None)
        await asyncio.sleep(1)
        _, second = here.caller(waits('waitUrl="/wait"'))
        await asyncio.sleep(15)
        asked = here.application.asked("/wait")
        assert [each["QueuePosition"] for each in asked] == ["1", "2", "1", "2"]
        assert asked[-1]["CurrentQueueSize"] == "2"
        first.hang_up()
        await asyncio.sleep(10)
        assert here.application.asked("/wait")[-1]["QueuePosition"] == "1"
        assert int(here.application.asked("/wait")[-1]["QueueTime"]) >= 20
        second.hang_up()

    run_story(story)


def test_leave_goes_on_with_the_document(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        here.application.documents["/wait"] = "<Response><Pause length='3'/><Leave/></Response>"
        here.application.documents["/left"] = "<Response><Pause length='1'/></Response>"
        here.caller(waits('waitUrl="/wait"'))
        await here.live.empty.wait()
        (left,) = here.application.asked("/left")
        assert (left["QueueResult"], left["QueueTime"]) == ("leave", "3")

    run_story(story)


def test_a_hangup_in_the_waiting_document_ends_the_call(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        here.application.documents["/wait"] = "<Response><Pause length='3'/><Hangup/></Response>"
        _, alice = here.caller(waits('waitUrl="/wait"'))
        await here.live.empty.wait()
        assert alice.is_over
        assert [each["QueueResult"] for each in here.application.asked("/left")] == ["hangup"]

    run_story(story)


def test_a_full_queue(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        _, alice = here.caller(waits('maxQueueSize="1"'))
        await asyncio.sleep(1)
        here.caller(waits())
        await asyncio.sleep(1)
        (left,) = here.application.asked("/left")
        assert left["QueueResult"] == "queue-full"
        alice.hang_up()

    run_story(story)


def test_the_whisper_is_heard_by_the_queued_party(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        here.application.documents["/about"] = "<Response><Pause length='3'/></Response>"
        caller, alice = here.caller(waits())
        await asyncio.sleep(5)
        serving, bob = here.caller(agent(queue='url="/about"'))
        await asyncio.sleep(1)
        (asked,) = here.application.asked("/about")
        assert (asked["CallSid"], asked["DequeingCallSid"]) == (caller.sid, serving.sid)
        assert caller.joined is None
        await asyncio.sleep(3)
        assert caller.joined == Bridged(serving.sid)
        bob.hang_up()
        alice.hang_up()

    run_story(story)


def test_an_agent_who_leaves_before_the_bridge_gives_the_place_back(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        here.application.documents["/about"] = "<Response><Pause length='30'/></Response>"
        caller, alice = here.caller(waits())
        await asyncio.sleep(1)
        _, bob = here.caller(agent(queue='url="/about"'))
        await asyncio.sleep(1)
        bob.hang_up()
        await asyncio.sleep(1)
        assert isinstance(caller.joined, InQueue)
        other, carol = here.caller(agent())
        await asyncio.sleep(1)
        assert joined_of(caller) == Bridged(other.sid)
        carol.hang_up()
        alice.hang_up()

    run_story(story)


@pytest.mark.parametrize(("when", "result"), [(5, "redirected"), (15, "redirected-from-bridged")])
def test_a_redirect_over_rest(run_story: RunStory, when: int, result: str) -> None:
    async def story(here: World) -> None:
        here.application.documents["/new"] = "<Response><Pause length='1'/></Response>"
        caller, _ = here.caller(waits())
        await asyncio.sleep(10 if when > 10 else 0.1)
        _, bob = here.caller(agent()) if when > 10 else (None, None)
        await asyncio.sleep(5)
        caller.redirect(partial(here.script, caller, DocumentRequest("http://app/new")))
        await asyncio.sleep(0.5)
        (left,) = here.application.asked("/left")
        assert left["QueueResult"] == result
        await asyncio.sleep(5)
        if bob is not None:
            bob.hang_up()

    run_story(story)


def test_ten_callers_and_three_agents_at_the_same_instant(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        callers = []
        for _ in range(10):
            callers.append(here.caller(waits()))
            await asyncio.sleep(0.1)
        agents = []
        for _ in range(3):
            agents.append(here.caller(agent()))
            await asyncio.sleep(0.1)
        await asyncio.sleep(1)
        joined = [call.joined for call, _ in callers if isinstance(call.joined, Bridged)]
        assert len(joined) == 3
        assert len({each.other for each in joined}) == 3
        for _, phone in (*callers, *agents):
            phone.hang_up()  # all at once
        await here.live.empty.wait()
        results = [each["QueueResult"] for each in here.application.asked("/left")]
        assert sorted(results) == ["bridged"] * 3 + ["hangup"] * 7
        assert len(here.application.asked("/served")) == 3

    run_story(story)
