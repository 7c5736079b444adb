"""RFC 3261 figure 5 with RFC 6026 figure 4, arrow by arrow."""

import pytest

from callapi.sip.messages.message import Request
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
from callapi.sip.transaction.invite_client import InviteClient, State, cancel_for
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

INVITE = request("INVITE", extra="Route: <sip:p.example;lr>\r\nX-Extra: 1\r\n")


def calling(*, is_reliable: bool = False) -> InviteClient:
    machine = InviteClient(INVITE, is_reliable=is_reliable)
    machine.handle(START, 0.0)
    return machine


def proceeding(*, is_reliable: bool = False) -> InviteClient:
    machine = calling(is_reliable=is_reliable)
    machine.handle(Provisional(answer(INVITE, 180)), 0.1)
    return machine


def test_calling_starts_a_and_b() -> None:
    outputs = InviteClient(INVITE, is_reliable=False).handle(START, 10.0)
    assert sent(outputs) == [INVITE]
    assert started(outputs) == {"A": 10.5, "B": 42.0}


def test_reliable_transports_need_no_a() -> None:
    assert started(InviteClient(INVITE, is_reliable=True).handle(START, 0.0)) == {"B": 32.0}


def test_a_doubles_without_a_cap() -> None:
    machine = calling()
    now, waits = 0.5, []
    for _ in range(6):
        outputs = machine.handle(fired("A"), now)
        assert sent(outputs) == [INVITE]
        waits.append(started(outputs)["A"] - now)
        now = started(outputs)["A"]
    assert waits == [1, 2, 4, 8, 16, 32]


@pytest.mark.parametrize(("input_", "event"), [(fired("B"), TIMED_OUT), (TRANSPORT_FAILED, UNDELIVERABLE)])
def test_calling_gives_up(input_: object, event: object) -> None:
    machine = calling()
    outputs = machine.handle(input_, 32.0)  # type: ignore[arg-type]
    assert reported(outputs) == [event]
    assert is_finished(outputs)
    assert machine.state is State.TERMINATED


def test_a_provisional_ends_the_retransmissions() -> None:
    machine = calling()
    outputs = machine.handle(Provisional(answer(INVITE, 100)), 0.2)
    assert stopped(outputs) == {"A", "B"}
    assert statuses(outputs) == [100]
    assert machine.state is State.PROCEEDING
    assert machine.handle(fired("A"), 0.5) == []


def test_proceeding_reports_every_provisional() -> None:
    machine = proceeding()
    assert statuses(machine.handle(Provisional(answer(INVITE, 183)), 1.0)) == [183]
    assert machine.handle(TRANSPORT_FAILED, 2.0) == []


@pytest.mark.parametrize("make", [calling, proceeding])
def test_a_success_is_reported_and_so_are_its_repetitions_and_other_forks(make: type) -> None:
    machine = make()
    outputs = machine.handle(Success(answer(INVITE, 200)), 1.0)
    assert statuses(outputs) == [200]
    assert started(outputs) == {"M": 33.0}
    assert machine.state is State.ACCEPTED
    assert sent(outputs) == []  # the ACK is its user's (§13.2.2.4)
    assert statuses(machine.handle(Success(answer(INVITE, 200)), 2.0)) == [200]
    assert machine.handle(Failure(answer(INVITE, 500)), 2.0) == []
    assert machine.handle(TRANSPORT_FAILED, 2.0) == []
    assert is_finished(machine.handle(fired("M"), 33.0))


@pytest.mark.parametrize("make", [calling, proceeding])
def test_a_failure_is_acknowledged_each_time_it_comes(make: type) -> None:
    machine = make()
    outputs = machine.handle(Failure(answer(INVITE, 486)), 1.0)
    assert statuses(outputs) == [486]
    assert started(outputs) == {"D": 33.0}
    again = machine.handle(Failure(answer(INVITE, 486)), 2.0)
    assert sent(again) == sent(outputs)
    assert reported(again) == []
    assert is_finished(machine.handle(fired("D"), 33.0))


def test_reliable_transports_do_not_wait_in_completed() -> None:
    machine = proceeding(is_reliable=True)
    outputs = machine.handle(Failure(answer(INVITE, 486)), 1.0)
    assert [message.cseq.method for message in sent(outputs)] == ["ACK"]
    assert is_finished(outputs)


def test_an_ack_that_cannot_be_sent_ends_it() -> None:
    machine = proceeding()
    machine.handle(Failure(answer(INVITE, 486)), 1.0)
    outputs = machine.handle(TRANSPORT_FAILED, 1.1)
    assert reported(outputs) == []
    assert is_finished(outputs)


def test_the_ack_of_a_failure() -> None:
    """§17.1.1.3: branch, Request-URI, From, Call-ID, Route as in the INVITE; To as in the response."""
    (ack,) = sent(proceeding().handle(Failure(answer(INVITE, 486)), 1.0))
    assert isinstance(ack, Request)
    assert (ack.method, ack.uri, ack.via) == ("ACK", INVITE.uri, INVITE.via)
    assert ack.headers.get("To") == "<sip:bob@192.0.2.2>;tag=2"
    assert ack.headers.get("From") == INVITE.headers.get("From")
    assert ack.headers.get("CSeq") == "1 ACK"
    assert ack.headers.get("Route") == "<sip:p.example;lr>"
    assert "X-Extra" not in ack.headers
    assert ack.max_forwards == 70


def test_a_cancel() -> None:
    """§9.1: everything that makes it match, To without a tag."""
    cancel = cancel_for(INVITE)
    assert (cancel.method, cancel.uri, cancel.via) == ("CANCEL", INVITE.uri, INVITE.via)
    assert cancel.headers.get("CSeq") == "1 CANCEL"
    assert cancel.headers.get("To") == INVITE.headers.get("To")
    assert cancel.headers.get("Route") == "<sip:p.example;lr>"


def test_abandoned_while_calling() -> None:
    assert is_finished(calling().handle(ABANDON, 1.0))


def test_abandoned_while_proceeding_it_still_acknowledges_a_late_failure() -> None:
    machine = proceeding()
    assert started(machine.handle(ABANDON, 1.0)) == {"B": 33.0}
    assert len(sent(machine.handle(Failure(answer(INVITE, 487)), 2.0))) == 1
    machine = proceeding()
    machine.handle(ABANDON, 1.0)
    assert is_finished(machine.handle(fired("B"), 33.0))
