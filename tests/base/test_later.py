"""Libraries that are imported when they are first used."""

import asyncio
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from callapi.base.later import import_later, imported

NODE = """
import inspect
import sys
import callapi.cli.main
import callapi.cli.serve
inspect.getmodule(callapi.cli.serve.run)
print([name for name in ("numpy._core", "_soundfile", "soxr.soxr_ext", "aiohttp.client") if name in sys.modules])
import numpy as np
print("numpy._core" in sys.modules, np.zeros(2, np.int16).tolist(), "numpy._core" in sys.modules)
"""


@pytest.fixture(autouse=True)
def modules() -> Iterator[None]:
    """`sys.modules` is as it was afterwards."""
    before = dict(sys.modules)
    yield
    for name in sys.modules.keys() - before.keys():
        del sys.modules[name]
    sys.modules.update(before)


def test_a_node_imports_what_handles_sound_when_it_first_does() -> None:
    done = subprocess.run([sys.executable, "-c", NODE], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\nFalse [0, 0] True\n"


def test_threads_that_come_together_see_one_module() -> None:
    sys.modules.pop("colorsys", None)
    import_later("colorsys")
    import colorsys

    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(lambda _: colorsys.rgb_to_hsv, range(64)))
    assert found == {sys.modules["colorsys"].rgb_to_hsv}


def test_what_is_missing_is_missed_at_its_first_use() -> None:
    import_later("this_is_no_module")
    import this_is_no_module  # type: ignore[import-not-found]

    with pytest.raises(ModuleNotFoundError, match="this_is_no_module"):
        _ = this_is_no_module.anything


def test_a_look_through_the_modules_imports_none() -> None:
    import_later("this_is_no_module")
    assert not hasattr(sys.modules["this_is_no_module"], "__file__")


def test_what_is_imported_stays_as_it_is() -> None:
    import_later("json")
    import json

    assert json.loads("1") == 1


def test_the_event_loop_waits_for_a_thread_that_imports(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two who need it at once get the whole module, which the loop has not imported; later ones need no thread."""
    (tmp_path / "slow_one.py").write_text(
        "import threading, time\nthread = threading.current_thread()\ntime.sleep(0.05)\nlast = 7\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import_later("slow_one")
    import slow_one  # type: ignore[import-not-found]

    async def needed() -> int:
        await imported("slow_one", "json")
        return int(vars(slow_one)["last"])

    async def both() -> list[int]:
        found = await asyncio.gather(needed(), needed())
        with monkeypatch.context() as none:
            none.setattr(asyncio, "to_thread", None)
            return [*found, await needed()]

    assert asyncio.run(both()) == [7, 7, 7]
    assert slow_one.thread is not threading.main_thread()


def test_the_event_loop_misses_what_is_missing() -> None:
    import_later("this_is_no_module")
    with pytest.raises(ModuleNotFoundError, match="this_is_no_module"):
        asyncio.run(imported("this_is_no_module"))
