"""The commands as a user types them."""

import re
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import pytest_asyncio

from tests.scenarios.conftest import NodeFactory, PhoneFactory, Server
from tests.scenarios.harness.application import Answer, Application, Webhook, response
from tests.scenarios.harness.audio import Heard
from tests.scenarios.harness.node import PROGRAM
from tests.scenarios.harness.ports import free_port
from tests.scenarios.harness.process import ManagedProcess
from tests.scenarios.harness.spoken import speaks
from tests.scenarios.harness.waiting import eventually


def _callapi(folder: Path, *arguments: str, **environ: str) -> ManagedProcess:
    command = [str(PROGRAM), *arguments]
    process = ManagedProcess(f"callapi {arguments[0]}", command, folder / "out", environ, folder)
    _STARTED.append(process)
    return process


_STARTED: list[ManagedProcess] = []


@pytest_asyncio.fixture(autouse=True, loop_scope="session")
async def nothing_is_left() -> AsyncIterator[None]:
    """A test that fails half-way leaves no process behind."""
    yield
    while _STARTED:
        process = _STARTED.pop()
        if process.has_started and process.returncode is None:
            await process.stop()


def _names(folder: Path) -> list[str]:
    return [each.name for each in folder.iterdir()]


def _elsewhere() -> dict[str, str]:
    """Ports of its own for a demo, so that a node on this machine is left alone."""
    sip, http = free_port(), free_port()
    return {
        "CALLAPI_SIP__LISTEN": f'["udp://127.0.0.1:{sip}", "tcp://127.0.0.1:{sip}"]',
        "CALLAPI_HTTP__LISTEN": f"127.0.0.1:{http}",
        "CALLAPI_HTTP__PUBLIC_URL": f"http://127.0.0.1:{http}",
        "COLUMNS": "120",  # pytest-xdist gives its workers a narrower screen, where labels are cut
    }


async def test_the_demo_proves_its_call(tmp_path: Path) -> None:
    """`make run DEMO=once`: status 0, every message in order, both tones heard, no escape codes in a pipe."""
    demo = await _callapi(tmp_path, "demo", "--once", **_elsewhere()).start()
    status = await demo.wait(30)
    output = demo.tail(200)
    assert status == 0, output
    expected = [
        "INVITE",
        "100 Trying",
        "POST /voice",
        "200 <Dial><Sip>",
        "180 Ringing",
        "joined",
        "BYE",
        "POST /after",
    ]
    missing = [words for words in ["callee\n", *expected] if words not in output]
    assert not missing, output
    places = [output.index(words, output.index("callee\n")) for words in expected]
    assert places == sorted(places), output
    assert "the callee heard 440 Hz for 1." in output
    assert "the caller heard 660 Hz for 1." in output
    assert "DialCallStatus=completed" in output
    assert "in order: initiated, ringing, in-progress, completed" in output
    assert "the call worked" in output
    assert "\x1b" not in output


@speaks
@pytest.mark.timeout(90)
async def test_the_demo_agent_talks(tmp_path: Path) -> None:
    """`callapi demo --agent --once`: the scripted caller is understood, interrupts, and is seen off."""
    demo = await _callapi(tmp_path, "demo", "--agent", "--once", **_elsewhere()).start()
    status = await demo.wait(80)
    output = demo.tail(200)
    assert status == 0, output
    assert "caller: " in output
    assert "she interrupted, and had heard 'Hello!" in output
    assert "the agent said goodbye, and its document hung up" in output
    assert "the conversation worked" in output
    assert _names(tmp_path) == ["out"]


