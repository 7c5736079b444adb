"""Choice by weight: in proportion, each once, the same for the same draws."""

import itertools
import random
from collections import Counter
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callapi.base.weights import drawn_by_weight


@dataclass(frozen=True, slots=True)
class Peer:
    """Something with a weight."""

    name: int
    weight: int


def peers(*weights: int) -> list[Peer]:
    return [Peer(name, weight) for name, weight in enumerate(weights)]


@pytest.mark.parametrize("weights", [(1, 1), (1, 3), (10, 30, 60), (65_535, 65_535), (1, 0), (0, 0, 0)])
def test_shares_are_as_the_weights(weights: tuple[int, ...]) -> None:
    """0 is one in a hundred of a weight of 1; where all are 0 they are equals."""
    chance = random.Random(11).random
    firsts = Counter(drawn_by_weight(peers(*weights), chance)[0].name for _ in range(8000))
    shares = [weight or 0.01 for weight in weights]
    for name, share in enumerate(shares):
        assert firsts[name] / 8000 == pytest.approx(share / sum(shares), abs=0.02)


@given(
    st.lists(st.integers(0, 65_535), max_size=8),
    st.lists(st.floats(0, 1, exclude_max=True), min_size=1, max_size=8),
)
def test_each_comes_once(weights: list[int], draws: list[float]) -> None:
    given_ = peers(*weights)
    first = drawn_by_weight(given_, itertools.cycle(draws).__next__)
    assert sorted(each.name for each in first) == list(range(len(weights)))
    assert drawn_by_weight(given_, itertools.cycle(draws).__next__) == first
