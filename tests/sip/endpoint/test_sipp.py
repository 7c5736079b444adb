"""SIPp as the other side: its built-in caller and callee, and a callee that asks for nearly everything."""

import asyncio
import shutil
import socket
from pathlib import Path

import pytest

from callapi.sip.authentication.digest import Credentials
from callapi.sip.endpoint import Endpoint, EndpointOptions, OutboundInvite
from callapi.sip.events import Accepted, Ended, OfferReceived, Party
from callapi.sip.messages.headers import NameAddr
from callapi.sip.messages.uri import SipUri
from callapi.sip.session import InboundSession, OutboundSession
from tests.sip.endpoint.calls import ALICE

SIPP = shutil.which("sipp")
pytestmark = pytest.mark.skipif(SIPP is None, reason="SIPp is not installed (package sip-tester)")
SCENARIOS = Path(__file__).parents[1] / "sipp"
TRANSPORTS = pytest.mark.parametrize("transport", ["udp", "tcp"])
CALLS = 20
SDP = b"v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 6000 RTP/AVP 0\r\n"


def free_port(transport: str) -> int:
    kind = socket.SOCK_DGRAM if transport == "udp" else socket.SOCK_STREAM
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def listening(port: int, transport: str) -> None:
    """Wait until some program has the port: SIPp does not say when it listens."""
    sockets = Path("/proc/net") / transport
    for _ in range(400):
        lines = sockets.read_text(encoding="ascii").splitlines()[1:]
        if any(line.split()[1].endswith(f":{port:04X}") for line in lines):
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"no program has the port {port}")


async def sipp(folder: Path, transport: str, *arguments: str) -> asyncio.subprocess.Process:
    assert SIPP is not None
    mode = "u1" if transport == "udp" else "t1"
    return await asyncio.create_subprocess_exec(
        SIPP, *arguments, "-t", mode, "-i", "127.0.0.1", "-nostdin", "-trace_err",
        cwd=folder, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip


async def succeeded(process: asyncio.subprocess.Process, folder: Path) -> None:
    async with asyncio.timeout(20):
        code = await process.wait()
    assert code == 0, errors_in(folder)


def errors_in(folder: Path) -> str:
    return "\n".join(path.read_text() for path in folder.glob("*errors.log"))


@TRANSPORTS
async def test_sipp_calls_us(tmp_path: Path, transport: str) -> None:
    async def answer(session: InboundSession) -> None:
        session.ring()
        session.accept(SDP)
        ends.extend([event async for event in session.events if isinstance(event, Ended)])

    ends: list[Ended] = []
    async with (
        Endpoint(EndpointOptions(listen=(f"{transport}://127.0.0.1:0",))) as endpoint,
        asyncio.TaskGroup() as tasks,
    ):

        async def serve() -> None:
            async for session in endpoint.incoming():
                tasks.create_task(answer(session))

        serving = tasks.create_task(serve())
        target = endpoint.listening[0].partition("://")[2]
        process = await sipp(
            tmp_path, transport, "-sn", "uac", target, "-m", str(CALLS), "-r", "50", "-d", "100"
        )
        await succeeded(process, tmp_path)
        serving.cancel()
        assert [end.by for end in ends] == [Party.REMOTE] * CALLS
        assert endpoint.statistics.faults == 0


@TRANSPORTS
async def test_we_call_sipp(tmp_path: Path, transport: str) -> None:
    port = free_port(transport)
    process = await sipp(tmp_path, transport, "-sn", "uas", "-p", str(port), "-m", str(CALLS))
    await listening(port, transport)
    uri = SipUri.parse(f"sip:bob@127.0.0.1:{port};transport={transport}")
    async with Endpoint(EndpointOptions(listen=(f"{transport}://127.0.0.1:0",))) as endpoint:

        async def call() -> Ended:
            session = endpoint.invite(OutboundInvite(uri, ALICE, NameAddr(None, uri), body=SDP))
            async for event in session.events:
                if isinstance(event, Accepted):
                    session.hang_up()
                if isinstance(event, Ended):
                    return event
            raise AssertionError("no end")

        ends = await asyncio.gather(*[call() for _ in range(CALLS)])
        assert {(end.by, end.status) for end in ends} == {(Party.LOCAL, 200)}
        await succeeded(process, tmp_path)


async def _follow(session: OutboundSession) -> list[str]:
    names: list[str] = []
    async for event in session.events:
        names.append(type(event).__name__)
        if isinstance(event, OfferReceived):
            session.answer_offer(SDP)
    return names


@TRANSPORTS
async def test_a_callee_that_asks_for_nearly_everything(tmp_path: Path, transport: str) -> None:
    """401, a reliable 183, UPDATE and re-INVITE by the callee, BYE by the callee."""
    port = free_port(transport)
    scenario = str(SCENARIOS / "uas_digest_prack.xml")
    process = await sipp(tmp_path, transport, "-sf", scenario, "-p", str(port), "-m", "1", "-trace_msg")
    await listening(port, transport)
    uri = SipUri.parse(f"sip:bob@127.0.0.1:{port};transport={transport}")
    async with Endpoint(EndpointOptions(listen=(f"{transport}://127.0.0.1:0",))) as endpoint:
        credentials = Credentials("alice", "secret")
        invite = OutboundInvite(uri, ALICE, NameAddr(None, uri), body=SDP, credentials=credentials)
        async with asyncio.timeout(15):
            names = await _follow(endpoint.invite(invite))
        assert names == ["Provisional", "Accepted", "OfferReceived", "Ended"]
        await succeeded(process, tmp_path)
