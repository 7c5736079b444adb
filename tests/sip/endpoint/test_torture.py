"""The 49 messages of RFC 4475 on the wire: each gets its answer, or none, and the endpoint lives on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from callapi.sip.endpoint import Endpoint, EndpointOptions
from tests.sip.test_rfc4475 import ENDPOINT, REFUSALS, VERDICTS, read

# Without a registrar every REGISTER is 405. What 3.1.1 and 3.4.1 hold besides, as an endpoint takes it:
ANSWERS: dict[str, int | None] = {
    **REFUSALS,
    **{name: 405 if status in (200, 401, 404) else status for name, status in ENDPOINT.items()},
    "TC_WSINV.dat": 481,  # an INVITE within a dialog that is none of ours
    "TC_INTMETH.dat": 405,  # a method of the strangest characters
    "TC_ESC01_V.dat": 486,  # escapes in the Request-URI: an INVITE for our application
    "TC_ESCNULL_V.dat": 405,  # REGISTER
    "TC_ESC02_V.dat": 405,  # the method RE%47IST%45R, which is not REGISTER
    "TC_LWSDISP_V.dat": 200,  # OPTIONS
    "TC_LONGREQ_V.dat": 486,
    "TC_DBLREQ.dat": 405,  # REGISTER, with an INVITE behind its body that must not be read
    "TC_SEMIURI_V.dat": 200,  # OPTIONS
    "TC_TRANSPORTS_V.dat": 200,  # OPTIONS
    "TC_MPART01.dat": 405,  # MESSAGE
    "TC_UNREASON_V.dat": None,  # responses to nothing
    "TC_NOREASON_V.dat": None,
    "TC_BADBRANCH_V.dat": 200,  # OPTIONS
    "TC_INV2543_I.dat": 486,  # RFC 2543: no branch, no tag, no Contact
}


class TransportPort(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answers: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.answers.put_nowait(data)


@asynccontextmanager
async def busy_endpoint() -> AsyncIterator[tuple[Endpoint, asyncio.DatagramTransport, TransportPort]]:
    """An endpoint whose application refuses every call, and a socket to talk to it."""
    async with Endpoint(EndpointOptions()) as endpoint, asyncio.TaskGroup() as tasks:

        async def refuse_all() -> None:
            async for session in endpoint.incoming():
                session.refuse(486)

        refusing = tasks.create_task(refuse_all())
        host, _, port = endpoint.listening[0].removeprefix("udp://").partition(":")
        transport, wire = await asyncio.get_running_loop().create_datagram_endpoint(
            TransportPort, remote_addr=(host, int(port))
        )
        try:
            yield endpoint, transport, wire
        finally:
            transport.close()
            refusing.cancel()


async def final_answer(wire: TransportPort) -> int:
    """Its status; the rest may echo what does not parse."""
    async with asyncio.timeout(5):
        while True:
            status = int((await wire.answers.get()).split(b" ")[1])
            if status >= 200:
                return status


PING = b"\r\n".join(
    [
        b"OPTIONS sip:x@127.0.0.1 SIP/2.0",
        b"Via: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK-ping-%d;rport",
        b"From: <sip:a@b>;tag=1",
        b"To: <sip:x@127.0.0.1>",
        b"Call-ID: ping-%d",
        b"CSeq: 1 OPTIONS",
        b"",
        b"",
    ]
)


@pytest.mark.parametrize("name", VERDICTS)
async def test_each_message_gets_its_answer(name: str) -> None:
    async with busy_endpoint() as (endpoint, transport, wire):
        transport.sendto(read(name))
        if ANSWERS[name] is not None:
            assert await final_answer(wire) == ANSWERS[name]
        transport.sendto(PING % (1, 1))
        assert await final_answer(wire) == 200  # nothing else came, and it lives
        assert endpoint.statistics.faults == 0


async def test_all_of_them_in_a_row() -> None:
    async with busy_endpoint() as (endpoint, transport, wire):
        for name in VERDICTS:
            transport.sendto(read(name))
        expected = sum(status is not None for status in ANSWERS.values())
        for _ in range(expected):
            await final_answer(wire)
        assert endpoint.statistics.faults == 0
        assert endpoint.statistics.received == len(VERDICTS)


@pytest.mark.parametrize(
    "data", [b"\x00" * 9, b"SIP/2.0", b"INVITE\r\n\r\n", b"\xff" * 1400, b"\r\n\r\n\r\n\r\nx", b"A" * 60_000]
)
async def test_garbage_is_dropped(data: bytes) -> None:
    async with busy_endpoint() as (endpoint, transport, wire):
        transport.sendto(data)
        transport.sendto(PING % (2, 2))
        assert await final_answer(wire) == 200
        assert endpoint.statistics.parse_errors == 1
        assert endpoint.statistics.faults == 0
