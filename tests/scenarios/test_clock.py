"""The machine's clock is set while calls are up: by an hour ahead, then two hours back. Nothing but the clock jumps."""

import time
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path

import libfaketime
import pytest

from tests.scenarios.conftest import NodeFactory
from tests.scenarios.harness.application import Answer
from tests.scenarios.harness.talk import talk

LIBRARY = Path(libfaketime.__file__).parent / "vendor/libfaketime/src/libfaketime.so.1"


class Clock:
    """What time the node believes it is, as an offset to the true one."""

    def __init__(self, file: Path, patch: pytest.MonkeyPatch) -> None:
        self._file = file
        self.set_to("+0")
        patch.setenv("LD_PRELOAD", str(LIBRARY))
        patch.setenv("FAKETIME_TIMESTAMP_FILE", str(file))
        patch.setenv("FAKETIME_NO_CACHE", "1")
        patch.setenv("FAKETIME_DONT_FAKE_MONOTONIC", "1")

    def set_to(self, offset: str) -> None:
        """Step it, in one instant."""
        part = self._file.with_suffix(".part")
        part.write_text(offset + "\n")
        part.replace(self._file)


@pytest.mark.timeout(90)
async def test_a_clock_that_is_set_while_calls_are_up(
    new_node: NodeFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Durations, instants of a call, retries of callbacks and the live audio go on as if nothing had happened."""
    with monkeypatch.context() as patch:
        clock = Clock(tmp_path / "clock", patch)
        node, webhook = await new_node(node={"drain_timeout_s": 0})
    webhook["child"] = [Answer(status=500), ""]
    began = time.monotonic()
    async with talk(node, webhook, status_callback=webhook.url("child")) as talking:
        await talking.goes_on()
        clock.set_to("+3600")
        await talking.goes_on()
        clock.set_to("-7200")
        await talking.goes_on()
        await talking.ends()
    lasted = time.monotonic() - began
    first = await webhook.next("child", 20)
    clock.set_to("-90000")  # while it waits for its second attempt
    again = await webhook.next("child", 20)
    assert first["CallStatus"] == again["CallStatus"] == "completed"
    assert first.headers["X-CallAPI-Event-Id"] == again.headers["X-CallAPI-Event-Id"]
    record = await node.final(again["CallSid"])
    assert 0 <= int(record["duration"]) <= lasted + 1
    started, ended = (parsedate_to_datetime(record[name]) for name in ("start_time", "end_time"))
    assert timedelta(0) <= ended - started <= timedelta(seconds=lasted + 2)
