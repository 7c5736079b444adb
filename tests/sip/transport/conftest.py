"""Sockets behave the same on both event loops: every test here runs on asyncio's own and on uvloop."""

import asyncio
from collections.abc import Callable, Mapping

import pytest
import uvloop

from tests.sip.transport.certificates import Authority


def pytest_asyncio_loop_factories() -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loops that pytest-asyncio runs each test on."""
    return {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """A certificate authority of our own."""
    return Authority(tmp_path_factory.mktemp("certificates"))
