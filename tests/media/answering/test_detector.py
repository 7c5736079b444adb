"""Who has answered: the machine behind `detect`, by frames that a party says, and over real packets."""

import asyncio

import numpy as np
import pytest

from callapi.media import StreamClosed
from callapi.media.answering.detector import AnsweredBy, MachineDetection, MachineVerdict, detect
from callapi.media.plane.engine import NativePlane
from callapi.media.plane.fake import FakePlane
from tests.media.party import Party, Samples, tone

RATE = 8000


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * RATE), np.int16)


def voice(seconds: float) -> Samples:
    """Three formants of a buzz: sound, and no beep."""
    low, middle = tone(180, seconds, level=3000), tone(950, seconds, level=2500)
    return (low + middle + tone(2700, seconds, level=2000)).astype(np.int16)


async def judged(options: MachineDetection, *pieces: Samples) -> MachineVerdict:
    stream = FakePlane().open_stream()
    async with asyncio.timeout(5), asyncio.TaskGroup() as tasks:
        verdict = tasks.create_task(detect(stream, options))
        await asyncio.sleep(0)
        [listening] = stream.listenings
        whole = np.concatenate((*pieces, silence(40))).astype("<i2").tobytes()
        for start in range(0, len(whole), 320):
            listening.put(whole[start : start + 320])
            await asyncio.sleep(0)
            if verdict.done():
                break
    assert listening.is_closed
    return verdict.result()


@pytest.mark.parametrize("until_end", [False, True])
async def test_a_greeting_and_silence_is_a_person(until_end: bool) -> None:
    verdict = await judged(MachineDetection(until_message_end=until_end), silence(0.5), voice(0.9))
    assert verdict.answered_by is AnsweredBy.HUMAN
    assert 2500 <= verdict.duration_ms <= 3000


async def test_thresholds_move_the_border() -> None:
    greeting = silence(0.3), voice(1.8)
    assert (await judged(MachineDetection(), *greeting)).answered_by is AnsweredBy.HUMAN
    strict = MachineDetection(speech_threshold_ms=1500)
    assert (await judged(strict, *greeting)).answered_by is AnsweredBy.MACHINE_START
    paused = voice(1.0), silence(1.5), voice(3.0)
    assert (await judged(MachineDetection(), *paused)).answered_by is AnsweredBy.HUMAN
    patient = MachineDetection(speech_end_threshold_ms=2000)
    assert (await judged(patient, *paused)).answered_by is AnsweredBy.MACHINE_START


async def test_a_machine_s_end_is_its_beep_its_silence_or_the_timeout() -> None:
    until_end = MachineDetection(until_message_end=True)
    message = voice(4.0)
    beep = await judged(until_end, message, silence(0.5), tone(1000, 0.4))
    assert beep.answered_by is AnsweredBy.MACHINE_END_BEEP
    assert beep.duration_ms <= 4500 + 300, "within 300 ms of its beginning"
    assert (await judged(until_end, message)).answered_by is AnsweredBy.MACHINE_END_SILENCE
    short = MachineDetection(until_message_end=True, timeout_ms=3000)
    assert await judged(short, message) == MachineVerdict(AnsweredBy.MACHINE_END_OTHER, 3000)


async def test_silence_is_unknown_and_a_fax_is_a_fax() -> None:
    assert await judged(MachineDetection()) == MachineVerdict(AnsweredBy.UNKNOWN, 5000)
    quick = MachineDetection(silence_timeout_ms=2000)
    assert await judged(quick) == MachineVerdict(AnsweredBy.UNKNOWN, 2000)
    assert (await judged(MachineDetection(), tone(2100, 2.0))).answered_by is AnsweredBy.FAX


async def test_over_the_wire_and_beside_a_prompt() -> None:
    async with NativePlane(rtp_ports="44300-44309", threads=1) as plane, Party() as party:
        stream = plane.open_stream()
        stream.configure(party.parameters())
        verdict, _ = await asyncio.gather(
            detect(stream, MachineDetection(speech_end_threshold_ms=500)),
            party.say(stream.local, np.concatenate((silence(0.3), voice(0.6), silence(1.2)))),
        )
        assert verdict.answered_by is AnsweredBy.HUMAN
        assert 1300 <= verdict.duration_ms <= 2200


async def test_the_end_of_the_call_is_the_end_of_it() -> None:
    stream = FakePlane().open_stream()
    stream.close()
    with pytest.raises(StreamClosed):
        await detect(stream, MachineDetection())
    open_stream = FakePlane().open_stream()
    asyncio.get_running_loop().call_soon(open_stream.close)
    with pytest.raises(StreamClosed):
        await detect(open_stream, MachineDetection())
