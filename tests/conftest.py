"""What every test shares: a network of the process's own, how properties choose their examples, the order of files."""

import os
import re
from collections.abc import Generator
from itertools import groupby
from pathlib import Path

import pytest
from hypothesis import settings

from tests.isolation import isolate
from tests.room import wait_for_room

# A machine that others use may pause any example; pytest's own time-out bounds a test.
settings.register_profile("own", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "own")

IS_ISOLATED = isolate()
ROOT = Path(__file__).parents[1]


KINDS = ("scenarios/test_(browser|console)", "scenarios/test_cluster", "/speech/", "scenarios/", "")
"""Files of a kind ask for the same of a machine: a Chromium, several nodes, models, time for real audio, CPU alone."""

OWN_LOOPS = "tests/sip/transport/"
REAL_TIME = ("tests/scenarios/", "tests/media/", "tests/testing/", "tests/streams/")
"""Tests with sockets, sound or programs, which a machine without a free core would make late."""
_LAST = pytest.StashKey[Path]()
"""The file of the test before."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Spread the files of each kind evenly over a run of several workers, who take one after another.

    First come those with event loops of their own: a change of loop ends what tests share for the session.
    """
    if hasattr(config, "workerinput"):
        files = [list(tests) for _, tests in groupby(items, lambda item: item.path)]
        kinds = [_kind(tests[0].path) for tests in files]
        places = [
            (-1.0 if OWN_LOOPS in str(tests[0].path) else kinds[:at].count(kind) / kinds.count(kind), at)
            for at, (kind, tests) in enumerate(zip(kinds, files, strict=True))
        ]
        items[:] = [item for _, at in sorted(places) for item in files[at]]


def _kind(path: Path) -> str:
    return next(kind for kind in KINDS if re.search(kind, str(path.relative_to(ROOT))))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """One of several workers begins a test that needs real time when the machine has room for it.

    What tests of several nodes share stands still while this process waits, their way to the database too: it waits
    before the first of a file alone.
    """
    last = item.config.stash.get(_LAST, None)
    item.config.stash[_LAST] = item.path
    has_nodes_up = item.path == last and item.path.name.startswith("test_cluster")
    needs_time = any(each in str(item.path) for each in REAL_TIME) and not has_nodes_up
    if needs_time and hasattr(item.config, "workerinput"):
        wait_for_room()
    return (yield)


def pytest_report_header() -> str:
    """Say on whose loopback the tests run."""
    return f"network: {'a namespace of this process' if IS_ISOLATED else 'shared with the machine'}"
