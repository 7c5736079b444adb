"""The first sound of a node: the libraries that it needs are imported by a thread, and calls go on meanwhile."""

import asyncio
import time
from pathlib import Path

from tests.scenarios.harness.application import Application, response
from tests.scenarios.harness.caller import calling
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.spoken import speaks
from tests.scenarios.harness.waiting import eventually

WATCH = """
import sys, threading
class Watch:
    def find_spec(self, name, path=None, target=None):
        if name == "numpy":
            with open({path!r}, "a") as file:
                print(threading.current_thread() is threading.main_thread(), file=file)
sys.meta_path.insert(0, Watch())
"""
"""Writes whether the main thread, which is the event loop's, imports numpy (0.2 s of work)."""
FIRST = {
    "say": "<Say>Good morning.</Say>",
    "gather": '<Gather input="speech" timeout="60"/>',
    "queue": "<Enqueue>waiting</Enqueue>",
}


async def first_sound(folder: Path, application: Application, verb: str) -> str:
    """Where a new node imports numpy that answers its first call with `verb`: `True`, on its event loop."""
    (folder / "site").mkdir(parents=True)
    found = folder / "imports"
    found.touch()
    (folder / "site" / "sitecustomize.py").write_text(WATCH.format(path=str(found)), encoding="utf-8")
    webhook = application.webhook(f"first-{verb}")
    webhook["voice"] = response(FIRST[verb])
    node = Node(folder, numbers=[{"number": "*", "voice_url": webhook.url("voice")}])
    node.environ["PYTHONPATH"] = str(folder / "site")
    async with node:
        assert not found.read_text(encoding="utf-8"), "imported before there was a call"
        asked = time.monotonic()
        async with calling(node.uri("1"), node.sip_address) as call:
            await eventually("numpy is imported", lambda: found.read_text(encoding="utf-8"))
            if verb != "gather":
                await call.sounds(asked)
    return found.read_text(encoding="utf-8").strip()


@speaks
async def test_no_call_waits_for_an_import(tmp_path: Path, application: Application) -> None:
    """Whatever handles sound first on a node: its libraries are imported once, and not by the event loop."""
    found = await asyncio.gather(*(first_sound(tmp_path / each, application, each) for each in FIRST))
    assert dict(zip(FIRST, found, strict=True)) == dict.fromkeys(FIRST, "False")
