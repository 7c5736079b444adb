"""Any order of inputs leaves each machine legal: `Finish` is said once and last, and nothing moves after it."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callapi.sip.messages.message import make_response
from callapi.sip.outputs import Finish, Report, Send, StartTimer, StopTimer, TimerFired
from callapi.sip.transaction import InviteClient, InviteServer, NonInviteClient, NonInviteServer
from callapi.sip.transaction.inputs import (
    ABANDON,
    RETRANSMITTED,
    START,
    TRANSPORT_FAILED,
    Acked,
    Answered,
    classify,
)
from callapi.sip.transaction.timers import Timer
from tests.sip.transaction.support import answer, request

INVITE, BYE = request("INVITE"), request("BYE")
answers = st.sampled_from([100, 180, 200, 302, 487, 603]).map(lambda status: classify(answer(INVITE, status)))
timers = st.sampled_from(sorted(Timer)).map(TimerFired)
client_inputs = st.one_of(answers, timers, st.sampled_from([TRANSPORT_FAILED, ABANDON]))
server_inputs = st.one_of(
    answers, timers, st.sampled_from([TRANSPORT_FAILED, RETRANSMITTED, Acked(request("ACK"))])
)

CLIENTS: list[Callable[..., Any]] = [
    lambda is_reliable: InviteClient(INVITE, is_reliable=is_reliable),
    lambda is_reliable: NonInviteClient(BYE, is_reliable=is_reliable),
]
SERVERS: list[Callable[..., Any]] = [
    lambda is_reliable: InviteServer(make_response(INVITE, 100), is_reliable=is_reliable),
    lambda is_reliable: NonInviteServer(is_reliable=is_reliable),
]


def walk(machine: Any, inputs: list[Any]) -> list[list[Any]]:
    return [machine.handle(input_, float(now)) for now, input_ in enumerate([START, *inputs])]


def check(steps: list[list[Any]]) -> None:
    outputs = [output for step in steps for output in step]
    assert all(isinstance(output, Send | StartTimer | StopTimer | Report | Finish) for output in outputs)
    finishes = [index for index, output in enumerate(outputs) if isinstance(output, Finish)]
    assert finishes in ([], [len(outputs) - 1])


@pytest.mark.parametrize("make", CLIENTS)
@given(is_reliable=st.booleans(), inputs=st.lists(client_inputs, max_size=12))
def test_clients(make: Callable[..., Any], is_reliable: bool, inputs: list[Any]) -> None:
    steps = walk(make(is_reliable=is_reliable), inputs)
    check(steps)
    reported = [output.event for step in steps for output in step if isinstance(output, Report)]
    finals = [event.response for event in reported if isinstance(event, Answered) and event.response.is_final]
    if any(not response.is_success for response in finals):
        assert len(finals) == 1  # only a 2xx to INVITE may be reported again


@pytest.mark.parametrize("make", SERVERS)
@given(is_reliable=st.booleans(), inputs=st.lists(server_inputs, max_size=12))
def test_servers(make: Callable[..., Any], is_reliable: bool, inputs: list[Any]) -> None:
    check(walk(make(is_reliable=is_reliable), inputs))


@pytest.mark.parametrize("make", [*CLIENTS, *SERVERS])
@given(is_reliable=st.booleans(), inputs=st.lists(answers, max_size=4))
def test_time_alone_ends_what_was_answered(
    make: Callable[..., Any], is_reliable: bool, inputs: list[Any]
) -> None:
    """Fire the timers that run, in order: a machine with a final response, or none at all, comes to its end."""
    machine = make(is_reliable=is_reliable)
    running: dict[Timer, float] = {}

    def note(step: list[Any]) -> None:
        for output in step:
            match output:
                case StartTimer(timer, at):
                    running[Timer(timer)] = at
                case StopTimer(timer):
                    running.pop(Timer(timer), None)
                case _:
                    pass

    for step in walk(machine, inputs):
        note(step)
    for _ in range(100):
        if machine.state == "terminated" or not running:
            break
        timer = min(running, key=lambda name: running[name])
        note(machine.handle(TimerFired(timer), running.pop(timer)))
    is_open = machine.state == "proceeding" and isinstance(machine, InviteClient | InviteServer)
    assert machine.state == "terminated" or is_open
