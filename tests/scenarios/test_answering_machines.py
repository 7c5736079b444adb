"""Answering machine detection: a phone plays what a person or a machine would, the application reads who it was."""

import asyncio
import shutil
from pathlib import Path

import numpy
import pytest

from tests.scenarios.conftest import PhoneFactory, Server
from tests.scenarios.harness.application import Webhook, response
from tests.scenarios.harness.audio import Heard, Samples, silence, tone, write_wav
from tests.scenarios.harness.phone import Phone, PhoneCall

ESPEAK = shutil.which("espeak-ng")
pytestmark = pytest.mark.skipif(ESPEAK is None, reason="espeak-ng is not installed (Debian: espeak-ng)")
GREETING = (
    "You have reached the office of Smith and Jones. We cannot take your call now. Please leave a message."
)


async def spoken(text: str, folder: Path) -> Samples:
    """`text` at 8000 Hz."""
    path = folder / "spoken.wav"
    process = await asyncio.create_subprocess_exec(str(ESPEAK), "-v", "en", "-w", str(path), text)
    assert await process.wait() == 0
    heard = Heard.from_wav(path)
    instants = numpy.arange(int(heard.seconds * 8000)) * heard.rate / 8000
    return numpy.interp(instants, numpy.arange(len(heard.samples)), heard.samples).astype(numpy.int16)


async def person(folder: Path) -> Path:
    """A short hello, and then nothing."""
    hello = await spoken("Hello?", folder)
    return write_wav(folder / "person.wav", numpy.concatenate([silence(0.5), hello, silence(40.0)]))


async def machine(folder: Path) -> Path:
    """A long greeting, a beep, and then nothing."""
    parts = [silence(0.5), await spoken(GREETING, folder), silence(0.3), tone(1000, 0.5), silence(40.0)]
    return write_wav(folder / "machine.wav", numpy.concatenate(parts))


async def answers(phone: Phone, with_: Path) -> PhoneCall:
    call = await phone.next_call()
    await phone.order("answer", call=call.number, code=200, headers=(), play=str(with_))
    return await call.answered()


async def place(server: Server, phone: Phone, **form: str) -> str:
    to = {"To": phone.uri, "From": "+15550199", "MachineDetection": "Enable", **form}
    status, created = await server.node.rest("POST", "Calls", **to)
    assert status == 201, created
    return str(created["sid"])


@pytest.mark.timeout(60)
async def test_the_document_waits_until_a_person_was_recognised(
    server: Server, phone: PhoneFactory, webhook: Webhook, tmp_path: Path
) -> None:
    """Without AsyncAmd: `AnsweredBy` and `MachineDetectionDuration` are in the voice request, the record has it."""
    bob = await phone("bob")
    webhook["outbound"] = response("<Pause length='20'/>")
    sid = await place(server, bob, Url=webhook.url("outbound"))
    call = await answers(bob, await person(tmp_path))
    request = await webhook.next("outbound", timeout=15)
    assert (request["CallSid"], request["AnsweredBy"]) == (sid, "human")
    assert 1200 <= int(request["MachineDetectionDuration"]) <= 5000
    assert (await server.node.call(sid))["answered_by"] == "human"
    await call.hang_up()
    assert (await server.node.final(sid))["answered_by"] == "human"
    _, notifications = await server.node.rest("GET", f"Calls/{sid}/Notifications")
    assert notifications["notifications"] == []


@pytest.mark.timeout(60)
async def test_a_machine_is_waited_for_until_its_beep(
    server: Server, phone: PhoneFactory, webhook: Webhook, tmp_path: Path
) -> None:
    """`DetectMessageEnd` with AsyncAmd: the document runs at once, the callback comes after the beep."""
    bob = await phone("bob")
    webhook["outbound"] = response("<Pause length='40'/>")
    webhook["amd"] = ""
    sid = await place(
        server,
        bob,
        Url=webhook.url("outbound"),
        MachineDetection="DetectMessageEnd",
        AsyncAmd="true",
        AsyncAmdStatusCallback=webhook.url("amd"),
    )
    greeting = await machine(tmp_path)
    call = await answers(bob, greeting)
    request = await webhook.next("outbound")
    assert "AnsweredBy" not in request
    result = await webhook.next("amd", timeout=30)
    assert result["AnsweredBy"] == "machine_end_beep"
    assert (result["CallSid"], result["AccountSid"]) == (sid, server.node.account_sid)
    beeps_at_ms = (Heard.from_wav(greeting).seconds - 40.5) * 1000
    assert beeps_at_ms - 300 <= int(result["MachineDetectionDuration"]) <= beeps_at_ms + 2000
    assert (await server.node.call(sid))["answered_by"] == "machine_end_beep"
    await call.hang_up()


