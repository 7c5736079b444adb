"""What an operator sees of one call: log lines, traces, HEP, metrics, and the commands that ask the node."""

import asyncio
import json
import shutil
import struct
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from tests.scenarios.conftest import NodeFactory, PhoneFactory
from tests.scenarios.harness.application import response
from tests.scenarios.harness.node import PROGRAM, Node
from tests.scenarios.harness.ports import free_port


class HepServer(asyncio.DatagramProtocol):
    """Keeps the messages that come by HEP."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []

    def datagram_received(self, data: bytes, addr: Any) -> None:
        """One datagram."""
        assert data[:4] == b"HEP3"
        at = 6
        while at < len(data):
            _, kind, length = struct.unpack("!HHH", data[at : at + 6])
            if kind == 15:
                self.messages.append(data[at + 6 : at + length])
            at += length


class Collector:
    """An OTLP receiver."""

    def __init__(self) -> None:
        self.spans: list[Span] = []

    async def receive(self, request: web.Request) -> web.Response:
        """One export."""
        export = ExportTraceServiceRequest.FromString(await request.read())
        for resource in export.resource_spans:
            for scope in resource.scope_spans:
                self.spans += scope.spans
        return web.Response(body=b"", content_type="application/x-protobuf")

    @asynccontextmanager
    async def serve(self, port: int) -> AsyncIterator[None]:
        """Listen."""
        application = web.Application()
        application.router.add_post("/v1/traces", self.receive)
        runner = web.AppRunner(application)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", port).start()
        yield
        await runner.cleanup()


async def command(node: Node, *arguments: str) -> tuple[int, str]:
    """Run `callapi …` against the node; status and output."""
    environ = {
        "CALLAPI_ACCOUNT_SID": node.account_sid,
        "CALLAPI_AUTH_TOKEN": node.auth_token,
        "PATH": str(Path(sys.executable).parent),
        "COLUMNS": "160",
    }
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        *arguments,
        "--config",
        str(node.config),
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await asyncio.wait_for(process.communicate(), 30)
    assert process.returncode is not None
    return process.returncode, output.decode()


@pytest.mark.timeout(90)
async def test_one_screened_call(new_node: NodeFactory, phone: PhoneFactory, tmp_path: Path) -> None:
    """A forked, screened call, seen by everything that watches."""
    hep_port, otlp_port = free_port(), free_port()
    loop = asyncio.get_running_loop()
    transport, hep = await loop.create_datagram_endpoint(HepServer, ("127.0.0.1", hep_port))
    collector = Collector()
    async with collector.serve(otlp_port):
        node, webhook = await new_node(
            sip={"hep": f"udp://127.0.0.1:{hep_port}"},
            telemetry={"otlp_endpoint": f"http://127.0.0.1:{otlp_port}"},
            log={"format": "json"},
        )
        alice, bob, carol = await phone("alice"), await phone("bob"), await phone("carol")
        nouns = f'<Sip url="screen">{bob.uri}</Sip><Sip>{carol.uri}</Sip>'
        webhook["voice"] = response(f"<Dial>{nouns}</Dial>")
        webhook["screen"] = response("<Pause length='0'/>")
        call = await alice.invite(node.uri("1000"), say=440)
        ringing, other = await bob.next_call(), await carol.next_call()
        await other.ring()
        await ringing.answer(say=660)
        assert await call.hears(660)
        followed = tmp_path / "followed.pcap"
        following = command(node, "trace", await _sid(node), "--follow", "--pcap", str(followed))
        trace = asyncio.create_task(following)
        await asyncio.sleep(1)
        await call.hang_up()
        await ringing.ended()
        await _commands(node, await trace, bob.uri, tmp_path)
        await asyncio.to_thread(_read_by_tshark, followed)
        await _metrics(node)
        requests = [webhook.requests[0], *(each for each in webhook.requests if each.path.endswith("screen"))]
        assert await node.process.stop() == 0
        _spans(collector.spans, [each.headers for each in requests])
    transport.close()
    _hep(hep.messages)
    _log_lines(node)


async def _sid(node: Node) -> str:
    status, page = await node.rest("GET", "Calls.json")
    assert status == 200
    return str(next(each["sid"] for each in page["calls"] if each["direction"] == "inbound"))


async def _commands(node: Node, trace: tuple[int, str], bob: str, folder: Path) -> None:
    status, ladder = trace
    assert status == 0, ladder
    for word in ("INVITE", "200 OK", "POST", "BYE", "<Dial>", "CANCEL", "completed"):
        assert word in ladder, ladder
    sid = await _sid(node)
    assert sid in ladder
    status, listed = await command(node, "calls", "--status", "completed")
    assert (status, sid in listed, bob.removeprefix("sip:").partition(":")[0] in listed) == (0, True, True)
    status, nothing = await command(node, "calls", "--live")
    assert (status, "no calls" in nothing) == (0, True)
    pcap = folder / "call.pcap"
    status, said = await command(node, "trace", sid, "--pcap", str(pcap))
    assert status == 0, said
    await asyncio.to_thread(_read_by_tshark, pcap)
    status, unknown = await command(node, "trace", "CA" + "0" * 32)
    assert status == 1, unknown
    status, explained = await command(node, "explain", "--to", "1000")
    assert (status, "sip.trusted_networks" in explained, "/voice" in explained) == (0, True, True), explained
    status, explained = await command(node, "explain", "--to", "1000", "--fetch")
    assert (status, "would run" in explained) == (0, True), explained
    status, explained = await command(node, "explain", "--to", "1000", "--source", "192.0.2.1")
    assert (status, "403" in explained) == (1, True), explained


def _read_by_tshark(pcap: Path) -> None:
    if (tshark := shutil.which("tshark")) is None:
        return
    names = ["-T", "fields", "-e", "sip.Method", "-e", "sip.Status-Code"]
    found = subprocess.run(
        [tshark, "-r", str(pcap), *names], check=True, capture_output=True, text=True, timeout=30
    )
    assert {"INVITE", "ACK", "BYE"} <= set(found.stdout.split())


async def _metrics(node: Node) -> None:
    async with aiohttp.ClientSession() as http, http.get(f"{node.http_url}/metrics") as answer:
        text = await answer.text()
    families = text_string_to_metric_families(text)  # type: ignore[no-untyped-call]
    samples = {
        (each.name, *sorted(each.labels.items())): each.value
        for family in families
        for each in family.samples
    }
    counted = ("callapi_calls_total", ("direction", "inbound"), ("status", "completed"))
    assert samples[counted] == 1
    assert samples["callapi_rtp_packets_total", ("direction", "received")] > 10
    assert samples["callapi_call_setup_seconds_count", ("direction", "inbound")] == 1


def _spans(spans: list[Span], headers: list[Any]) -> None:
    """One trace: the call, below it its verbs, requests and the calls that it dialled, which link to it."""
    by_name: dict[str, list[Span]] = {}
    for span in spans:
        by_name.setdefault(span.name, []).append(span)
    (call,) = by_name["call inbound"]
    children = by_name["call outbound-dial"]
    assert len(children) == 2
    assert {each.trace_id for each in spans} == {call.trace_id}
    assert all(each.parent_span_id == call.span_id for each in children)
    assert all(each.links[0].span_id == call.span_id for each in children)
    assert "<Dial>" in by_name
    assert "<Pause>" in by_name
    assert by_name["POST"]
    for each in headers:
        version, trace_id, span_id, flags = each["traceparent"].split("-")
        assert (version, trace_id, flags) == ("00", call.trace_id.hex(), "01")
        assert span_id in {span.span_id.hex() for span in spans}


def _hep(messages: list[bytes]) -> None:
    """Each message once."""
    first = [each.partition(b"\r\n")[0] for each in messages]
    assert sum(each.startswith(b"INVITE") for each in first) == 3
    assert sum(each.startswith(b"CANCEL") for each in first) == 1
    assert len(messages) == len(set(messages))


def _log_lines(node: Node) -> None:
    """Each line is one JSON object; a call has a line at its start and one at its end."""
    lines = [json.loads(each) for each in (node.folder / "node.log").read_text("utf-8").splitlines()]
    ended = [each for each in lines if "ended" in each["message"] and each.get("direction") == "inbound"]
    (line,) = ended
    assert (line["level"], line["status"], line["code"]) == ("info", "completed", 200)
    assert line["call_sid"].startswith("CA")
    started = [each for each in lines if each.get("call_sid") == line["call_sid"]]
    assert len(started) == 2
    assert node.auth_token not in json.dumps(lines)
