"""After how much sound pipecat's analyzer with Silero is sure that somebody speaks: what a bot of pipecat waits for.

Reads 16-bit mono samples at 8 kHz from stdin; the argument is `start_secs`. Prints the most milliseconds of the sound,
over the places in the model's windows of 32 ms at which it can begin.
"""

import asyncio
import sys

from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams, VADState

RATE = 8000
FRAME = RATE // 50 * 2
"""Octets of 20 ms."""
PHASES_MS = range(0, 32, 4)


async def onset_ms(sound: bytes, start_secs: float, phase_ms: int) -> float:
    """Of `sound` after a second and `phase_ms` of silence."""
    analyzer = SileroVADAnalyzer(sample_rate=RATE, params=VADParams(start_secs=start_secs))
    analyzer.set_sample_rate(RATE)
    lead = bytes((RATE + RATE // 1000 * phase_ms) * 2)
    whole = lead + sound
    for end in range(FRAME, len(whole) + FRAME, FRAME):
        if await analyzer.analyze_audio(whole[end - FRAME : end]) is VADState.SPEAKING:
            return (min(end, len(whole)) - len(lead)) / 2 / RATE * 1000
    raise SystemExit("no speech was found")


async def main() -> None:
    """The worst of all phases."""
    sound, start_secs = sys.stdin.buffer.read(), float(sys.argv[1])
    print(round(max([await onset_ms(sound, start_secs, phase) for phase in PHASES_MS])))


asyncio.run(main())