async def test_the_demo_gets_out_of_the_way(tmp_path: Path) -> None:
    """Its ports are taken: it says so, takes others, and works; afterwards nothing of it is left."""
    with ExitStack() as stack:
        sip = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
        http = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
        sip.bind(("127.0.0.1", 0))
        http.bind(("127.0.0.1", 0))
        http.listen()
        sip_port, http_port = sip.getsockname()[1], http.getsockname()[1]
        environ = {
            "CALLAPI_SIP__LISTEN": f'["udp://127.0.0.1:{sip_port}", "tcp://127.0.0.1:{sip_port}"]',
            "CALLAPI_HTTP__LISTEN": f"127.0.0.1:{http_port}",
        }
        demo = await _callapi(tmp_path, "demo", "--once", **environ).start()
        assert await demo.wait(30) == 0, demo.tail(200)
    assert f"port {sip_port} is in use: SIP listens on " in demo.tail(200)
    assert f"port {http_port} is in use: HTTP listens on " in demo.tail(200)
    assert _names(tmp_path) == ["out"]


async def test_the_demo_stays_and_can_be_called(tmp_path: Path, phone: PhoneFactory) -> None:
    """`make run`: says where the node is; a phone from elsewhere calls it and hears bob; SIGTERM ends it with 0."""
    alice = await phone("alice")
    demo = await _callapi(
        tmp_path, "demo", "--stay", "--data-dir", str(tmp_path / "data"), **_elsewhere()
    ).start()
    await eventually("the node is up", lambda: "Ctrl-C ends it" in demo.tail(200), timeout=30)
    output = demo.tail(200)
    found = re.search(r"callapi phone (sip:1000@\S+)", output)
    assert found, output
    assert re.search(r"account sid +AC[0-9a-f]{32}", output)
    assert re.search(r"auth token +\S{20,}", output)
    assert f"{tmp_path / 'data'}" in output
    call = await alice.invite(found[1], say=440)
    assert await call.hears(660)
    await call.hang_up()
    await call.ended()
    demo.signal(signal.SIGTERM)
    assert await demo.wait(10) == 0, demo.tail(50)


async def test_the_phone_calls(tmp_path: Path, server: Server, phone: PhoneFactory, webhook: Webhook) -> None:
    """`callapi phone URI --tone --digits --record`: bob hears tone and keys, the recording holds bob."""
    bob = await phone("bob")
    webhook["voice"] = response(f"<Dial><Sip>{bob.uri}</Sip></Dial>")
    heard = tmp_path / "heard.wav"
    options = ["--tone", "500", "--digits", "12#", "--hang-up-after", "2.5", "--record", str(heard)]
    caller = await _callapi(
        tmp_path, "phone", server.uri, "--name", "carol", "--header", "X-Desk: 7", *options
    ).start()
    voice = await webhook.next("voice")
    assert voice["SipHeader_X-Desk"] == "7"
    assert voice["From"] == "sip:carol@127.0.0.1"
    ringing = await bob.next_call()
    await ringing.answer(say=660)
    await ringing.pressed("12#")
    assert await ringing.hears(500)
    assert await ringing.ended() == 200
    assert await caller.wait(5) == 0, caller.tail()
    assert Heard.from_wav(heard).seconds_of(660) >= 1.5, Heard.from_wav(heard).score()
    assert "--> INVITE" in caller.tail()


async def test_the_phone_answers(tmp_path: Path, phone: PhoneFactory) -> None:
    """`callapi phone`: waits, rings, answers after S seconds, speaks, leaves after N calls; or refuses."""
    alice = await phone("alice")
    port = free_port()
    options = ["--listen", f"127.0.0.1:{port}", "--calls", "1"]
    waiting = await _callapi(tmp_path, "phone", *options, "--tone", "660", "--answer-after", "0.5").start()
    await eventually("the phone is ready", lambda: "is ready" in waiting.tail())
    call = await alice.invite(f"sip:phone@127.0.0.1:{port}", say=440)
    await call.ringing()
    assert not call.answered_at
    assert await call.hears(660)
    await call.hang_up()
    assert await waiting.wait(5) == 0, waiting.tail()
    refusing = await _callapi(tmp_path, "phone", *options, "--refuse", "486", "--answer-after", "0.1").start()
    await eventually("the phone is ready", lambda: refusing.tail().count("is ready") == 2)
    call = await alice.invite(f"sip:phone@127.0.0.1:{port}")
    assert await call.ended() == 486
    assert await refusing.wait(5) == 0, refusing.tail()


