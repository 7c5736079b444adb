"""`<Dial>` from the inside: who is rung, who is joined, how it ends, what the application gets.

Scenarios with real phones are in `tests/scenarios`; here time jumps and every interleaving can be arranged.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from callapi.calls.commands import ModifyCall
from callapi.calls.documents.document import DocumentRequest
from callapi.rcml import Pause
from callapi.sip.invite_session.commands import HangUp, Refuse
from callapi.verbs.execution import Execution, Outcome
from callapi.verbs.interpreter import EXECUTORS
from tests.verbs.world import World, world
from tests.virtual_time import run

Story = Callable[[World], Awaitable[None]]


@pytest.fixture
def run_story(tmp_path: Path) -> Callable[[Story], None]:
    """Run a story in a world of its own, in virtual time, and see that nothing is left."""

    async def whole(story: Story) -> None:
        async with world(tmp_path) as here:
            await story(here)
            async with asyncio.timeout(120):
                await here.live.empty.wait()
            here.assert_nothing_left()

    return lambda story: run(whole(story))


def action_of(here: World) -> dict[str, str]:
    """The parameters of the one request for the action."""
    asked = here.application.asked("/after")
    assert len(asked) == 1, here.application.requests
    return asked[0]


DIAL = '<Response><Dial action="/after"><Sip>sip:bob@127.0.0.9</Sip></Dial></Response>'


def test_joined_and_the_callee_hangs_up(run_story: Callable[[Story], None]) -> None:
    async def story(here: World) -> None:
        here.application.documents["/after"] = "<Response><Hangup/></Response>"
        call, alice = here.caller(DIAL)
        await asyncio.sleep(2)
        assert alice.is_answered
        assert here.stream_of(call).playbacks[-1].is_playing, "the caller hears ringing"
        here.phones[0].ring()
        await asyncio.sleep(2)
        here.phones[0].answer(X_Skill="gold")
        await asyncio.sleep(10)
        assert here.plane.statistics().bridges == 1
        here.phones[0].hang_up()
        await here.live.empty.wait()
        reported = action_of(here)
        assert reported["DialCallStatus"] == "completed"
        assert reported["DialCallDuration"] == "10"
        assert reported["DialBridged"] == "true"
        assert reported["DialSipResponseCode"] == "200"
        assert reported["DialSipCallId"] == "simulated-0"
        assert reported["DialSipHeader_X-Skill"] == "gold"
        assert reported["CallStatus"] == "in-progress"
        branches = json.loads(reported["DialBranches"])
        assert branches == [
            {
                "target": "sip:bob@127.0.0.9",
                "call_sid": reported["DialCallSid"],
                "status": "completed",
                "sip_code": 200,
                "ring_duration": branches[0]["ring_duration"],
            }
        ]

    run_story(story)


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (486, "busy"),
        (600, "busy"),
        (603, "busy"),
        (408, "no-answer"),
        (480, "no-answer"),
        (404, "failed"),
        (500, "failed"),
    ],
)
def test_a_refusal_is_reported_with_its_code(
    run_story: Callable[[Story], None], code: int, status: str
) -> None:
    async def story(here: World) -> None:
        here.caller(DIAL)
        await asyncio.sleep(1)
        here.phones[0].reject(code, X_Why="lunch")
        await here.live.empty.wait()
        reported = action_of(here)
        assert reported["DialCallStatus"] == status
        assert reported["DialSipResponseCode"] == str(code)
        assert reported["DialSipHeader_X-Why"] == "lunch"
        assert reported["DialCallDuration"] == "0"
        assert reported["DialBridged"] == "false"

    run_story(story)


@pytest.mark.parametrize(
    ("status", "outcome", "why"), [(408, "no-answer", "no response to the INVITE"), (503, "failed", "bye")]
)
def test_a_phone_that_cannot_be_reached_is_reported_with_its_line(
    run_story: Callable[[Story], None], status: int, outcome: str, why: str
) -> None:
    """Silence for longer than SIP waits, and a transport that fails: 32011, beside the outcome."""

    async def story(here: World) -> None:
        here.application.documents["/after"] = "<Response/>"
        here.caller(DIAL.replace("<Sip>", "\n<Sip>").replace('"/after"', '"/after" timeout="60"'))
        await asyncio.sleep(32)
        here.phones[0].be_unreachable(status)
        await here.live.empty.wait()
        assert action_of(here)["DialCallStatus"] == outcome
        [note] = here.book.notifications
        assert (note.error_code, note.document_line) == (32_011, 2)
        assert note.message_text == f"sip:bob@127.0.0.9: it cannot be reached: {why}"

    run_story(story)


def test_no_answer_in_time(run_story: Callable[[Story], None]) -> None:
    async def story(here: World) -> None:
        here.caller(
            '<Response><Dial action="/after" timeout="7"><Sip>sip:bob@127.0.0.9</Sip></Dial></Response>'
        )
        await asyncio.sleep(1)
        here.phones[0].ring()
        await here.live.empty.wait()
        reported = action_of(here)
        assert (reported["DialCallStatus"], reported["DialSipResponseCode"]) == ("no-answer", "487")
        assert 7 <= asyncio.get_running_loop().time() < 9

    run_story(story)


def test_sequential_goes_on_where_the_called_party_declines(run_story: Callable[[Story], None]) -> None:
    """The called party that is screened holds up the next noun; a decline, not an answer, lets it ring."""

    async def story(here: World) -> None:
        here.application.documents["/screen"] = '<Response><Pause length="5"/><Hangup/></Response>'
        here.application.documents["/after"] = "<Response/>"
        here.caller(
            '<Response><Dial action="/after" sequential="true"><Sip url="/screen">sip:bob@127.0.0.9</Sip>'
            "<Sip>sip:carol@127.0.0.9</Sip></Dial></Response>"
        )
        await asyncio.sleep(1)
        here.phones[0].answer()
        await asyncio.sleep(4)
        assert len(here.phones) == 1
        await asyncio.sleep(3)
        here.phone("carol").answer()
        await asyncio.sleep(2)
        here.phone("carol").hang_up()
        await here.live.empty.wait()
        reported = action_of(here)
        assert (reported["DialCallStatus"], reported["DialCallDuration"]) == ("completed", "2")
        assert [each["status"] for each in json.loads(reported["DialBranches"])] == ["no-answer", "completed"]

    run_story(story)


def test_what_a_dial_does_that_says_nothing(run_story: Callable[[Story], None]) -> None:
    """`timeout` is 30 s, `timeLimit` 14400 s of talk."""

    async def story(here: World) -> None:
        clock = asyncio.get_running_loop().time
        here.application.documents["/after"] = DIAL.replace("/after", "/second")
        here.application.documents["/second"] = "<Response><Hangup/></Response>"
        call, _ = here.caller(DIAL)
        await asyncio.sleep(29.5)
        assert here.application.asked("/after") == []
        await asyncio.sleep(2.5)
        assert action_of(here)["DialCallStatus"] == "no-answer"
        here.phones[1].answer()
        answered = clock()
        await call.ended.wait()
        assert clock() - answered == pytest.approx(14_400, abs=1.5)
        [reported] = here.application.asked("/second")
        assert (reported["DialCallStatus"], reported["DialCallDuration"]) == ("completed", "14400")

    run_story(story)


def test_the_caller_leaves_while_it_rings(run_story: Callable[[Story], None]) -> None:
    async def story(here: World) -> None:
        _, alice = here.caller(
            '<Response><Dial action="/after"><Sip statusCallback="/status">sip:bob@127.0.0.9</Sip></Dial></Response>'
        )
        await asyncio.sleep(1)
        here.phones[0].ring()
        alice.hang_up()
        await here.live.empty.wait()
        reported = action_of(here)
        assert (reported["DialCallStatus"], reported["CallStatus"]) == ("canceled", "completed")
        assert [each["CallStatus"] for each in here.book.reported("/status")] == ["canceled"]

    run_story(story)


def test_a_leg_that_was_in_progress_ends_completed_joined_or_not(run_story: Callable[[Story], None]) -> None:
    """The caller hangs up in the very moment of the callee's 200, before the two are joined."""

    async def story(here: World) -> None:
        _, alice = here.caller(
            '<Response><Dial action="/after"><Sip statusCallback="/status" statusCallbackEvent="answered completed">'
            "sip:bob@127.0.0.9</Sip></Dial></Response>"
        )
        await asyncio.sleep(1)
        here.phones[0].answer()
        alice.hang_up()
        await here.live.empty.wait()
        assert [each["CallStatus"] for each in here.book.reported("/status")] == ["in-progress", "completed"]

    run_story(story)


