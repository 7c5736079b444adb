"""SIPp as a phone or as a crowd: `async with Sipp.answering(...)`, `await Sipp.calling(...)`."""

import asyncio
import contextlib
import csv
import itertools
import shutil
import signal
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.scenarios.harness.ports import free_port, free_rtp_range, is_taken
from tests.scenarios.harness.process import ManagedProcess
from tests.scenarios.harness.wire import SipMessage

PROGRAM = shutil.which("sipp")
_COUNTER = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Tally:
    """What SIPp counted."""

    successful: int
    failed: int
    retransmissions: int
    unexpected: int


class Sipp:
    """One SIPp process with one scenario; a phone when `calls` is 1."""

    def __init__(
        self,
        folder: Path,
        scenario: str,
        *,
        towards: str = "",
        number: str = "1000",
        calls: int = 1,
        transport: str = "udp",
        media_port: int = 0,
        options: Sequence[str] = (),
        trace: bool = True,
        host: str = "127.0.0.1",
    ) -> None:
        assert PROGRAM is not None
        self.host = host
        self.name = f"sipp-{next(_COUNTER)}"
        self.folder = folder / self.name
        self.folder.mkdir()
        self.port = free_port()
        self.media_port = media_port or free_rtp_range(8)[0]
        self.calls = calls
        self._transport = transport
        self._towards = towards
        self._messages = self.folder / "messages.log"
        self._statistics = self.folder / "statistics.csv"
        self.logs = self.folder / "actions.log"
        path = self.folder / "scenario.xml"
        path.write_text(scenario, encoding="iso-8859-1")
        arguments = [PROGRAM, "-sf", str(path), "-i", host, "-p", str(self.port), "-bind_local"]
        arguments += ["-mi", host, "-mp", str(self.media_port), "-cp", str(free_port())]
        arguments += ["-t", {"udp": "u1", "tcp": "t1"}[transport], "-m", str(calls), "-nostdin"]
        arguments += ["-trace_err", "-error_file", str(self.folder / "errors.log")]
        arguments += ["-trace_stat", "-fd", "1", "-stf", str(self._statistics)]
        arguments += ["-trace_logs", "-log_file", str(self.logs)]
        if trace:
            arguments += ["-trace_msg", "-message_file", str(self._messages)]
        if towards:
            arguments += ["-s", number, towards]
        self.process = ManagedProcess(
            self.name, [*arguments, *options], self.folder / "output.log", {"TERM": "dumb", "COLUMNS": "120"}
        )

    async def __aenter__(self) -> Self:
        await self.process.start()
        if not self._towards:
            await self._listens()
        return self

    async def _listens(self) -> None:
        kind = socket.SOCK_DGRAM if self._transport == "udp" else socket.SOCK_STREAM
        for _ in range(200):
            await asyncio.sleep(0.02)
            if self.process.returncode is not None:
                raise self.process.failure("did not start")
            if is_taken(kind, self.port, self.host):
                return
        raise self.process.failure("does not listen")

    async def __aexit__(self, *_: object) -> None:
        self.process.signal(signal.SIGUSR1)
        await self.process.stop(timeout=1.0)

    @property
    def uri(self) -> str:
        """Where it is called."""
        transport = "" if self._transport == "udp" else f";transport={self._transport}"
        return f"sip:sipp@{self.host}:{self.port}{transport}"

    async def done(self, timeout: float = 15.0) -> Tally:
        """Until it has had all its calls; AssertionError, with what it saw, when one went other than written."""
        with contextlib.suppress(TimeoutError):
            status = await self.process.wait(timeout)
            assert status == 0, f"{self.name} failed ({status}): {self.errors()}\n{self.ladder()}"
            return self.tally()
        raise AssertionError(f"{self.name} was not done after {timeout:g}s: {self.errors()}\n{self.ladder()}")

    def tally(self) -> Tally:
        """Its counters at the last report."""
        lines = self._statistics.read_text(encoding="utf-8").splitlines()
        row = list(csv.DictReader(lines, delimiter=";"))[-1]
        return Tally(
            int(row["SuccessfulCall(C)"]),
            int(row["FailedCall(C)"]),
            int(row["Retransmissions(C)"]),
            int(row["FailedUnexpectedMessage(C)"]),
        )

    def messages(self) -> list[SipMessage]:
        """Every message sent or received, in order."""
        return [message for _, message in self._traced()]

    def received(self, method: str, status: int = 0) -> list[SipMessage]:
        """The requests `method` that came in (status 0), or the responses `status` to ours."""
        return [
            each
            for direction, each in self._traced()
            if direction == "received" and each.method == method and each.status == status
        ]

    def _traced(self) -> list[tuple[str, SipMessage]]:
        if not self._messages.exists():
            return []
        found = []
        text = self._messages.read_text(encoding="utf-8", errors="replace").replace("\r\n", "\n")
        for part in text.split("----------------------------------------------- ")[1:]:
            head, _, message = part.partition("\n\n")
            direction = "received" if "received" in head else "sent"
            if message.strip():
                found.append((direction, SipMessage.read(message)))
        return found

    def ladder(self) -> str:
        """Its messages, one a line."""
        arrows = {"received": "<--", "sent": "-->"}
        return "\n".join(f"{self.name} {arrows[way]} {message.start}" for way, message in self._traced())

    def errors(self) -> str:
        """What it complained of."""
        path = self.folder / "errors.log"
        return (
            path.read_text(encoding="utf-8", errors="replace")[:3000]
            if path.exists()
            else self.process.tail(20)
        )
