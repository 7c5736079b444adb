"""Agents written with pipecat and with Twilio's own library run unchanged against the node.

They live in an environment of their own (docs/streams.md): `CALLAPI_AGENTS_PYTHON` names its interpreter.
"""

import os
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import numpy
import pytest

from callapi.base.settings import SpeechSettings
from callapi.media.speech import Utterance, installed, open_speaker
from tests.scenarios.conftest import NodeFactory, PhoneFactory
from tests.scenarios.harness.audio import silence, write_wav
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.ports import free_port
from tests.scenarios.harness.process import ManagedProcess
from tests.scenarios.harness.waiting import eventually
from tests.sip.transport.certificates import Authority

PROGRAMS = Path(__file__).with_name("agents")
PYTHON = os.environ.get("CALLAPI_AGENTS_PYTHON", "")


def _needs(module: str, package: str) -> pytest.MarkDecorator:
    """Skip where the environment is not named, or lacks `module`."""
    if not PYTHON:
        return pytest.mark.skip(reason=f"CALLAPI_AGENTS_PYTHON names no interpreter that has {package}")
    probe = f"import importlib.util as u, sys; sys.exit(u.find_spec('{module}') is None)"
    is_missing = subprocess.run([PYTHON, "-c", probe], check=False, capture_output=True).returncode != 0
    return pytest.mark.skipif(is_missing, reason=f"{PYTHON} has no {package}")


speaks = pytest.mark.skipif(
    not installed.has_whisper() or installed.whisper_model() is None or not installed.piper_voices({}),
    reason="the extra `speech` is not installed",
)


class Agent:
    """An application that runs as a process of its own, and prints what happens to it."""

    def __init__(self, process: ManagedProcess) -> None:
        self._process = process

    def lines(self, start: str) -> list[str]:
        """What it has printed that begins so, without the beginning."""
        found = self._process.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return [line.removeprefix(start).strip() for line in found if line.startswith(start)]

    async def says(self, start: str, timeout: float = 20) -> str:
        """The first such line, once there is one."""
        try:
            await eventually(f"{start!r} of the agent", lambda: bool(self.lines(start)), timeout=timeout)
        except AssertionError as error:
            raise self._process.failure(str(error)) from error
        return self.lines(start)[0]


@asynccontextmanager
async def agent(program: str, folder: Path, environ: dict[str, str], *arguments: str) -> AsyncIterator[Agent]:
    """Run it until it listens on the port that is its first argument."""
    command = [PYTHON, "-u", str(PROGRAMS / program), *arguments]
    async with ManagedProcess(program, command, folder / f"{program}.log", environ) as process:
        running = Agent(process)
        await eventually(
            f"{program} listens",
            lambda: "Uvicorn running" in process.tail() or process.returncode is not None,
            timeout=60,
        )
        assert process.returncode is None, process.failure("ended while it started")
        yield running


async def api_key(node: Node) -> tuple[str, str]:
    """A new API key: sid and secret."""
    status, key = await node.rest("POST", "Keys.json", FriendlyName="agent")
    assert status == 201, key
    return key["sid"], key["secret"]


@_needs("pipecat", "pipecat-ai")
@pytest.mark.timeout(90)
@pytest.mark.parametrize("login", ["token", "key"])
async def test_an_echo_bot_of_pipecat(
    new_node: NodeFactory, phone: PhoneFactory, tmp_path: Path, login: str
) -> None:
    """Alice hears her own tone; her key ends the bot's pipeline, which hangs up over REST."""
    port = free_port()
    node, _ = await new_node({"voice_url": f"http://127.0.0.1:{port}/voice"})
    name, password = (node.account_sid, node.auth_token) if login == "token" else await api_key(node)
    environ = {
        "BASE_URL": node.http_url,
        "ACCOUNT_SID": node.account_sid,
        "LOGIN": name,
        "PASSWORD": password,
    }
    alice = await phone("alice")
    async with agent("pipecat_echo.py", tmp_path, environ, str(port)) as bot:
        call = await alice.invite(node.uri("1"), say=440)
        kind, stream_sid, call_sid, parameters = (await bot.says("stream ")).split(" ", 3)
        assert (kind, stream_sid[:2], parameters) == ("twilio", "MZ", "{'to_number': '42'}")
        assert await call.hears(440, seconds=1.0, timeout=20)
        await call.press("5")
        assert await bot.says("key ") == "5"
        assert await call.ended() == 200
        await bot.says("over")
        assert (await node.final(call_sid))["status"] == "completed"


