"""New calls are refused before live ones suffer, and the refusal says which limit it was."""

from typing import cast

from callapi.calls.arriving.admission import AdmissionControl
from callapi.sip import Hop, Request


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_no_more_calls_than_the_limit() -> None:
    live = 0
    gate = AdmissionControl(lambda: live, Clock(), max_calls=2, calls_per_second=0, max_lag_s=0.4)
    assert gate.refusal() is None
    live = 2
    assert gate.refusal() == "limits.max_calls"


def test_a_rate_lets_a_burst_of_a_second_in_and_then_one_after_the_other() -> None:
    clock = Clock()
    gate = AdmissionControl(lambda: 0, clock, max_calls=100, calls_per_second=5, max_lag_s=0.4)
    assert [gate.refusal() for _ in range(6)] == [None] * 5 + ["limits.calls_per_second"]
    clock.now += 0.2
    assert [gate.refusal() for _ in range(2)] == [None, "limits.calls_per_second"]
    clock.now += 60
    assert [gate.refusal() for _ in range(6)] == [None] * 5 + ["limits.calls_per_second"]


def test_a_late_event_loop_is_overload() -> None:
    lag = 0.0
    gate = AdmissionControl(
        lambda: 0, Clock(), max_calls=100, calls_per_second=0, max_lag_s=0.4, lag_s=lambda: lag
    )
    assert gate.refusal() is None
    lag = 0.4
    assert gate.refusal() is None
    lag = 0.5
    assert gate.refusal() == "overload"


def test_the_answer_is_503_with_retry_after_and_the_rule() -> None:
    gate = AdmissionControl(lambda: 0, Clock(), max_calls=100, calls_per_second=0, max_lag_s=0.4)
    gate.is_draining = True
    refusal = gate.admit(cast("Request", None), cast("Hop", None))  # neither is looked at
    assert refusal is not None
    status, _, headers = refusal
    assert status == 503
    assert dict(headers) == {"Retry-After": "30", "Reason": 'SIP;cause=503;text="draining"'}
    assert gate.refusals.total() == 1