def test_the_cancelled_are_sent_the_reason_that_another_answered(run_story: Callable[[Story], None]) -> None:
    """RFC 3326: such a call is not a missed one. A phone that simply rang too long is sent no such reason."""

    async def story(here: World) -> None:
        here.caller(
            '<Response><Dial timeout="5"><Sip>sip:bob@127.0.0.9</Sip><Sip>sip:carol@127.0.0.9</Sip></Dial>'
            '<Dial timeout="5"><Sip>sip:dave@127.0.0.9</Sip></Dial></Response>'
        )
        await asyncio.sleep(1)
        here.phone("bob").answer()
        await asyncio.sleep(1)
        here.phone("bob").hang_up()
        await here.live.empty.wait()
        reasons = {
            each.user: [command.reason for command in each.sent if isinstance(command, HangUp)]
            for each in here.phones
        }
        assert reasons["carol"] == ['SIP;cause=200;text="Call completed elsewhere"']
        assert reasons["dave"] == [None]

    run_story(story)


def test_the_caller_leaves_while_they_talk(run_story: Callable[[Story], None]) -> None:
    async def story(here: World) -> None:
        _, alice = here.caller(DIAL)
        await asyncio.sleep(1)
        here.phones[0].answer()
        await asyncio.sleep(5)
        alice.hang_up()
        await here.live.empty.wait()
        reported = action_of(here)
        assert (reported["DialCallStatus"], reported["DialCallDuration"]) == ("completed", "5")
        assert here.phones[0].is_over

    run_story(story)


