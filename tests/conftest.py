"""What every test shares: a network of the process's own, and how properties choose their examples."""

import os

from hypothesis import settings

from tests.isolation import isolate

# A machine that others use may pause any example; pytest's own time-out bounds a test.
settings.register_profile("own", deadline=None)
settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
settings.load_profile("ci" if os.environ.get("CI") else "own")

IS_ISOLATED = isolate()


def pytest_report_header() -> str:
    """Say on whose loopback the tests run."""
    return f"network: {'a namespace of this process' if IS_ISOLATED else 'shared with the machine'}"
