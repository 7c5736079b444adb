"""A node that starts, drains, gets a second signal, and is killed."""

import asyncio
import signal
from pathlib import Path

from tests.scenarios.conftest import NodeFactory, PhoneFactory
from tests.scenarios.harness.application import Answer, response
from tests.scenarios.harness.audio import Heard
from tests.scenarios.harness.node import PROGRAM
from tests.scenarios.harness.process import ManagedProcess
from tests.scenarios.harness.waiting import eventually


async def test_sigterm_drains(new_node: NodeFactory, phone: PhoneFactory) -> None:
    """No new calls (503 with Retry-After), /health 503, the live call goes on; when it ends the node leaves with 0."""
    alice, bob, carol = await phone("alice"), await phone("bob"), await phone("carol")
    node, webhook = await new_node(node={"drain_timeout_s": 20})
    webhook["voice"] = response(f"<Dial><Sip>{bob.uri}</Sip></Dial>")
    call = await alice.invite(node.uri("1"), say=440)
    ringing = await bob.next_call()
    await ringing.answer(say=660)
    assert await call.hears(660)
    node.process.signal(signal.SIGTERM)
    await asyncio.sleep(0.3)
    assert await node.health() == 503
    refused = await carol.invite(node.uri("1"))
    assert await refused.ended() == 503
    assert int(refused.final()["Retry-After"] or 0) > 0
    assert await call.hears(660, seconds=1.0)
    await call.hang_up()
    assert await ringing.ended() == 200
    assert await node.process.wait(5) == 0


async def test_draining_has_an_end(new_node: NodeFactory, phone: PhoneFactory) -> None:
    """After `drain_timeout_s` those who still talk get BYE, and the node leaves."""
    alice, bob = await phone("alice"), await phone("bob")
    node, webhook = await new_node(node={"drain_timeout_s": 1})
    webhook["voice"] = response(f'<Dial><Sip statusCallback="status">{bob.uri}</Sip></Dial>')
    webhook["status"] = ""
    call = await alice.invite(node.uri("1"))
    ringing = await bob.next_call()
    await ringing.answer()
    await call.answered()
    node.process.signal(signal.SIGTERM)
    assert await call.ended(5) == 200
    assert await ringing.ended(5) == 200
    assert await node.process.wait(5) == 0
    assert (await webhook.next("status"))["CallStatus"] == "completed"


async def test_a_second_sigterm_ends_at_once(new_node: NodeFactory, phone: PhoneFactory) -> None:
    """The operator is in a hurry: BYE now; records and callbacks are kept and delivered by the next start."""
    alice, bob = await phone("alice"), await phone("bob")
    node, webhook = await new_node(node={"drain_timeout_s": 60})
    webhook["voice"] = response(f'<Dial><Sip statusCallback="status">{bob.uri}</Sip></Dial>')
    webhook["status"] = ""
    call = await alice.invite(node.uri("1"))
    ringing = await bob.next_call()
    await ringing.answer()
    await call.answered()
    sid = (await webhook.next("voice"))["CallSid"]
    node.process.signal(signal.SIGTERM)
    await asyncio.sleep(0.3)
    node.process.signal(signal.SIGTERM)
    await node.process.wait(4)
    await node.start()
    assert (await node.final(sid))["status"] == "completed"
    assert (await webhook.next("status"))["CallStatus"] == "completed"
    await webhook.never("status", within=0.5)