def test_the_first_of_several_to_answer_is_joined_and_the_others_end(
    run_story: Callable[[Story], None],
) -> None:
    async def story(here: World) -> None:
        nouns = "".join(f'<Sip statusCallback="/s{n}">sip:p{n}@127.0.0.9</Sip>' for n in range(5))
        here.caller(f'<Response><Dial action="/after">{nouns}</Dial></Response>')
        await asyncio.sleep(1)
        for phone in here.phones:
            phone.answer()  # all in the same instant
        await asyncio.sleep(3)
        joined = [phone for phone in here.phones if not phone.is_over]
        assert len(joined) == 1
        joined[0].hang_up()
        await here.live.empty.wait()
        statuses = [each["status"] for each in json.loads(action_of(here)["DialBranches"])]
        assert sorted(statuses) == ["canceled"] * 4 + ["completed"]
        for n in range(5):
            assert [each["SequenceNumber"] for each in here.book.reported(f"/s{n}")] == ["0"]

    run_story(story)


def test_sequential_tries_one_after_the_other(run_story: Callable[[Story], None]) -> None:
    async def story(here: World) -> None:
        here.caller(
            '<Response><Dial action="/after" sequential="true" timeout="5">'
            "<Sip>sip:one@127.0.0.9</Sip><Sip>sip:two@127.0.0.9</Sip><Sip>sip:three@127.0.0.9</Sip></Dial></Response>"
        )
        await asyncio.sleep(1)
        assert [each.user for each in here.phones] == ["one"]
        await asyncio.sleep(5)
        assert [each.user for each in here.phones] == ["one", "two"]
        here.phones[1].reject(486)
        await asyncio.sleep(1)
        here.phones[2].answer()
        await asyncio.sleep(1)
        here.phones[2].hang_up()
        await here.live.empty.wait()
        reported = json.loads(action_of(here)["DialBranches"])
        assert [each["status"] for each in reported] == ["no-answer", "busy", "completed"]

    run_story(story)


SCREENED = (
    '<Response><Dial action="/after"><Sip url="/screen" statusCallback="/s">sip:a@127.0.0.9</Sip>'
    "<Sip>sip:b@127.0.0.9</Sip></Dial></Response>"
)


def test_screening_accepts_at_its_end_and_the_others_ring_meanwhile(
    run_story: Callable[[Story], None],
) -> None:
    async def story(here: World) -> None:
        here.application.documents["/screen"] = '<Response><Pause length="4"/></Response>'
        call, _ = here.caller(SCREENED)
        await asyncio.sleep(1)
        here.phone("a").answer(X_Agent="7")
        await asyncio.sleep(2)
        assert not here.phone("b").sent, "the other phone rings on"
        assert here.stream_of(call).playbacks[-1].is_playing, "the caller hears ringing until joined"
        asked = here.application.asked("/screen")[0]
        assert asked["SipHeader_X-Agent"] == "7"
        assert asked["SipCallId"] == "simulated-0"
        assert asked["ParentCallSid"] == call.sid
        assert (asked["CallStatus"], asked["Direction"]) == ("in-progress", "outbound-dial")
        await asyncio.sleep(3)
        assert here.phone("b").is_over
        assert here.plane.statistics().bridges == 1
        here.phone("a").hang_up()
        await here.live.empty.wait()
        branches = json.loads(action_of(here)["DialBranches"])
        assert [(each["status"], each.get("screening")) for each in branches] == [
            ("completed", "accepted"),
            ("canceled", None),
        ]

    run_story(story)


