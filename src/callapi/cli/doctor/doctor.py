"""`callapi doctor`: is everything here that a node needs? A plain verdict per line; status 1 if something is missing.

The checks take nothing away from a node that runs: a port that is in use is reported, not taken.
"""

import argparse
import asyncio
import tempfile
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from callapi.base.errors import SettingsError
from callapi.base.settings import Settings, load_settings
from callapi.cli.doctor import machine_checks as machine
from callapi.cli.doctor.speech_check import speech
from callapi.cli.doctor.verdicts import Verdict, bad, good
from callapi.cli.phones.softphone import PhoneOptions, Softphone
from callapi.cli.phones.sounds import read_wav, seconds_of, tone
from callapi.cli.terminal import Terminal
from callapi.media.plane.engine import NativePlane
from callapi.node.public_address import with_public_address

TALK_S = 1.0
WAIT_S = 5.0
ONE_HZ, OTHER_HZ = 440.0, 660.0


def run(arguments: argparse.Namespace) -> int:
    """Print the verdicts."""
    terminal = Terminal()
    settings = load_settings(arguments.config)
    terminal.good(
        f"configuration: {arguments.config or 'built-in settings and CALLAPI_… variables'} is valid"
    )
    return asyncio.run(_examine(settings, terminal))


async def _examine(settings: Settings, terminal: Terminal) -> int:
    worst = 0
    try:
        settings = await with_public_address(settings)
    except SettingsError as error:
        terminal.bad(str(error))
        return 1
    for check in (
        machine.sip_listeners,
        machine.http_listener,
        machine.rtp_ports,
        machine.advertised_addresses,
        machine.limits_of_the_system,
        machine.data_directory,
        machine.database,
    ):
        worst |= _print(check(settings), terminal)
    for slow in (machine.dns, machine.audio_engines, speech, loopback_call):
        worst |= _print(await _guarded(slow, settings), terminal)
    return worst


async def _guarded(
    check: Callable[[Settings], Awaitable[Iterable[Verdict]]], settings: Settings
) -> Iterable[Verdict]:
    """A check that breaks is a bad verdict, not the end of the others."""
    try:
        return await check(settings)
    except Exception as error:
        return [bad(check.__name__.replace("_", " "), f"{type(error).__name__}: {error}")]


def _print(verdicts: Iterable[Verdict], terminal: Terminal) -> int:
    worst = 0
    for each in verdicts:
        text = f"{each.subject}: {each.text}"
        if each.is_good is None:
            terminal.doubtful(text)
        elif each.is_good:
            terminal.good(text)
        else:
            terminal.bad(text)
            worst = 1
    return worst


async def loopback_call(settings: Settings) -> list[Verdict]:
    """Two phones of our own call each other on loopback, speak, and hear each other, in each codec."""
    del settings  # the phones take free ports of their own
    async with (
        NativePlane("127.0.0.1") as plane,
        Softphone(PhoneOptions("doctor"), plane) as one,
        Softphone(PhoneOptions("patient"), plane) as other,
    ):
        with tempfile.TemporaryDirectory(prefix="callapi-doctor-") as folder:
            return [await _hear(one, other, Path(folder))]


async def _hear(one: Softphone, other: Softphone, folder: Path) -> Verdict:
    subject = "loopback call"
    call = one.dial(other.uri)
    async with asyncio.timeout(WAIT_S):
        ringing = await anext(other.incoming())
    ringing.answer()
    if not await call.is_answered(WAIT_S):
        return bad(subject, "was not answered")
    call.say(tone(ONE_HZ))
    ringing.say(tone(OTHER_HZ))
    recordings = [(ringing.record(folder / "other.wav"), ONE_HZ), (call.record(folder / "one.wav"), OTHER_HZ)]
    await asyncio.sleep(TALK_S)
    heard = []
    for recording, hertz in recordings:
        recording.stop()
        kept = await recording.ended()
        heard.append(seconds_of(hertz, *read_wav(kept.path)) if kept.path else 0.0)
    call.hang_up()
    await call.ended(WAIT_S)
    if min(heard) < TALK_S / 2:
        return bad(
            subject, f"heard {heard[0]:.1f} s one way and {heard[1]:.1f} s the other, of {TALK_S:.1f} s"
        )
    return good(subject, f"audio both ways ({heard[0]:.1f} s and {heard[1]:.1f} s of {TALK_S:.1f} s)")
