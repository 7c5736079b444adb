"""The pytest plugin: the fixture `simulate` makes simulations, each ended with its test."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from callapi.testing.simulation import Simulation


@pytest.fixture
def simulate() -> "Iterator[Callable[..., Simulation]]":
    """`simulate(application)`: a node that asks the application (a URL, WSGI, ASGI or a function of the request)."""
    from callapi.testing.simulation import Simulation  # noqa: PLC0415 - a test session without it pays nothing

    with ExitStack() as stack:

        def make(application: Any, **options: Any) -> Simulation:
            return stack.enter_context(Simulation(application, **options))

        yield make
