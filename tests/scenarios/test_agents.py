"""Agents written with pipecat and with Twilio's own library run unchanged against the node.

They live in an environment of their own (harness/agents.py).
"""

import asyncio
import os
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import numpy
import pytest

from tests.scenarios.conftest import Measured, NodeFactory, PhoneFactory
from tests.scenarios.harness.agents import PROGRAMS, PYTHON, Agent, agent, needs, needs_node
from tests.scenarios.harness.audio import Samples, silence, tone, write_wav
from tests.scenarios.harness.caller import calling
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.ports import free_port
from tests.scenarios.harness.rtp_peer import G711, PCMU, RtpPeer, encode
from tests.scenarios.harness.spoken import is_text_of, speaks, spoken, word_files
from tests.scenarios.harness.waiting import eventually
from tests.sip.transport.certificates import Authority

PIECE = 400
"""Samples that are compared as one."""
START_S = 0.1
"""Of speech before a bot of pipecat is interrupted: `start_secs` in pipecat_parrot.py."""


def share_repeated(said: Samples, rtp: RtpPeer) -> float:
    """How much of the sound in `said` came back as the same samples, in order: 0 to 1.

    Of both, what is quiet is left out: a bot that is late leaves gaps between samples. A packet that a busy machine
    loses costs the piece that it was in.
    """
    coded = sound(G711[numpy.frombuffer(encode(said, PCMU), numpy.uint8)])
    heard = sound(rtp.heard().samples).tobytes()
    pieces = [coded[at : at + PIECE].tobytes() for at in range(0, len(coded) - PIECE + 1, PIECE)]
    place = found = 0
    for piece in pieces:
        if (at := heard.find(piece, place)) >= 0:
            place = at + len(piece)
            found += 1
    print(f"the same: {found} of {len(pieces)} pieces; {len(heard) // 2} of {len(coded)} samples heard")
    return found / len(pieces)


async def onset_s(words: Samples, start_s: float) -> float:
    """How much of `words` pipecat's analyzer hears until it says that somebody speaks, in seconds."""
    command = (str(PYTHON), str(PROGRAMS / "silero_onset.py"), str(start_s))
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    answer, _ = await process.communicate(words.astype("<i2").tobytes())
    return int(answer) / 1000


def sound(samples: Samples) -> Samples:
    """The samples that are not quiet."""
    return samples[numpy.abs(samples) > 100]


async def api_key(node: Node) -> tuple[str, str]:
    """A new API key: sid and secret."""
    status, key = await node.rest("POST", "Keys.json", FriendlyName="agent")
    assert status == 201, key
    return key["sid"], key["secret"]


@needs("pipecat")
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


@needs("pipecat")
@speaks
@pytest.mark.timeout(90)
@pytest.mark.timing
async def test_a_parrot_of_pipecat_with_silero(new_node: NodeFactory, tmp_path: Path) -> None:
    """The caller hears each turn again, sample for sample: G.711 loses nothing in either direction.

    streamdouble calls the same bot before: the messages are the same in kind, keys and types.
    """
    port = free_port()
    tones = write_wav(tmp_path / "tone.wav", tone(440, 1.0))
    simulated = f"-m streamdouble.cli call ws://127.0.0.1:{port}/ws --audio {tones} --max-drain 2"
    node, _ = await new_node({"voice_url": f"http://127.0.0.1:{port}/voice"})
    [words] = await spoken(tmp_path, "I would like to book a room for two nights.")
    async with agent("pipecat_parrot.py", tmp_path, {}, str(port), "0") as bot:
        simulator = await asyncio.create_subprocess_exec(
            sys.executable, *simulated.split(), stdout=asyncio.subprocess.DEVNULL
        )
        assert await simulator.wait() == 2  # "the agent never spoke": there was no turn to say back
        async with calling(node.uri("1"), node.sip_address) as call:
            await bot.says("shape 2 start")
            for _ in range(3):  # a turn of which a busy machine lost packets is said again
                said = call.say(words)
                await bot.says("turn ")
                await call.falls_silent(said + len(words) / 8000 + 0.5)
                if (share := share_repeated(words, call.rtp)) > 0.9:
                    break
            assert share > 0.9
        await bot.says("shape 2 stop")
        assert set(bot.lines("shape 2")) == set(bot.lines("shape 1"))