@pytest.mark.parametrize(
    ("document", "code"),
    [
        ("<Response><Hangup/></Response>", None),
        ("<Response><Reject/></Response>", None),
        ("<Response><Dial>sip:x@127.0.0.1</Dial></Response>", 13201),
        ("<Response><Nonsense/></Response>", 12200),
        (None, 11200),
    ],
)
def test_a_declined_screening_ends_that_leg_alone(
    run_story: Callable[[Story], None], document: str | None, code: int | None
) -> None:
    async def story(here: World) -> None:
        if document:
            here.application.documents["/screen"] = document
        here.caller(SCREENED)
        await asyncio.sleep(1)
        here.phone("a").answer()
        await asyncio.sleep(1)
        assert here.phone("a").is_over
        assert not here.phone("b").sent
        here.phone("b").reject(480)
        await here.live.empty.wait()
        reported = action_of(here)
        assert reported["DialCallStatus"] == "no-answer"
        first = json.loads(reported["DialBranches"])[0]
        assert (first["status"], first["screening"], first["sip_code"]) == ("no-answer", "declined", 200)
        if code:
            assert code in [each.error_code for each in here.book.notifications]

    run_story(story)


def test_a_callee_that_leaves_while_screening_ends_that_leg_alone(run_story: Callable[[Story], None]) -> None:
    async def story(here: World) -> None:
        here.application.documents["/screen"] = '<Response><Pause length="60"/></Response>'
        here.caller(SCREENED)
        await asyncio.sleep(1)
        here.phone("a").answer()
        await asyncio.sleep(1)
        here.phone("a").hang_up()
        await asyncio.sleep(1)
        here.phone("b").answer()
        await asyncio.sleep(1)
        here.phone("b").hang_up()
        await here.live.empty.wait()
        reported = action_of(here)
        assert reported["DialCallStatus"] == "completed"
        assert json.loads(reported["DialBranches"])[0]["screening"] == "hung-up"

    run_story(story)


def test_hangup_on_star_ends_the_talk_and_the_document_goes_on(run_story: Callable[[Story], None]) -> None:
    async def story(here: World) -> None:
        here.application.documents["/after"] = '<Response><Pause length="1"/></Response>'
        call, alice = here.caller(
            '<Response><Dial action="/after" hangupOnStar="true"><Sip>sip:bob@127.0.0.9</Sip></Dial></Response>'
        )
        await asyncio.sleep(1)
        here.phones[0].answer()
        await asyncio.sleep(3)
        here.stream_of(call).press("5")
        await asyncio.sleep(1)
        assert not here.phones[0].is_over
        here.stream_of(call).press("*")
        await asyncio.sleep(0.5)
        assert here.phones[0].is_over
        assert not alice.is_over
        await here.live.empty.wait()
        assert action_of(here)["DialCallStatus"] == "completed"

    run_story(story)


def test_the_time_limit_ends_the_talk_and_the_document_goes_on(run_story: Callable[[Story], None]) -> None:
    async def story(here: World) -> None:
        _, alice = here.caller(
            '<Response><Dial timeLimit="5"><Sip>sip:bob@127.0.0.9</Sip></Dial><Pause length="3"/></Response>'
        )
        await asyncio.sleep(1)
        here.phones[0].answer()
        await asyncio.sleep(6)
        assert here.phones[0].is_over
        assert not alice.is_over

    run_story(story)


@pytest.mark.parametrize(("code", "final"), [(486, 486), (603, 603), (404, 404), (None, 408)])
def test_an_unanswered_caller_gets_the_failure_of_the_callee(
    run_story: Callable[[Story], None], code: int | None, final: int
) -> None:
    async def story(here: World) -> None:
        _, alice = here.caller(
            '<Response><Dial answerOnBridge="true" timeout="5"><Sip>sip:bob@127.0.0.9</Sip></Dial></Response>'
        )
        await asyncio.sleep(1)
        here.phones[0].ring()
        await asyncio.sleep(1)
        assert not alice.is_answered
        if code:
            here.phones[0].reject(code)
        await here.live.empty.wait()
        from callapi.sip.invite_session.commands import Refuse

        assert [each.status for each in alice.sent if isinstance(each, Refuse)] == [final]

    run_story(story)


