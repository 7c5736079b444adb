"""The 49 messages of RFC 4475 on the wire: each gets its verdict from the running node, which lives on.

Responses go to the address of the top Via's `received` and its own port (RFC 3261 §18.2.2), so the sender listens on
those ports of a loopback address of its own.
"""

import asyncio
import contextlib
import itertools
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.scenarios.conftest import Server
from tests.scenarios.harness.wire import SipMessage

FOLDER = Path(__file__).parents[1] / "sip" / "rfc4475"
PORTS = (5060, 5061, 5050, 5070)
QUIET_S = 0.25
_HOSTS = itertools.count(secrets.randbelow(200) + 2)

NO_ANSWER = frozenset({0})
REGISTRAR = frozenset({200, 401, 403, 404, 405})
"""Whatever a node makes of registrations, it has understood this one."""
WELL_FORMED = frozenset({200, 404, 405, 481})

VERDICTS: dict[str, frozenset[int]] = {
    # 3.1.2: refused with 400 (505 for the version), or dropped where no response can be built
    **dict.fromkeys(
        [
            "TC_BADINV01_I", "TC_CLERR_I", "TC_NCL_I", "TC_SCALAR02_V", "TC_QUOTBAL_I", "TC_LTGTRURI_I", "TC_LWSRURI_I",
            "TC_LWSSTART_V", "TC_TRWS_I", "TC_ESCRURI_V", "TC_BADDATE_V", "TC_REGBADCT_I", "TC_BADASPEC_I",
            "TC_BADDN_I", "TC_MISMATCH01_V", "TC_MISMATCH02_V",
        ],
        frozenset({400}),
    ),
    "TC_BADVERS_V": frozenset({505}),
    "TC_SCALARLG_V": NO_ANSWER,
    "TC_BIGCODE_V": NO_ANSWER,
    # 3.1.1 and 3.2, 3.4: understood
    **dict.fromkeys(
        ["TC_WSINV", "TC_ESC01_V", "TC_LONGREQ_V", "TC_INV2543_I", "TC_LWSDISP_V", "TC_SEMIURI_V", "TC_TRANSPORTS_V",
         "TC_BADBRANCH_V"],
        WELL_FORMED,
    ),
    **dict.fromkeys(["TC_ESCNULL_V", "TC_DBLREQ"], REGISTRAR),
    **dict.fromkeys(["TC_INTMETH", "TC_ESC02_V"], frozenset({405, 501})),
    "TC_MPART01": frozenset({405, 415}),
    "TC_UNREASON_V": NO_ANSWER,
    "TC_NOREASON_V": NO_ANSWER,
    # 3.3: the application layer
    "TC_INSUF_I": frozenset({0, 400}),
    "TC_UNKSCM_V": frozenset({416}),
    "TC_NOVELSC_V": frozenset({416}),
    "TC_UNKSM2_V": REGISTRAR - {200},
    "TC_BEXT01_V": frozenset({420}),
    "TC_INVUT_V": frozenset({415}),
    "TC_REGAUT01_V": REGISTRAR,
    "TC_MULTI01_I": frozenset({0, 400}),
    "TC_MCL01_I": frozenset({400}),
    "TC_BCAST_V": NO_ANSWER,
    "TC_ZEROMF_V": frozenset({200, 483}),
    "TC_CPARAM01_V": REGISTRAR,
    "TC_CPARAM02_V": REGISTRAR,
    "TC_REGESCRT_V": REGISTRAR,
    "TC_SDP01_V": frozenset({404, 406}),
}  # fmt: skip


class Sender(asyncio.DatagramProtocol):
    """A loopback address with the ports that the messages name."""

    def __init__(self) -> None:
        self.answers: asyncio.Queue[SipMessage] = asyncio.Queue()
        self.transports: list[asyncio.DatagramTransport] = []
        self._over: set[tuple[str | None, str | None]] = set()

    def datagram_received(self, data: bytes, _addr: tuple[str, int]) -> None:
        """Any response, on any port."""
        message = SipMessage.read(data.decode("utf-8", "replace"))
        # an INVITE's final response is repeated until the ACK that never comes
        if message.status >= 200 and (message["Call-ID"], message["CSeq"]) not in self._over:
            self.answers.put_nowait(message)

    async def answer_to(self, data: bytes, node: tuple[str, int]) -> int:
        """The final status; 0 when nothing comes."""
        while not self.answers.empty():
            self.answers.get_nowait()
        self.transports[0].sendto(data, node)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(QUIET_S):
                answer = await self.answers.get()
                if answer["Call-ID"] and answer.method == "INVITE":
                    self._over.add((answer["Call-ID"], answer["CSeq"]))
                return answer.status
        return 0


@pytest_asyncio.fixture(loop_scope="session")
async def sender() -> AsyncIterator[Sender]:
    """A sender on an address of its own."""
    sender = Sender()
    host = f"127.{secrets.randbelow(200) + 2}.{secrets.randbelow(200)}.{next(_HOSTS) % 250 + 1}"
    for port in PORTS:
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: sender, local_addr=(host, port)
        )
        sender.transports.append(transport)
    yield sender
    for each in sender.transports:
        each.close()


def _options(node: tuple[str, int]) -> bytes:
    lines = [
        f"OPTIONS sip:{node[0]}:{node[1]} SIP/2.0",
        f"Via: SIP/2.0/UDP 127.0.0.1:5060;rport;branch=z9hG4bK{secrets.token_hex(6)}",
        f"From: <sip:probe@127.0.0.1>;tag={secrets.token_hex(4)}",
        f"To: <sip:{node[0]}>",
        f"Call-ID: {secrets.token_hex(8)}",
        "CSeq: 1 OPTIONS",
        "Max-Forwards: 70",
        "Content-Length: 0",
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def test_every_message_has_its_verdict_here() -> None:
    """49 messages, 49 verdicts."""
    assert sorted(VERDICTS) == sorted(path.stem for path in FOLDER.glob("*.dat"))
    assert len(VERDICTS) == 49


@pytest.mark.timeout(60)
async def test_each_gets_its_verdict_and_the_node_lives(server: Server, sender: Sender) -> None:
    """One datagram each; after each an OPTIONS is answered 200."""
    node = server.node.sip_address
    wrong = {}
    for name, allowed in VERDICTS.items():
        status = await sender.answer_to((FOLDER / f"{name}.dat").read_bytes(), node)
        if status not in allowed:
            wrong[name] = (status, sorted(allowed))
        assert await sender.answer_to(_options(node), node) == 200, f"the node did not survive {name}"
    assert wrong == {}


async def test_noise_is_survived(server: Server, sender: Sender) -> None:
    """Bytes that are not SIP, keep-alives, halves of messages: nothing comes back, and the node lives."""
    node = server.node.sip_address
    whole = _options(node)
    for data in (
        b"\r\n\r\n",
        b"\0" * 600,
        secrets.token_bytes(1200),
        whole[: len(whole) // 2],
        b"SIP/2.0 200",
        b"GET / HTTP/1.1\r\n\r\n",
    ):
        await sender.answer_to(data, node)
    assert await sender.answer_to(_options(node), node) == 200
