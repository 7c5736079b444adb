"""RFC 3261 figure 7 with RFC 6026 figure 5, arrow by arrow."""

from callapi.sip.messages.message import make_response
from callapi.sip.transaction.inputs import (
    RETRANSMITTED,
    START,
    TIMED_OUT,
    TRANSPORT_FAILED,
    UNDELIVERABLE,
    Acked,
    AckReceived,
    Failure,
    Provisional,
    Success,
)
from callapi.sip.transaction.invite_server import InviteServer, State
from tests.sip.transaction.support import (
    answer,
    fired,
    is_finished,
    reported,
    request,
    sent,
    started,
    stopped,
)

INVITE = request("INVITE")
ACK = request("ACK")
TRYING = make_response(INVITE, 100)


def proceeding(*, is_reliable: bool = False) -> InviteServer:
    machine = InviteServer(TRYING, is_reliable=is_reliable)
    machine.handle(START, 0.0)
    return machine


def completed(*, is_reliable: bool = False) -> InviteServer:
    machine = proceeding(is_reliable=is_reliable)
    machine.handle(Failure(answer(INVITE, 486)), 0.0)
    return machine


def test_trying_is_sent_at_once_and_repeated() -> None:
    machine = InviteServer(TRYING, is_reliable=False)
    assert sent(machine.handle(START, 0.0)) == [TRYING]
    assert sent(machine.handle(RETRANSMITTED, 0.5)) == [TRYING]


def test_the_last_provisional_is_repeated() -> None:
    machine = proceeding()
    ringing = answer(INVITE, 180)
    assert sent(machine.handle(Provisional(ringing), 1.0)) == [ringing]
    assert sent(machine.handle(RETRANSMITTED, 1.5)) == [ringing]
    assert reported(machine.handle(TRANSPORT_FAILED, 2.0)) == [UNDELIVERABLE]
    assert machine.handle(Acked(ACK), 2.0) == []
    assert machine.state is State.PROCEEDING


def test_a_success_leaves_repetition_to_its_user() -> None:
    machine = proceeding()
    ok = answer(INVITE, 200)
    outputs = machine.handle(Success(ok), 1.0)
    assert sent(outputs) == [ok]
    assert started(outputs) == {"L": 33.0}
    assert machine.handle(RETRANSMITTED, 2.0) == []  # RFC 6026 §7.1
    assert sent(machine.handle(Success(ok), 2.0)) == [ok]
    assert reported(machine.handle(Acked(ACK), 3.0)) == [AckReceived(ACK)]
    assert reported(machine.handle(TRANSPORT_FAILED, 3.0)) == [UNDELIVERABLE]
    assert is_finished(machine.handle(fired("L"), 33.0))


def test_a_failure_is_repeated_until_the_ack() -> None:
    machine = proceeding()
    busy = answer(INVITE, 486)
    outputs = machine.handle(Failure(busy), 0.0)
    assert sent(outputs) == [busy]
    assert started(outputs) == {"G": 0.5, "H": 32.0}
    now, waits = 0.5, []
    for _ in range(5):
        outputs = machine.handle(fired("G"), now)
        assert sent(outputs) == [busy]
        waits.append(started(outputs)["G"] - now)
        now = started(outputs)["G"]
    assert waits == [1, 2, 4, 4, 4]
    assert sent(machine.handle(RETRANSMITTED, now)) == [busy]
    outputs = machine.handle(Acked(ACK), 20.0)
    assert stopped(outputs) == {"G", "H"}
    assert started(outputs) == {"I": 25.0}
    assert machine.handle(Acked(ACK), 21.0) == []
    assert machine.handle(RETRANSMITTED, 21.0) == []
    assert is_finished(machine.handle(fired("I"), 25.0))


def test_reliable_transports_repeat_nothing() -> None:
    machine = proceeding(is_reliable=True)
    assert started(machine.handle(Failure(answer(INVITE, 486)), 0.0)) == {"H": 32.0}
    assert is_finished(machine.handle(Acked(ACK), 1.0))


def test_no_ack_ever() -> None:
    outputs = completed().handle(fired("H"), 32.0)
    assert reported(outputs) == [TIMED_OUT]
    assert is_finished(outputs)


def test_a_second_final_response_is_ignored() -> None:
    machine = completed()
    assert machine.handle(Success(answer(INVITE, 200)), 1.0) == []
    assert reported(machine.handle(TRANSPORT_FAILED, 1.0)) == [UNDELIVERABLE]
    assert machine.state is State.COMPLETED
