"""What every test shares: a network of the process's own, and how properties choose their examples."""

import os

from hypothesis import settings

from tests.isolation import isolate

settings.register_profile("ci", derandomize=True, print_blob=True)
if os.environ.get("CI"):
    settings.load_profile("ci")

IS_ISOLATED = isolate()


def pytest_report_header() -> str:
    """Say on whose loopback the tests run."""
    return f"network: {'a namespace of this process' if IS_ISOLATED else 'shared with the machine'}"
