"""The outcome table of Dial: final codes to statuses, and the best of several."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callapi.calls.status import FINAL, CallStatus, best_of, status_of_code


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (486, "busy"),
        (600, "busy"),
        (603, "busy"),
        (408, "no-answer"),
        (480, "no-answer"),
        (487, "no-answer"),
        (404, "failed"),
        (403, "failed"),
        (401, "failed"),
        (407, "failed"),
        (302, "failed"),
        (500, "failed"),
        (503, "failed"),
        (None, "failed"),
    ],
)
def test_a_final_code_gives_the_status(code: int | None, status: str) -> None:
    assert status_of_code(code) == status


@given(st.lists(st.sampled_from(sorted(FINAL - {CallStatus.COMPLETED}))))
def test_the_best_outcome_is_busy_then_no_answer_then_canceled_then_failed(
    statuses: list[CallStatus],
) -> None:
    order = ["busy", "no-answer", "canceled", "failed"]
    expected = next((each for each in order if each in statuses), "failed")
    assert best_of(statuses) == expected
