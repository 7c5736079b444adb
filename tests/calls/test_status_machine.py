"""The status machine, arrow by arrow, and in any order of inputs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callapi.calls.status import FINAL, CallStatus
from callapi.calls.status_machine import (
    CallAccepted,
    CallAnswered,
    EndRequested,
    Input,
    InviteSent,
    ProcessLost,
    RingingReceived,
    ScreeningRequired,
    SessionEnded,
    StatusMachine,
)
from callapi.sip import Party

CANCEL = EndRequested(CallStatus.CANCELED)
TIMED_OUT = EndRequested(CallStatus.NO_ANSWER)
SENT, RANG, ANSWERED = InviteSent(), RingingReceived(), CallAnswered()
SCREENED, ACCEPTED = ScreeningRequired(), CallAccepted()
BYE = SessionEnded(Party.REMOTE)
OURS = SessionEnded(Party.LOCAL)


def failed(code: int) -> SessionEnded:
    return SessionEnded(Party.REMOTE, code)


def after(*inputs: Input, first: CallStatus = CallStatus.QUEUED, is_inbound: bool = False) -> list[str]:
    """The statuses that were reached, in order."""
    machine = StatusMachine(first, is_inbound=is_inbound)
    return [reached.value for each in inputs if (reached := machine.handle(each)) is not None]


@pytest.mark.parametrize(
    ("inputs", "reached"),
    [
        ((SENT, RANG, ANSWERED, BYE), ["initiated", "ringing", "in-progress", "completed"]),
        ((SENT, ANSWERED, BYE), ["initiated", "in-progress", "completed"]),
        ((SENT, RANG, RANG, ANSWERED, ANSWERED), ["initiated", "ringing", "in-progress"]),
        ((SENT, RANG, failed(486)), ["initiated", "ringing", "busy"]),
        ((SENT, failed(603)), ["initiated", "busy"]),
        ((SENT, failed(480)), ["initiated", "no-answer"]),
        ((SENT, failed(404)), ["initiated", "failed"]),
        ((SENT, SessionEnded(Party.NETWORK, 503)), ["initiated", "failed"]),
        ((SENT, RANG, TIMED_OUT, failed(487)), ["initiated", "ringing", "no-answer"]),
        ((SENT, RANG, CANCEL, failed(487)), ["initiated", "ringing", "canceled"]),
        ((SENT, CANCEL, TIMED_OUT, failed(487)), ["initiated", "canceled"]),
        ((CANCEL, OURS), ["canceled"]),
        ((EndRequested(CallStatus.FAILED), OURS), ["failed"]),
        ((RANG, ANSWERED, SENT), ["initiated"]),
    ],
)
def test_a_placed_call(inputs: tuple[Input, ...], reached: list[str]) -> None:
    assert after(*inputs) == reached


@pytest.mark.parametrize(
    "end",
    [
        (BYE,),
        (CANCEL, OURS),
        (TIMED_OUT, OURS),
        (EndRequested(CallStatus.BUSY), OURS),
        (SessionEnded(Party.NETWORK),),
        (ProcessLost(),),
        (CANCEL, ProcessLost()),
    ],
)
def test_what_was_in_progress_ends_completed_joined_or_not(end: tuple[Input, ...]) -> None:
    assert after(SENT, ANSWERED, *end)[-1] == "completed"


@pytest.mark.parametrize(
    ("inputs", "final"),
    [
        ((BYE,), "no-answer"),
        ((TIMED_OUT, OURS), "no-answer"),
        ((SessionEnded(Party.NETWORK),), "no-answer"),
        ((CANCEL, OURS), "completed"),  # another party accepted, or the caller left: not its own doing
        ((ACCEPTED, BYE), "completed"),
        ((ACCEPTED, TIMED_OUT, OURS), "completed"),
        ((ProcessLost(),), "completed"),
    ],
)
def test_a_screened_party_that_declines_or_hangs_up_is_no_answer(
    inputs: tuple[Input, ...], final: str
) -> None:
    assert after(SENT, SCREENED, ANSWERED, *inputs)[-1] == final


def test_a_200_that_crosses_our_cancel_is_not_reported() -> None:
    assert after(SENT, RANG, CANCEL, ANSWERED, OURS) == ["initiated", "ringing", "canceled"]


@pytest.mark.parametrize(
    ("inputs", "reached"),
    [
        ((ANSWERED, BYE), ["in-progress", "completed"]),
        ((SessionEnded(Party.REMOTE, 487),), ["canceled"]),
        ((EndRequested(CallStatus.BUSY), OURS), ["busy"]),
        ((SessionEnded(Party.NETWORK, 408),), ["no-answer"]),
        ((ProcessLost(),), ["failed"]),
    ],
)
def test_an_inbound_call(inputs: tuple[Input, ...], reached: list[str]) -> None:
    assert after(*inputs, first=CallStatus.RINGING, is_inbound=True) == reached


def test_the_prospect_is_what_the_end_will_be() -> None:
    machine = StatusMachine(CallStatus.QUEUED)
    machine.handle(SENT)
    assert (machine.prospect, machine.is_ending) == (CallStatus.INITIATED, False)
    machine.handle(TIMED_OUT)
    assert (machine.prospect, machine.is_ending) == (CallStatus.NO_ANSWER, True)
    assert machine.handle(failed(487)) is CallStatus.NO_ANSWER


INPUTS = st.sampled_from(
    [SENT, RANG, ANSWERED, SCREENED, ACCEPTED, CANCEL, TIMED_OUT, BYE, OURS, failed(486), ProcessLost()]
)
ORDER = ["queued", "initiated", "ringing", "in-progress"]


@given(st.lists(INPUTS, max_size=12), st.booleans())
def test_any_inputs_move_forward_and_end_once(inputs: list[Input], is_inbound: bool) -> None:
    """Statuses come in their order; the final one is last; after in-progress it is completed or no-answer."""
    reached = after(*inputs, is_inbound=is_inbound)
    finals = [each for each in reached if CallStatus(each) in FINAL]
    assert len(finals) <= 1
    assert not finals or reached[-1] == finals[0]
    early = [each for each in reached if each in ORDER]
    assert early == sorted(early, key=ORDER.index)
    if "in-progress" in reached and finals:
        assert finals[0] in {"completed", "no-answer"}
        if SCREENED not in inputs:
            assert finals[0] == "completed"


def test_nothing_changes_a_final_status() -> None:
    machine = StatusMachine(CallStatus.QUEUED, is_inbound=False)
    for each in (SENT, ANSWERED, BYE):
        machine.handle(each)
    assert [machine.handle(each) for each in (RANG, ANSWERED, failed(486), CANCEL)] == [None] * 4
    assert machine.status is CallStatus.COMPLETED
