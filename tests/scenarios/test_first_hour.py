"""README.md and docs/getting-started.md, done as they say: their files, their commands, on ports of our own."""

import asyncio
import json
import re
import shlex
import sys
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from tests.scenarios.harness.audio import Heard
from tests.scenarios.harness.node import PROGRAM
from tests.scenarios.harness.ports import free_port
from tests.scenarios.harness.process import ManagedProcess
from tests.scenarios.harness.waiting import eventually

ROOT = Path(__file__).parents[2]
USUAL_PORTS = ("5060", "8080", "9000", "5070", "5071")


class Page:
    """A page of documentation whose usual ports are replaced by free ones."""

    def __init__(self, path: Path, folder: Path) -> None:
        self.folder = folder
        self.ports = {usual: str(free_port()) for usual in USUAL_PORTS}
        self.text = path.read_text(encoding="utf-8")
        for usual, free in self.ports.items():
            self.text = re.sub(rf"\b{usual}\b", free, self.text)

    def block(self, language: str, containing: str) -> str:
        """The code block of a language that contains some words."""
        parts = re.split(r"^```(.*)\n", self.text, flags=re.MULTILINE)
        blocks = zip(parts[1::4], parts[2::4], strict=True)
        [found] = [text for kind, text in blocks if kind == language and containing in text]
        return found

    def command(self, beginning: str) -> list[str]:
        """The one command of the page that begins so, as arguments; `callapi` is ours."""
        lines = re.findall(rf"^(?:\$ )?((?:\.venv/bin/)?{re.escape(beginning)}.*)$", self.text, re.MULTILINE)
        assert len(lines) == 1, (beginning, lines)
        program, *arguments = shlex.split(lines[0])
        return [sys.executable if program == "python3" else str(PROGRAM), *arguments]

    @asynccontextmanager
    async def running(self, beginning: str, environ: Mapping[str, str]) -> AsyncIterator[ManagedProcess]:
        """A command of the page, for as long as the block lasts."""
        settings = {
            "CALLAPI_SIP__LISTEN": json.dumps(
                [f"{each}://127.0.0.1:{self.ports['5060']}" for each in ("udp", "tcp")]
            ),
            "CALLAPI_HTTP__LISTEN": f"127.0.0.1:{self.ports['8080']}",
            "CALLAPI_HTTP__PUBLIC_URL": f"http://127.0.0.1:{self.ports['8080']}",
            "PYTHONUNBUFFERED": "1",
        }
        log = self.folder / f"{re.sub('[^a-z]+', '-', beginning)}.log"
        process = ManagedProcess(
            beginning, self.command(beginning), log, {**settings, **environ}, self.folder
        )
        await process.start()
        try:
            yield process
        finally:
            if process.returncode is None:
                await process.stop()


@pytest.mark.timeout(60)
@pytest.mark.parametrize("name", ["README.md", "docs/getting-started.md"])
async def test_the_first_call(tmp_path: Path, name: str) -> None:
    """The application, the node, bob who waits and the caller: `heard.wav` holds bob's 660 Hz."""
    page = Page(ROOT / name, tmp_path)
    (tmp_path / "app.py").write_text(page.block("python", "HTTPServer"), encoding="utf-8")
    (tmp_path / "callapi.toml").write_text(page.block("toml", "[[numbers]]"), encoding="utf-8")
    account = {"CALLAPI_ACCOUNT_SID": "AC" + "0" * 31 + "1", "CALLAPI_AUTH_TOKEN": "a-secret-of-yours"}
    async with AsyncExitStack() as stack:
        application = await stack.enter_async_context(page.running("python3 app.py", {}))
        node = await stack.enter_async_context(page.running("callapi serve", account))
        bob = await stack.enter_async_context(page.running("callapi phone --name bob", {}))
        await eventually("the node is up", lambda: "is up" in node.tail(), timeout=20)
        await eventually("bob is ready", lambda: "is ready" in bob.tail())
        beginning = "callapi phone sip:" if name == "README.md" else "callapi phone --name alice sip:"
        caller = await stack.enter_async_context(page.running(beginning, {}))
        assert await caller.wait(25) == 0, f"{caller.tail()}\n{node.tail()}"
        callbacks = 0 if name == "README.md" else 4
        await eventually("the callbacks", lambda: application.tail().count("/status") >= callbacks)
        reported = application.tail()
    heard = Heard.from_wav(tmp_path / "heard.wav")
    assert heard.seconds_of(660) >= 0.5, heard.score()
    assert "CallSid" in reported
    if name != "README.md":
        assert "'DialCallStatus': 'completed'" in reported
        assert reported.count("/status") == callbacks


@pytest.mark.timeout(60)
async def test_a_call_from_code(tmp_path: Path) -> None:
    """Section 5: curl has alice's phone called; when she answers, bob is rung and joined with her."""
    page = Page(ROOT / "docs/getting-started.md", tmp_path)
    (tmp_path / "app.py").write_text(page.block("python", "HTTPServer"), encoding="utf-8")
    (tmp_path / "callapi.toml").write_text(page.block("toml", "[[numbers]]"), encoding="utf-8")
    script = re.sub(r"^\$ ", "", page.block("", "curl"), flags=re.MULTILINE)
    account = {"CALLAPI_ACCOUNT_SID": "AC" + "0" * 31 + "1", "CALLAPI_AUTH_TOKEN": "a-secret-of-yours"}
    async with AsyncExitStack() as stack:
        await stack.enter_async_context(page.running("python3 app.py", {}))
        node = await stack.enter_async_context(page.running("callapi serve", account))
        await stack.enter_async_context(page.running("callapi phone --name bob", {}))
        listen = [
            "--listen",
            f"127.0.0.1:{page.ports['5071']}",
            "--record",
            "alice.wav",
            "--hang-up-after",
            "2.5",
        ]
        command = [str(PROGRAM), "phone", "--name", "alice", *listen, "--calls", "1", "--answer-after", "0.2"]
        alice = ManagedProcess("alice", command, tmp_path / "alice.log", folder=tmp_path)
        await stack.enter_async_context(alice)
        await eventually("the node is up", lambda: "is up" in node.tail(), timeout=20)
        await eventually("alice is ready", lambda: "is ready" in alice.tail())
        curl = await ManagedProcess(
            "curl", ["bash", "-c", script], tmp_path / "curl.log", account, tmp_path
        ).start()
        assert await curl.wait(10) == 0, curl.tail()
        assert await alice.wait(20) == 0, alice.tail()
        await asyncio.sleep(0.1)
    assert Heard.from_wav(tmp_path / "alice.wav").seconds_of(660) >= 0.5
    assert '"direction": "outbound-api"' in curl.tail(200) or '"direction":"outbound-api"' in curl.tail(200)