async def test_the_phone_registers(tmp_path: Path, new_node: NodeFactory) -> None:
    """`--register`, `--username`, `--password`: two clients of a node that challenges them; one calls the other."""
    node, webhook = await new_node(sip={"trusted_networks": ["10.99.0.0/16"]})
    for login in ("carol", "dave"):
        status, made = await node.rest("POST", "Clients.json", Login=login, Password="correct horse")
        assert status == 201, made
    webhook["voice"] = response("<Dial><Client>carol</Client></Dial>")
    registrar = ["--register", f"sip:127.0.0.1:{node.sip_port}", "--password"]
    wrong = _callapi(tmp_path, "phone", "--name", "carol", *registrar, "wrong")
    assert await (await wrong.start()).wait(10) == 1
    assert "not registered: 40" in wrong.tail()
    waiting = ["--name", "carol", "--tone", "660", "--calls", "1", "--answer-after", "0.2"]
    carol = await _callapi(tmp_path, "phone", *waiting, *registrar, "correct horse").start()
    await eventually("carol is registered", lambda: "is ready" in carol.tail())
    heard = tmp_path / "heard.wav"
    talking = ["--name", "dave", "--hang-up-after", "2", "--record", str(heard)]
    dave = await _callapi(tmp_path, "phone", node.uri("1"), *talking, *registrar, "correct horse").start()
    assert await dave.wait(10) == 0, dave.tail()
    assert await carol.wait(10) == 0, carol.tail()
    assert (await webhook.next("voice"))["From"] == "client:dave"
    assert Heard.from_wav(heard).seconds_of(660) >= 1.0, Heard.from_wav(heard).score()


async def test_the_phone_that_is_refused(tmp_path: Path, server: Server, webhook: Webhook) -> None:
    """No answer: status 1, and the reason on the screen."""
    webhook["voice"] = response('<Reject reason="busy"/>')
    caller = await _callapi(tmp_path, "phone", server.uri).start()
    assert await caller.wait(10) == 1
    assert "(486)" in caller.tail()


@pytest.mark.timeout(120)
async def test_the_doctor_is_content(tmp_path: Path) -> None:
    """A verdict per line, status 0; a port in use is a bad verdict and status 1."""
    environ = {**_elsewhere(), "CALLAPI_NODE__DATA_DIR": str(tmp_path / "data")}
    doctor = await _callapi(tmp_path, "doctor", **environ).start()
    status = await doctor.wait(60)
    output = doctor.tail(100)
    assert status == 0, output
    subjects = [
        "configuration",
        "SIP",
        "HTTP",
        "RTP",
        "data directory",
        "database",
        "DNS",
        "media plane",
        "prompts",
        "speech",
        "recogniser",
    ]
    for subject in subjects:
        assert re.search(rf"^[✓!] {subject}: ", output, re.MULTILINE), (subject, output)
    assert re.search(r"^✓ loopback call: audio both ways", output, re.MULTILINE), output
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        environ["CALLAPI_HTTP__LISTEN"] = f"127.0.0.1:{taken.getsockname()[1]}"
        doctor = await _callapi(tmp_path, "doctor", **environ).start()
        assert await doctor.wait(60) == 1
    assert re.search(r"^✗ HTTP: .*Address already in use", doctor.tail(100), re.MULTILINE), doctor.tail(100)


async def test_rcml_check_of_a_url(tmp_path: Path, application: Application) -> None:
    """What the server would say of what an application answers."""
    webhook = application.webhook("check")
    webhook["good"] = response("<Hangup/>")
    webhook["bad"] = Answer("<Response>\n <Dail/></Response>")
    for path, status, words in (
        ("good", 0, "would run"),
        ("bad", 1, f"{webhook.url('bad')}:2:2: error 12200"),
    ):
        check = await _callapi(tmp_path, "rcml", "check", webhook.url(path)).start()
        assert await check.wait(15) == status, check.tail()
        assert words in check.tail()
