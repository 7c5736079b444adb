"""The call of the demo: two phones, a ladder of everything between them and the node, and a verdict on the sound."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct

from callapi.cli.demo.application import DemoApplication
from callapi.cli.ladder import Ladder, Step
from callapi.cli.phones.softphone import PhoneCall, Softphone
from callapi.cli.phones.sounds import read_wav, seconds_of, tone
from callapi.sip import Request, Traced

CALLER, NODE, APPLICATION, CALLEE = range(4)
NAMES: Final = ("caller", "CallAPI", "app", "callee")
CALLER_HZ: Final = 440.0
CALLEE_HZ: Final = 660.0
TALK_S: Final = 1.5
WAIT_S: Final = 10.0
STATUSES: Final = "initiated, ringing, in-progress, completed"


class DemoFinding(Struct, frozen=True):
    """One verdict on the demo call."""

    is_good: bool
    text: str


class Watch:
    """Puts the messages of both phones and of the application on one ladder."""

    def __init__(self, ladder: Ladder) -> None:
        self._ladder = ladder

    def caller(self, traced: Traced) -> None:
        """A message that the caller's phone sent or received."""
        self._sip(traced, CALLER)

    def callee(self, traced: Traced) -> None:
        """A message that the callee's phone sent or received."""
        self._sip(traced, CALLEE)

    def _sip(self, traced: Traced, phone: int) -> None:
        message = traced.message
        label = message.method if isinstance(message, Request) else f"{message.status} {message.reason}"
        step = Step(phone, NODE, label) if traced.direction == "sent" else Step(NODE, phone, label)
        self._ladder.message(asyncio.get_running_loop().time(), step)

    def http(self, label: str, parameters: Mapping[str, str]) -> None:
        """A request to the application, or its answer."""
        status = parameters.get("DialCallStatus") or parameters.get("CallStatus") if parameters else None
        if status:
            label = f"{label} {status}"
        asks = label.startswith("POST")
        step = Step(NODE, APPLICATION, label) if asks else Step(APPLICATION, NODE, label)
        self._ladder.message(asyncio.get_running_loop().time(), step)

    def remark(self, text: str) -> None:
        """A remark beside the messages."""
        self._ladder.remark(asyncio.get_running_loop().time(), text)


async def demo_call(
    caller: Softphone,
    calls: AsyncIterator[PhoneCall],
    uri: str,
    application: DemoApplication,
    watch: Watch,
    folder: Path,
) -> list[DemoFinding]:
    """Call `uri`, answer the next of the callee's `calls`, let both speak, hang up there; what was proved."""
    call = caller.dial(uri)
    try:
        async with asyncio.timeout(WAIT_S):
            ringing = await anext(calls)
    except TimeoutError:
        call.hang_up()
        return [DemoFinding(is_good=False, text="the callee's phone never rang")]
    ringing.ring()
    await asyncio.sleep(0.3)  # the time that a hand needs
    ringing.answer()
    if not await call.is_answered(WAIT_S):
        return [DemoFinding(is_good=False, text="the caller was not answered")]
    call.say(tone(CALLER_HZ))
    ringing.say(tone(CALLEE_HZ))
    if await ringing.hears(WAIT_S):
        watch.remark("joined: RTP now flows inside Rust")
    findings = await _talk(call, ringing, folder)
    ringing.hang_up()
    return [*findings, *await _aftermath(call, application)]


async def _talk(call: PhoneCall, ringing: PhoneCall, folder: Path) -> list[DemoFinding]:
    heard_by_caller = call.record(folder / "heard-by-caller.wav")
    heard_by_callee = ringing.record(folder / "heard-by-callee.wav")
    await asyncio.sleep(TALK_S)
    findings = []
    for who, recording, hertz in (
        ("callee", heard_by_callee, CALLER_HZ),
        ("caller", heard_by_caller, CALLEE_HZ),
    ):
        recording.stop()
        kept = await recording.ended()
        seconds = seconds_of(hertz, *read_wav(kept.path)) if kept.path else 0.0
        text = f"the {who} heard {hertz:.0f} Hz for {seconds:.1f} s of {TALK_S:.1f} s"
        findings.append(DemoFinding(seconds >= 0.6 * TALK_S, text))
    return findings


async def _aftermath(call: PhoneCall, application: DemoApplication) -> list[DemoFinding]:
    try:
        async with asyncio.timeout(WAIT_S):
            parameters = await application.finished.get()
    except TimeoutError:
        return [DemoFinding(is_good=False, text="the application was not asked for the action of the Dial")]
    status, seconds = parameters.get("DialCallStatus"), parameters.get("DialCallDuration")
    ended = await call.ended(WAIT_S)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(WAIT_S):
            await application.completed.wait()
    statuses = ", ".join(application.statuses)
    return [
        DemoFinding(status == "completed", f"the application got DialCallStatus={status}, {seconds} s"),
        DemoFinding(
            statuses == STATUSES,
            f"it got a callback for each step of bob's call, in order: {statuses or 'none'}",
        ),
        DemoFinding(
            ended, "the caller's document went on and hung up" if ended else "the caller was never hung up"
        ),
    ]