@needs("pipecat")
@speaks
@pytest.mark.timeout(90)
@pytest.mark.timing
async def test_a_caller_interrupts_a_bot_of_pipecat(
    new_node: NodeFactory, tmp_path: Path, measured: Measured
) -> None:
    """From the first sound of the caller to the last of the bot: what Silero waits for, and 100 ms for the rest.

    `start_secs` of 0.1 are three windows of 32 ms that Silero takes for speech, the first of which it does not after
    each beginning; how long that is for these words is asked of pipecat's analyzer itself.
    """
    port = free_port()
    node, _ = await new_node({"voice_url": f"http://127.0.0.1:{port}/voice"})
    [words] = await spoken(tmp_path, "No, wait a moment please.")
    sure = await onset_s(words, START_S)
    async with (
        agent("pipecat_parrot.py", tmp_path, {}, str(port), "30") as bot,
        calling(node.uri("1"), node.sip_address) as call,
    ):
        assert await call.rtp.hears(660, timeout=20)
        said = call.say(words)
        await bot.says("interrupted")
        took = await call.falls_silent(said) - said
        measured(
            f"pipecat: the caller speaks, the bot is silent {took * 1000:.0f} ms later; "
            f"Silero is sure after {sure * 1000:.0f} ms of the words"
        )
        assert took - sure < 0.1


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


@needs("tac")
@speaks
@pytest.mark.timeout(120)
async def test_a_conversation_with_twilios_agent_connect(
    new_node: NodeFactory, phone: PhoneFactory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over https and wss, signatures checked: a prompt, its answer, an interruption, a hangup with an API key."""
    authority, port = Authority(tmp_path), free_port()
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    node, _ = await new_node({"voice_url": f"https://localhost:{port}/twiml"})
    texts = ("I would like to book a room.", "Stop it please.")
    book, stop = await word_files(tmp_path, *texts)
    alice = await phone("alice")
    async with agent_connect(node, tmp_path, port, authority) as bot:
        call = await alice.invite(node.uri("1"))
        await call.answered()
        await eventually("the greeting", lambda: call.heard().seconds_of_sound >= 0.2, timeout=30)
        await alice.order("play", call=call.number, path=str(book))  # which interrupts the greeting
        assert is_text_of(await bot.says("prompt ", timeout=60), texts[0])
        before = call.heard().seconds_of_sound
        await eventually("the answer", lambda: call.heard().seconds_of_sound >= before + 0.4, timeout=30)
        await alice.order("play", call=call.number, path=str(stop))
        assert (await bot.says("interrupt ")).startswith("You said")
        assert await call.ended(timeout=60) == 200
        assert is_text_of(bot.lines("prompt ")[-1], texts[1], 1 / 3)
        [record] = await node.calls()
        assert record["status"] == "completed"


@needs("tac")
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


@needs_node("@openai/agents-extensions")
@pytest.mark.timeout(120)
async def test_openais_transport_does_not_complain(
    new_node: NodeFactory, phone: PhoneFactory, tmp_path: Path, measured: Measured
) -> None:
    """Turns, interruptions and answers heard to their end, for 12 s (AGENTS=full: 60 s): no warning of the library.

    It pads what it takes for a gap in the audio with silence; the model gets the octets of the frames and no other.
    """
    seconds = 60 if os.environ.get("AGENTS") == "full" else 12
    port = free_port()
    node, _ = await new_node({"voice_url": f"http://127.0.0.1:{port}/voice"})
    burst = tone(440, 0.8)  # answered, interrupted after 1.8 s of the answer, answered again and heard out
    pattern = [silence(0.4), burst, silence(2.2), burst, silence(4.6)]
    script = write_wav(tmp_path / "turns.wav", numpy.concatenate(pattern))
    alice = await phone("alice")
    async with agent("openai_realtime.mjs", tmp_path, {}, str(port), ready="listens") as bot:
        call = await alice.invite(node.uri("1"))
        await call.answered()
        await alice.order("play", call=call.number, path=str(script))
        await bot.says("truncated", timeout=15)
        assert await call.hears(660, seconds=2.0, timeout=15)
        await bot.says("played", timeout=15)
        left = seconds - call.heard().seconds
        await asyncio.sleep(max(0.0, left))
        await call.hang_up()
        frames, octets, code = map(int, (await bot.says("audio")).split(" "))
        interruptions, turns, heard_out = (len(bot.lines(each)) for each in ("interrupted", "turn", "played"))
        measured(
            f"OpenAI's transport, {seconds} s: {turns} turns, {interruptions} interruptions, {heard_out} heard out"
        )
        assert bot.lines("complaint") == []
        assert (octets, code) == (frames * 160, 1000)
        assert frames >= (seconds - 2) * 50
        assert interruptions >= seconds // 12
        assert heard_out >= seconds // 12
        assert all(1000 <= int(each) <= 3000 for each in bot.lines("truncated"))