@asynccontextmanager
async def agent_connect(node: Node, folder: Path, port: int, authority: Authority) -> AsyncIterator[Agent]:
    """The application of `agent_connect.py`, known by a certificate of `authority`."""
    key, secret = await api_key(node)
    files = authority.issue("localhost")
    environ = {
        "BASE_URL": node.http_url,
        "TAC_ANALYTICS_DISABLED": "true",
        "TWILIO_ACCOUNT_SID": node.account_sid,
        "TWILIO_AUTH_TOKEN": node.auth_token,
        "TWILIO_API_KEY": key,
        "TWILIO_API_SECRET": secret,
        "TWILIO_PHONE_NUMBER": "+15550001",
        "TWILIO_VOICE_PUBLIC_DOMAIN": f"localhost:{port}",
    }
    arguments = str(port), str(files.certificate), str(files.private_key)
    async with agent("agent_connect.py", folder, environ, *arguments) as running:
        yield running


async def words(folder: Path, *texts: str) -> list[str]:
    """Files of these sentences, with a long silence behind each."""
    files = []
    async with open_speaker(SpeechSettings(timeout_s=60, patience_s=60), folder) as speaker:
        for number, text in enumerate(texts):
            said = [each async for each in speaker.speak(Utterance(text), print)]
            samples = numpy.concatenate([each.samples for each in said])[::2]
            whole = numpy.concatenate([silence(0.3), samples, silence(40.0)])
            files.append(str(write_wav(folder / f"words-{number}.wav", whole)))
    return files


@_needs("tac", "twilio-agent-connect[server]")
@speaks
@pytest.mark.timeout(120)
async def test_a_conversation_with_twilios_agent_connect(
    new_node: NodeFactory, phone: PhoneFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over https and wss, signatures checked: a prompt, its answer, an interruption, a hangup with an API key."""
    authority, port = Authority(tmp_path), free_port()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    node, _ = await new_node({"voice_url": f"https://localhost:{port}/twiml"})
    book, stop = await words(tmp_path, "I would like to book a room.", "Stop it please.")
    alice = await phone("alice")
    async with agent_connect(node, tmp_path, port, authority) as bot:
        call = await alice.invite(node.uri("1"))
        await call.answered()
        await eventually("the greeting", lambda: call.heard().seconds_of_sound >= 0.2, timeout=30)
        await alice.order("play", call=call.number, path=book)  # which interrupts the greeting
        assert "book a room" in (await bot.says("prompt ", timeout=60)).lower()
        before = call.heard().seconds_of_sound
        await eventually("the answer", lambda: call.heard().seconds_of_sound >= before + 0.4, timeout=30)
        await alice.order("play", call=call.number, path=stop)
        assert (await bot.says("interrupt ")).startswith("You said")
        assert await call.ended(timeout=60) == 200
        assert "stop" in bot.lines("prompt ")[-1].lower()
        [record] = await node.calls()
        assert record["status"] == "completed"


@_needs("tac", "twilio-agent-connect[server]")
@speaks
@pytest.mark.timeout(120)
async def test_a_call_placed_by_twilios_agent_connect(
    new_node: NodeFactory, phone: PhoneFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bob is called and greeted; the handlers of the library see who answered, the end and the recording."""
    authority, port = Authority(tmp_path), free_port()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    node, _ = await new_node()
    bob = await phone("bob")
    trust = ssl.create_default_context(cafile=str(authority.path))
    async with agent_connect(node, tmp_path, port, authority) as bot, aiohttp.ClientSession() as client:
        url = f"https://localhost:{port}/call"
        async with client.get(url, params={"to": bob.uri}, ssl=trust) as answer:
            assert answer.status == 200, await answer.text()
            sid = (await answer.json())["sid"]
        call = await bob.next_call()
        await call.answer()
        await eventually("the greeting", lambda: call.heard().seconds_of_sound >= 0.2, timeout=30)
        assert await bot.says("answered by ") == f"{sid} unknown"  # bob says nothing
        await call.hang_up()
        assert (await bot.says("status ")).startswith(f"{sid} completed ")
        assert (await bot.says("recording ")).startswith(f"{sid} completed http")