def test_early_media_of_a_single_callee_reaches_the_unanswered_caller(
    run_story: Callable[[Story], None],
) -> None:
    async def story(here: World) -> None:
        from callapi.sip.invite_session.commands import Ring

        _, alice = here.caller(
            '<Response><Dial answerOnBridge="true"><Sip>sip:bob@127.0.0.9</Sip></Dial></Response>'
        )
        await asyncio.sleep(1)
        here.phones[0].ring(183, has_audio=True)
        await asyncio.sleep(1)
        assert [each.status for each in alice.sent if isinstance(each, Ring)][-1] == 183
        assert here.plane.statistics().bridges == 1
        assert not alice.is_answered
        here.phones[0].answer()
        await asyncio.sleep(1)
        assert alice.is_answered
        assert here.plane.statistics().bridges == 1
        alice.hang_up()

    run_story(story)


@pytest.mark.parametrize("attribute", ['answerOnBridge="true"', 'dialMusic="/music"', ""])
@pytest.mark.parametrize("turns", range(10))
def test_a_callee_that_leaves_while_it_is_being_joined_breaks_nothing(
    run_story: Callable[[Story], None], attribute: str, turns: int
) -> None:
    """It hangs up so many turns of the loop after its answer, which has accepted: `completed`, whatever the turn."""

    async def story(here: World) -> None:
        here.caller(
            f'<Response><Dial action="/after" {attribute}><Sip>sip:bob@127.0.0.9</Sip>'
            "<Sip>sip:carol@127.0.0.9</Sip></Dial></Response>"
        )
        await asyncio.sleep(1)
        here.phones[0].ring(183, has_audio=True)
        here.phones[0].answer()
        for _ in range(turns):
            await asyncio.sleep(0)
        here.phones[0].hang_up()
        await asyncio.sleep(1)
        here.phones[1].reject(480)
        await here.live.empty.wait()
        reported = action_of(here)
        assert (reported["DialCallStatus"], reported["DialBridged"], reported["DialCallDuration"]) == (
            "completed",
            "true",
            "0",
        )
        assert here.book.calls[reported["DialCallSid"]].status == "completed"
        assert 60_003 not in [each.error_code for each in here.book.notifications]

    run_story(story)


