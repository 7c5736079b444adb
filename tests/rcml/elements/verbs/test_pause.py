"""`<Pause>`."""

import pytest

from callapi.rcml import Pause
from tests.rcml.documents import document, only, refusal


def test_default() -> None:
    assert only("<Pause/>") == Pause(1)


@pytest.mark.parametrize("length", [0, 1, 86_400])
def test_length(length: int) -> None:
    assert only(f'<Pause length="{length}"/>') == Pause(length)


@pytest.mark.parametrize("length", ["-1", "86401", "0.5", "a while"])
def test_a_bad_length(length: str) -> None:
    error = refusal(f'<Pause length="{length}"/>')
    assert (error.code, error.specific_code) == (12200, 13910)


def test_what_is_inside_means_nothing() -> None:
    assert "text inside <Pause>" in document("<Pause>3</Pause>").warnings[0].message
    assert refusal("<Pause><Say>x</Say></Pause>").code == 12200