@pytest.mark.timeout(60)
async def test_a_machine_behind_a_dial(
    server: Server, phone: PhoneFactory, webhook: Webhook, tmp_path: Path
) -> None:
    """`<Sip machineDetection>`: the parties talk at once, and the callback names the call of the leg."""
    alice, bob = await phone("alice"), await phone("bob")
    noun = f'<Sip machineDetection="Enable" amdStatusCallback="amd" amdStatusCallbackMethod="GET">{bob.uri}</Sip>'
    webhook["voice"] = response(f"<Dial>{noun}</Dial>")
    webhook["amd"] = ""
    caller = await alice.invite(server.uri)
    greeting = await machine(tmp_path)
    await answers(bob, greeting)
    await caller.answered()
    result = await webhook.next("amd", timeout=20)
    assert result["AnsweredBy"] == "machine_start"
    leg = await server.node.call(result["CallSid"])
    assert leg["parent_call_sid"] == (await webhook.next("voice"))["CallSid"]
    assert leg["answered_by"] == "machine_start"
    await caller.hang_up()


async def test_a_machine_that_speaks_longer_than_the_timeout(
    server: Server, phone: PhoneFactory, webhook: Webhook, tmp_path: Path
) -> None:
    """`MachineDetectionTimeout` with `DetectMessageEnd`: `machine_end_other`, that many seconds after the answer."""
    bob = await phone("bob")
    webhook["outbound"] = response("<Hangup/>")
    asked = {"MachineDetection": "DetectMessageEnd", "MachineDetectionTimeout": "4"}
    await place(server, bob, Url=webhook.url("outbound"), **asked)
    call = await answers(bob, await machine(tmp_path))
    request = await webhook.next("outbound")
    assert (request["AnsweredBy"], request["MachineDetectionDuration"]) == ("machine_end_other", "4000")
    assert await call.ended() == 200


async def test_a_participant_of_a_conference(
    server: Server, phone: PhoneFactory, webhook: Webhook, tmp_path: Path
) -> None:
    """`AmdStatusCallback` of a participant, which is in the room meanwhile."""
    bob = await phone("bob")
    webhook["amd"] = ""
    form = {"From": "+15550199", "To": bob.uri, "MachineDetection": "Enable"}
    form["AmdStatusCallback"] = webhook.url("amd")
    status, made = await server.node.rest("POST", f"Conferences/amd{server.number}/Participants", **form)
    assert status == 201, made
    call = await answers(bob, await person(tmp_path))
    result = await webhook.next("amd", timeout=15)
    assert (result["CallSid"], result["AnsweredBy"]) == (made["call_sid"], "human")
    await call.hang_up()
    assert (await server.node.final(made["call_sid"]))["answered_by"] == "human"


async def test_keys_to_press_come_before_detection(
    server: Server, phone: PhoneFactory, webhook: Webhook, tmp_path: Path
) -> None:
    """`SendDigits`: `MachineDetection` has no effect, as at Twilio."""
    bob = await phone("bob")
    webhook["outbound"] = response("<Hangup/>")
    sid = await place(server, bob, Url=webhook.url("outbound"), SendDigits="1")
    await answers(bob, write_wav(tmp_path / "nothing.wav", silence(20.0)))
    assert "AnsweredBy" not in await webhook.next("outbound")
    assert (await server.node.final(sid))["answered_by"] is None


async def test_a_party_that_hangs_up_at_once_is_unknown(
    server: Server, phone: PhoneFactory, webhook: Webhook, tmp_path: Path
) -> None:
    """The callback comes nevertheless, and the record agrees with it."""
    bob = await phone("bob")
    webhook["amd"] = ""
    asked = {"Twiml": "<Response><Pause length='9'/></Response>", "AsyncAmd": "true"}
    sid = await place(server, bob, AsyncAmdStatusCallback=webhook.url("amd"), **asked)
    call = await answers(bob, write_wav(tmp_path / "nothing.wav", silence(20.0)))
    await call.answered()
    await call.hang_up()
    assert (await webhook.next("amd"))["AnsweredBy"] == "unknown"
    record = await server.node.final(sid)
    assert (record["status"], record["answered_by"]) == ("completed", "unknown")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MachineDetection", "Perhaps"),
        ("MachineDetectionTimeout", "2"),
        ("MachineDetectionTimeout", "60"),
        ("MachineDetectionSpeechThreshold", "999"),
        ("MachineDetectionSpeechEndThreshold", "5001"),
        ("MachineDetectionSilenceTimeout", "1999"),
        ("AsyncAmd", "perhaps"),
        ("AsyncAmdStatusCallback", "nowhere"),
    ],
)
async def test_values_out_of_range_are_refused(server: Server, name: str, value: str) -> None:
    """400, with the parameter's name in the message; no call is placed."""
    form = {"To": "sip:bob@127.0.0.1:9", "From": "+15550199", "Twiml": "<Response/>", name: value}
    status, problem = await server.node.rest("POST", "Calls", **form)
    assert status == 400
    assert name in problem["message"]
