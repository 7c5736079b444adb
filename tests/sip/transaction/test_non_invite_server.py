"""RFC 3261 figure 8, arrow by arrow."""

from callapi.sip.transaction.inputs import (
    RETRANSMITTED,
    START,
    TRANSPORT_FAILED,
    UNDELIVERABLE,
    Failure,
    Provisional,
    Success,
)
from callapi.sip.transaction.non_invite_server import NonInviteServer, State
from tests.sip.transaction.support import answer, fired, is_finished, reported, request, sent, started

BYE = request("BYE")
OK = answer(BYE, 200)


def trying(*, is_reliable: bool = False) -> NonInviteServer:
    machine = NonInviteServer(is_reliable=is_reliable)
    machine.handle(START, 0.0)
    return machine


def test_in_trying_repetitions_are_absorbed() -> None:
    assert trying().handle(RETRANSMITTED, 0.5) == []


def test_in_proceeding_the_provisional_is_repeated() -> None:
    machine = trying()
    progress = answer(BYE, 183)
    assert sent(machine.handle(Provisional(progress), 1.0)) == [progress]
    assert sent(machine.handle(RETRANSMITTED, 1.5)) == [progress]
    assert machine.state is State.PROCEEDING


def test_in_completed_the_final_response_is_repeated() -> None:
    machine = trying()
    outputs = machine.handle(Success(OK), 1.0)
    assert sent(outputs) == [OK]
    assert started(outputs) == {"J": 33.0}
    assert sent(machine.handle(RETRANSMITTED, 2.0)) == [OK]
    assert machine.handle(Failure(answer(BYE, 500)), 2.0) == []
    assert is_finished(machine.handle(fired("J"), 33.0))


def test_reliable_transports_end_with_the_final_response() -> None:
    outputs = trying(is_reliable=True).handle(Failure(answer(BYE, 481)), 1.0)
    assert len(sent(outputs)) == 1
    assert is_finished(outputs)


def test_a_transport_failure_ends_it() -> None:
    outputs = trying().handle(TRANSPORT_FAILED, 1.0)
    assert reported(outputs) == [UNDELIVERABLE]
    assert is_finished(outputs)
    machine = trying()
    machine.handle(Success(OK), 1.0)
    assert is_finished(machine.handle(TRANSPORT_FAILED, 2.0))


def test_a_request_without_an_answer_is_forgotten() -> None:
    assert is_finished(trying().handle(fired("J"), 32.0))