def test_a_mistake_of_our_own_ends_the_call_and_is_reported(
    run_story: Callable[[Story], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """60003, and 500 for a caller who was not answered: one story that trips disturbs no other."""

    async def trip(verb: Pause, execution: Execution) -> Outcome:
        raise ZeroDivisionError(verb, execution)

    monkeypatch.setitem(EXECUTORS, Pause, trip)

    async def story(here: World) -> None:
        _, alice = here.caller("<Response><Pause/></Response>")
        await here.live.empty.wait()
        assert [each.status for each in alice.sent if isinstance(each, Refuse)] == [500]
        [note] = here.book.notifications
        assert (note.error_code, note.log) == (60_003, 0)

    run_story(story)


def test_nothing_to_send_to_is_failed_with_a_notification(run_story: Callable[[Story], None]) -> None:
    async def story(here: World) -> None:
        here.application.documents["/after"] = "<Response/>"
        long = "sip:" + "a" * 300 + "@127.0.0.9"
        here.caller(
            f'<Response><Dial action="/after"><Sip>{long}</Sip><Client>nobody</Client></Dial></Response>'
        )
        await here.live.empty.wait()
        reported = action_of(here)
        assert reported["DialCallStatus"] == "failed"
        assert "DialCallSid" not in reported
        assert "null" not in reported.values()
        codes = sorted(each.error_code for each in here.book.notifications)
        assert codes == [32009, 60010]
        assert "314 characters without its headers; it must be under 255: 60 too many" in " ".join(
            each.message_text for each in here.book.notifications
        )
        assert not here.phones

    run_story(story)


def test_status_callbacks_report_each_step_once_with_the_true_status(
    run_story: Callable[[Story], None],
) -> None:
    async def story(here: World) -> None:
        call, _ = here.caller(
            '<Response><Dial><Sip statusCallback="/s" statusCallbackEvent="initiated,ringing answered, completed">'
            "sip:bob@127.0.0.9</Sip></Dial></Response>"
        )
        await asyncio.sleep(1)
        here.phones[0].ring()
        here.phones[0].ring(183)
        await asyncio.sleep(1)
        here.phones[0].answer()
        await asyncio.sleep(5)
        here.phones[0].hang_up()
        await here.live.empty.wait()
        reported = here.book.reported("/s")
        assert [each["CallStatus"] for each in reported] == [
            "initiated",
            "ringing",
            "in-progress",
            "completed",
        ]
        assert [each["SequenceNumber"] for each in reported] == ["0", "1", "2", "3"]
        assert ["CallDuration" in each for each in reported] == [False, False, False, True]
        for each in reported:
            assert each["ParentCallSid"] == call.sid
            assert each["CallbackSource"] == "call-progress-events"
            assert each["Direction"] == "outbound-dial"
            assert each["Timestamp"].endswith(" +0000")
        assert reported[-1]["SipResponseCode"] == "200"

    run_story(story)


def test_the_caller_modified_over_rest_leaves_its_dial(run_story: Callable[[Story], None]) -> None:
    async def story(here: World) -> None:
        here.application.documents["/new"] = '<Response><Pause length="2"/></Response>'
        call, alice = here.caller(DIAL)
        await asyncio.sleep(1)
        here.phones[0].answer()
        await asyncio.sleep(2)
        control = here.control()
        await control.modify_call(call.sid, ModifyCall(document=DocumentRequest("http://app/new")))
        await asyncio.sleep(1)
        assert here.phones[0].is_over
        assert not alice.is_over
        await here.live.empty.wait()
        assert action_of(here)["DialCallStatus"] == "completed"
        assert here.application.asked("/new")

    run_story(story)


def test_a_child_modified_before_its_life_began_has_its_document_run(
    run_story: Callable[[Story], None],
) -> None:
    async def story(here: World) -> None:
        here.application.documents["/new"] = '<Response><Pause length="2"/></Response>'
        here.caller(DIAL)
        for _ in range(100):
            if len(here.live) == 2:
                break
            await asyncio.sleep(0)
        child = here.live.calls()[1]
        await here.control().modify_call(child.sid, ModifyCall(document=DocumentRequest("http://app/new")))
        await asyncio.sleep(1)
        here.phones[0].answer()
        await asyncio.sleep(1)
        assert here.application.asked("/new")[0]["CallSid"] == child.sid

    run_story(story)


def test_a_child_modified_over_rest_goes_its_own_way_and_the_parents_document_goes_on(
    run_story: Callable[[Story], None],
) -> None:
    async def story(here: World) -> None:
        here.application.documents["/new"] = '<Response><Pause length="20"/></Response>'
        here.application.documents["/after"] = '<Response><Pause length="1"/></Response>'
        _, alice = here.caller(DIAL)
        await asyncio.sleep(1)
        here.phones[0].answer()
        await asyncio.sleep(2)
        child = here.live.get(next(each.sid for each in here.book.calls.values() if each.parent_call_sid))
        assert child is not None
        control = here.control()
        await control.modify_call(child.sid, ModifyCall(document=DocumentRequest("http://app/new")))
        await asyncio.sleep(5)
        assert here.application.asked("/new")[0]["CallSid"] == child.sid
        assert action_of(here)["DialCallStatus"] == "completed"
        assert alice.is_over, "the caller's document came to its end"
        assert not here.phones[0].is_over, "the child is busy with its own"

    run_story(story)


def test_a_recorded_dial_reports_the_recording(run_story: Callable[[Story], None]) -> None:
    async def story(here: World) -> None:
        here.caller(
            '<Response><Dial action="/after" record="record-from-answer-dual" recordingStatusCallback="/rec">'
            "<Sip>sip:bob@127.0.0.9</Sip></Dial></Response>"
        )
        await asyncio.sleep(1)
        assert not here.plane.statistics().recordings
        here.phones[0].answer()
        await asyncio.sleep(5)
        assert here.plane.statistics().recordings == 1
        here.phones[0].hang_up()
        await here.live.empty.wait()
        reported = action_of(here)
        record = here.book.recordings[reported["RecordingSid"]]
        assert (record.status, record.channels, record.source) == ("completed", 2, "DialVerb")
        assert reported["RecordingUrl"].endswith(record.sid)
        assert [each["RecordingStatus"] for each in here.book.reported("/rec")] == ["completed"]

    run_story(story)
