"""RFC 3261 figure 6, arrow by arrow."""

import pytest

from callapi.sip.transaction.inputs import (
    ABANDON,
    START,
    TIMED_OUT,
    TRANSPORT_FAILED,
    UNDELIVERABLE,
    Failure,
    Provisional,
    Success,
)
from callapi.sip.transaction.non_invite_client import NonInviteClient, State
from tests.sip.transaction.support import (
    answer,
    fired,
    is_finished,
    reported,
    request,
    sent,
    started,
    statuses,
    stopped,
)

BYE = request("BYE")


def trying(*, is_reliable: bool = False) -> NonInviteClient:
    machine = NonInviteClient(BYE, is_reliable=is_reliable)
    machine.handle(START, 0.0)
    return machine


def test_start() -> None:
    outputs = NonInviteClient(BYE, is_reliable=False).handle(START, 0.0)
    assert sent(outputs) == [BYE]
    assert started(outputs) == {"E": 0.5, "F": 32.0}
    assert started(NonInviteClient(BYE, is_reliable=True).handle(START, 0.0)) == {"F": 32.0}


def waits(machine: NonInviteClient) -> list[float]:
    now, found = 0.5, []
    for _ in range(5):
        outputs = machine.handle(fired("E"), now)
        assert sent(outputs) == [BYE]
        found.append(started(outputs)["E"] - now)
        now = started(outputs)["E"]
    return found


def test_e_doubles_up_to_t2() -> None:
    assert waits(trying()) == [1, 2, 4, 4, 4]


def test_after_a_provisional_e_runs_at_t2() -> None:
    machine = trying()
    assert statuses(machine.handle(Provisional(answer(BYE, 100)), 0.1)) == [100]
    assert machine.state is State.PROCEEDING
    assert waits(machine) == [4, 4, 4, 4, 4]


@pytest.mark.parametrize("final", [Success(answer(BYE, 200)), Failure(answer(BYE, 481))])
def test_a_final_response_is_reported_once(final: Success | Failure) -> None:
    machine = trying()
    outputs = machine.handle(final, 1.0)
    assert statuses(outputs) == [final.response.status]
    assert stopped(outputs) == {"E", "F"}
    assert started(outputs) == {"K": 6.0}
    assert machine.handle(final, 2.0) == []
    assert machine.handle(TRANSPORT_FAILED, 2.0) == []
    assert is_finished(machine.handle(fired("K"), 6.0))


def test_reliable_transports_do_not_wait_for_repetitions() -> None:
    outputs = trying(is_reliable=True).handle(Success(answer(BYE, 200)), 1.0)
    assert statuses(outputs) == [200]
    assert is_finished(outputs)


@pytest.mark.parametrize(
    ("input_", "tellings"),
    [(fired("F"), [TIMED_OUT]), (TRANSPORT_FAILED, [UNDELIVERABLE]), (ABANDON, [])],
)
def test_giving_up(input_: object, tellings: list[object]) -> None:
    outputs = trying().handle(input_, 32.0)  # type: ignore[arg-type]
    assert reported(outputs) == tellings
    assert is_finished(outputs)
