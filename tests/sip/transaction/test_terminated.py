"""What all four machines have alike: nothing happens after the end, and timers of another state change nothing."""

import pytest

from callapi.sip.transaction.inputs import START, Failure, Output, Success
from callapi.sip.transaction.invite_client import InviteClient
from callapi.sip.transaction.invite_server import InviteServer
from callapi.sip.transaction.non_invite_client import NonInviteClient
from callapi.sip.transaction.non_invite_server import NonInviteServer
from callapi.sip.transaction.timers import Timer
from tests.sip.transaction.support import answer, fired, is_finished, request

INVITE, BYE = request(), request("BYE")
Machine = InviteClient | InviteServer | NonInviteClient | NonInviteServer


def _invite_client() -> tuple[Machine, list[Output]]:
    machine = InviteClient(INVITE, is_reliable=True)
    machine.handle(START, 0.0)
    return machine, machine.handle(fired("B"), 32.0)


def _non_invite_client() -> tuple[Machine, list[Output]]:
    machine = NonInviteClient(BYE, is_reliable=False)
    machine.handle(START, 0.0)
    return machine, machine.handle(fired("F"), 32.0)


def _invite_server() -> tuple[Machine, list[Output]]:
    machine = InviteServer(answer(INVITE, 100), is_reliable=True)
    machine.handle(START, 0.0)
    machine.handle(Failure(answer(INVITE, 486)), 1.0)
    return machine, machine.handle(fired("H"), 33.0)


def _non_invite_server() -> tuple[Machine, list[Output]]:
    machine = NonInviteServer(is_reliable=True)
    machine.handle(START, 0.0)
    return machine, machine.handle(Success(answer(BYE, 200)), 1.0)


ALL = [_invite_client, _non_invite_client, _invite_server, _non_invite_server]


@pytest.mark.parametrize("ended", ALL, ids=lambda each: each.__name__)
def test_nothing_happens_after_the_end(ended: object) -> None:
    machine, last = ended()  # type: ignore[operator]
    assert is_finished(last)
    for timer in Timer:
        assert machine.handle(fired(timer), 64.0) == []
    assert machine.handle(Success(answer(INVITE, 200)), 64.0) == []


@pytest.mark.parametrize(
    "machine",
    [
        InviteClient(INVITE, is_reliable=False),
        NonInviteClient(BYE, is_reliable=False),
        NonInviteServer(is_reliable=False),
    ],
    ids=lambda each: type(each).__name__,
)
def test_timers_of_another_machine_change_nothing(machine: Machine) -> None:
    machine.handle(START, 0.0)
    before = machine.state
    assert machine.handle(fired("I"), 1.0) == []
    assert machine.state is before
