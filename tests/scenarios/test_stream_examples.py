"""The applications of `docs/streams.md` and `docs/conversation-relay.md` run as they are printed."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.scenarios.conftest import PhoneFactory, Server
from tests.scenarios.harness.agents import NODE, PROGRAMS, needs_node
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.ports import free_port
from tests.scenarios.harness.process import ManagedProcess
from tests.scenarios.harness.waiting import eventually

DOCS = Path(__file__).parents[2] / "docs"


@asynccontextmanager
async def example(page: str, folder: Path, language: str = "python") -> AsyncIterator[str]:
    """The first program of `page` in `language` as a process of its own; where its first document is."""
    text = (DOCS / page).read_text(encoding="utf-8")
    [program, *_] = re.findall(rf"```{language}\n(.*?)```", text, re.DOTALL)
    port = free_port()
    if language == "python":
        program = program.replace("port=9000", f'host="127.0.0.1", port={port}')
        file, interpreter = folder / "example.py", sys.executable
    else:
        program = program.replace("listen(9000)", f'listen({port}, "127.0.0.1")')
        file, interpreter = folder / "example.js", NODE or "node"
    file.write_text(program, encoding="utf-8")
    environ = {"NODE_PATH": str(PROGRAMS / "node_modules")}
    process = ManagedProcess("example", [interpreter, str(file)], folder / "example.log", environ)
    await process.start()
    try:
        for _ in range(200):
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                break
        yield f"http://127.0.0.1:{port}/voice"
    finally:
        await process.stop()


@pytest.mark.parametrize("language", ["python", pytest.param("javascript", marks=needs_node("ws"))])
async def test_the_echo_of_the_page_on_streams(
    server: Server, phone: PhoneFactory, webhook: Webhook, tmp_path: Path, language: str
) -> None:
    """Alice hears what she says; a key ends the stream, and with it the document."""
    alice = await phone("alice")
    async with example("streams.md", tmp_path, language) as url:
        webhook["voice"] = response(f"<Redirect>{url}</Redirect>")
        call = await alice.invite(server.uri, say=440)
        assert await call.hears(440, seconds=0.5)
        await call.press("5")
        assert await call.ended() == 200


async def test_the_parrot_of_the_page_on_conversations(
    server: Server, phone: PhoneFactory, webhook: Webhook, tmp_path: Path
) -> None:
    """The greeting is spoken."""
    alice = await phone("alice")
    async with example("conversation-relay.md", tmp_path) as url:
        webhook["voice"] = response(f"<Redirect>{url}</Redirect>")
        call = await alice.invite(server.uri)
        await call.answered()
        await eventually("the greeting", lambda: call.heard().seconds_of_sound >= 0.2, timeout=60)
        await call.hang_up()
