"""The application and the test of the getting-started page, as they stand there; and a mistake that is put in."""

import re
import shutil
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from callapi.testing import Simulation
from tests.scenarios.harness.ports import free_port

PAGE = (Path(__file__).parents[2] / "docs" / "getting-started.md").read_text("utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)


@contextmanager
def _running(source: str, port: int, folder: Path) -> Iterator[None]:
    """The application as a process, once it answers."""
    path = folder / "app.py"
    path.write_text(source.replace("9000", str(port)), encoding="utf-8")
    with subprocess.Popen([sys.executable, str(path)], stdout=subprocess.DEVNULL) as process:
        try:
            for _ in range(200):
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=1)
                except urllib.error.HTTPError:
                    break
                except OSError:
                    time.sleep(0.05)
            yield
        finally:
            process.kill()


def _play(port: int) -> None:
    """The page's own test."""
    (source,) = [each for each in BLOCKS if "def test_" in each]
    names: dict[str, Any] = {}
    exec(source.replace("9000", str(port)), names)  # the page is ours
    test: Callable[..., None] = names["test_the_caller_reaches_bob"]
    with ExitStack() as stack:
        test(lambda application: stack.enter_context(Simulation(application)))


def test_the_page_tests_its_application(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a reader would type it, on a machine with Python alone: neither SIPp nor any other program is found."""
    monkeypatch.setenv("PATH", str(tmp_path))
    assert shutil.which("sipp") is None
    port = free_port()
    with _running(BLOCKS[0], port, tmp_path):
        _play(port)


def test_a_mistake_is_found(tmp_path: Path) -> None:
    """A verb that is misspelt."""
    port = free_port()
    mistaken = BLOCKS[0].replace("<Dial", "<Dail").replace("</Dial", "</Dail")
    with _running(mistaken, port, tmp_path), pytest.raises(AssertionError, match="bob to ring"):
        _play(port)