async def test_kill_nine_leaves_no_call_open(new_node: NodeFactory, phone: PhoneFactory) -> None:
    """kill -9 in a talk: after the restart both records are final and `completed` is delivered."""
    alice, bob = await phone("alice"), await phone("bob")
    node, webhook = await new_node()
    webhook["voice"] = response(
        f'<Dial><Sip statusCallback="status" statusCallbackEvent="answered completed">{bob.uri}</Sip></Dial>'
    )
    webhook["status"] = ""
    call = await alice.invite(node.uri("1"))
    ringing = await bob.next_call()
    await ringing.answer()
    await call.answered()
    voice, answered = await webhook.next("voice"), await webhook.next("status")
    assert answered["CallStatus"] == "in-progress"
    node.process.signal(signal.SIGKILL)
    await node.process.wait(5)
    await node.start()
    last = await webhook.next("status")
    while last.headers["X-CallAPI-Event-Id"] == answered.headers["X-CallAPI-Event-Id"]:
        last = await webhook.next(
            "status"
        )  # the kill came before its delivery was written down: allowed, recognisable by the id
    assert last["CallSid"] == answered["CallSid"]
    assert last["SequenceNumber"] == "1"
    assert last["CallStatus"] in {"completed", "failed"}
    assert (await node.final(voice["CallSid"]))["status"] in {"completed", "failed"}
    assert (await node.call(last["CallSid"]))["status"] == last["CallStatus"]
    await call.hang_up()
    await ringing.hang_up()


async def test_kill_nine_leaves_a_recording_whole(
    new_node: NodeFactory, phone: PhoneFactory, tmp_path: Path
) -> None:
    """kill -9 in a recording: after the restart it is completed, reported, and has its sound."""
    alice = await phone("alice")
    node, webhook = await new_node()
    webhook["voice"] = response("<Play digits='1'/><Pause length='60'/>")
    webhook["recorded"] = ""
    call = await alice.invite(node.uri("1"), say=440)
    await call.answered()
    sid = (await webhook.next("voice"))["CallSid"]
    callback = {"RecordingStatusCallback": webhook.url("recorded"), "RecordingChannels": "dual"}
    status, made = await node.rest("POST", f"Calls/{sid}/Recordings.json", **callback)
    assert (status, made["status"]) == (201, "in-progress")
    await asyncio.sleep(2.5)
    node.process.signal(signal.SIGKILL)
    await node.process.wait(5)
    await node.start()
    report = await webhook.next("recorded")
    assert (report["RecordingSid"], report["RecordingStatus"]) == (made["sid"], "completed")
    status, kept = await node.rest("GET", f"Recordings/{made['sid']}.json")
    assert (status, kept["status"], kept["channels"]) == (200, "completed", 2)
    assert int(kept["duration"]) >= 1
    path = tmp_path / "recording.wav"
    path.write_bytes(await node.download(f"{report['RecordingUrl']}.wav"))
    heard = Heard.from_wav(path, channel=0)
    assert heard.seconds_of(440) >= 0.8, heard.score()
    await call.hang_up()


async def test_callbacks_survive_a_restart(new_node: NodeFactory, phone: PhoneFactory) -> None:
    """The application is out of order; the node is restarted; what was due is delivered under the same event id."""
    alice, bob = await phone("alice"), await phone("bob")
    node, webhook = await new_node()
    webhook["voice"] = response(f'<Dial action="after"><Sip statusCallback="status">{bob.uri}</Sip></Dial>')
    webhook["after"] = response("<Hangup/>")
    webhook["status"] = Answer(status=503)
    call = await alice.invite(node.uri("1"))
    await (await bob.next_call()).refuse(486)
    first = await webhook.next("status")
    await call.ended()
    node.process.signal(signal.SIGKILL)
    await node.process.wait(5)
    webhook["status"] = ""
    before = len(webhook.all("status"))
    await node.start()
    await eventually("a second delivery", lambda: len(webhook.all("status")) > before, timeout=20)
    again = webhook.all("status")[-1]
    assert again.headers["X-CallAPI-Event-Id"] == first.headers["X-CallAPI-Event-Id"]
    assert dict(again.parameters) == dict(first.parameters)


async def test_what_is_not_understood_is_refused_by_name(tmp_path: Path) -> None:
    """An unknown key, a bad value: status 2 and a line that names the key, the place and what is allowed."""
    config = tmp_path / "bad.toml"
    config.write_text('[sip]\nlisten = ["udp://127.0.0.1:5060"]\nlissen = 1\n', encoding="utf-8")
    process = await ManagedProcess(
        "callapi", [str(PROGRAM), "serve", "--config", str(config)], tmp_path / "log"
    ).start()
    assert await process.wait(15) == 2
    assert f"{config}:3: unknown key sip.lissen; allowed here: advertised_address, " in process.tail()
