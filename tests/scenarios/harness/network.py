"""Networks that a test makes in the suite's own namespace: an address behind a filter, and a way out."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.isolation import isolate


def _ip(*arguments: str) -> str:
    """What iproute2 prints; the test is skipped where the suite has no namespace, or may not change it."""
    if not isolate():
        pytest.skip("the suite has no network namespace of its own")
    done = subprocess.run(["ip", *arguments], check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"ip {' '.join(arguments)}: {done.stderr.strip()}")
    return done.stdout


@contextmanager
def filtered_host() -> Iterator[str]:
    """An address whose packets are all lost without a word: a device of a tunnel that has no other end."""
    _ip("tuntap", "add", "dev", "filtered", "mode", "tun")
    _ip("address", "add", "10.98.0.1/24", "dev", "filtered")
    _ip("link", "set", "filtered", "up")
    yield "10.98.0.2"
    _ip("link", "del", "filtered")


@contextmanager
def default_route() -> Iterator[None]:
    """A default route to nowhere: some phones open no port in a machine that has none."""
    if "default" in _ip("route", "show", "default"):
        yield
        return
    _ip("address", "add", "192.0.2.9/32", "dev", "lo")
    _ip("route", "add", "default", "dev", "lo", "src", "192.0.2.9")
    yield
    _ip("route", "del", "default", "dev", "lo", "src", "192.0.2.9")
    _ip("address", "del", "192.0.2.9/32", "dev", "lo")
