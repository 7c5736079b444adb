"""Load: calls a second with a document fetched for each, and many calls at once with two-way G.711.

The suite runs a short version; `make load` (LOAD=full) the whole. What was measured is printed at the end.
"""

import asyncio
import os
from pathlib import Path

import pytest

from tests.scenarios.conftest import Measured, NodeFactory
from tests.scenarios.harness import sipp_scenarios
from tests.scenarios.harness.application import response
from tests.scenarios.harness.crowd import Crowd, noted_ports
from tests.scenarios.harness.sipp import Sipp
from tests.scenarios.harness.waiting import eventually

pytestmark = pytest.mark.load
IS_FULL = os.environ.get("LOAD") == "full"


@pytest.mark.timeout(180)
async def test_a_hundred_calls_a_second(new_node: NodeFactory, sipp: Path, measured: Measured) -> None:
    """Each call fetches a document, is dialled, joined, ended; none fails, nothing is repeated, nothing is left."""
    rate, seconds = 100, 60 if IS_FULL else 8
    calls = rate * seconds
    node, webhook = await new_node()
    webhook["after"] = response("<Hangup/>")
    webhook["status"] = ""
    async with Sipp(sipp, sipp_scenarios.answering(ring_ms=100), calls=calls, trace=False) as uas:
        webhook["voice"] = response(
            f'<Dial action="after"><Sip statusCallback="status">{uas.uri}</Sip></Dial>'
        )
        before, waited_before = node.census(), node.waited_s()
        calling = sipp_scenarios.calling(talk_ms=1000)
        options = ["-r", str(rate), "-l", "2000"]
        towards = f"127.0.0.1:{node.sip_port}"
        async with Sipp(sipp, calling, towards=towards, calls=calls, options=options, trace=False) as uac:
            caller = await uac.done(seconds + 40)
            callee = await uas.done(20)
    waited_s = node.waited_s() - waited_before
    await eventually("every callback", lambda: len(webhook.all("status")) >= calls, timeout=20)
    busy = node.census()
    if IS_FULL:
        await asyncio.sleep(20)  # idle connections to the application are kept for 15 s
    after = await node.settles(before)
    cpu = busy.cpu_s - before.cpu_s
    measured(f"{calls} calls at {rate}/s: {cpu * 1000 / calls:.2f} ms CPU per call; {caller}; {callee}")
    measured(f"  waited {waited_s:.2f} s for a core; before {before}, after {after}")
    assert (caller.successful, caller.failed, callee.failed) == (calls, 0, 0)
    if waited_s < seconds / 4:  # else others have the cores, and T1 passes whatever the node does
        assert caller.retransmissions + callee.retransmissions <= calls // 100
    assert len(webhook.all("voice")) == len(webhook.all("after")) == len(webhook.all("status")) == calls
    assert {each["DialCallStatus"] for each in webhook.all("after")} == {"completed"}
    assert after.udp_sockets == before.udp_sockets
    assert after.descriptors <= before.descriptors + (8 if IS_FULL else 100), (
        "pooled connections, and nothing more"
    )
    assert after.threads <= before.threads + 4
    assert after.memory_kb <= before.memory_kb * 1.5 + 20_000


@pytest.mark.timeout(180)
async def test_many_calls_at_once_with_audio(new_node: NodeFactory, sipp: Path, measured: Measured) -> None:
    """Every caller and callee says 50 packets a second; under 0.1 % are lost, and every leg is heard."""
    calls, seconds = (500, 30) if IS_FULL else (200, 5)
    node, webhook = await new_node()
    async with Crowd() as crowd:
        answering = sipp_scenarios.answering(ring=False, port=str(crowd.callee_port), note=True)
        async with Sipp(sipp, answering, calls=calls, trace=False) as uas:
            webhook["voice"] = response(f"<Dial><Sip>{uas.uri}</Sip></Dial>")
            before = node.census()
            talk_ms = (seconds + calls // 100 + 5) * 1000
            calling = sipp_scenarios.calling(talk_ms=talk_ms, port=str(crowd.caller_port), note=True)
            options = ["-r", "100", "-l", str(calls)]
            towards = f"127.0.0.1:{node.sip_port}"
            async with Sipp(sipp, calling, towards=towards, calls=calls, options=options, trace=False) as uac:
                await eventually("every call up", lambda: len(noted_ports(uac.logs)) == calls, timeout=30)
                await eventually("every call up", lambda: len(noted_ports(uas.logs)) == calls, timeout=10)
                quiet = node.census()
                figures = await crowd.talk(noted_ports(uac.logs), noted_ports(uas.logs), seconds)
                loud = node.census()
                caller = await uac.done(talk_ms / 1000 + 30)
                callee = await uas.done(20)
    after = await node.settles(before)
    cpu = loud.cpu_s - quiet.cpu_s
    per_call = (quiet.memory_kb - before.memory_kb) / calls
    measured(f"{calls} calls at once for {seconds}s: {figures}")
    measured(
        f"  {cpu * 1e6 / figures.received:.2f} CPU s per million packets; {per_call:.1f} kB per call; {after}"
    )
    assert (caller.failed, callee.failed) == (0, 0)
    assert figures.loss < 0.001
    assert figures.streams_heard == (calls, calls)
    assert figures.doubles == 0
    assert quiet.udp_sockets >= before.udp_sockets + 2 * calls
    assert after.udp_sockets == before.udp_sockets, "every port is given back"
    assert after.threads <= before.threads + 4
