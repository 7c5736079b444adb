"""What a node needs to speak and to understand: a sentence is really said, and heard again."""

import tempfile
from pathlib import Path
from time import monotonic
from typing import Final

import numpy

from callapi.base.settings import Settings
from callapi.cli.doctor.verdicts import Verdict, bad, doubtful, good
from callapi.media import Prompt, UnplayableAudio
from callapi.media.errors import EngineFailed
from callapi.media.speech import Utterance, open_recogniser, open_speaker

SENTENCE: Final = "Please press one to accept the call."
LANGUAGE: Final = "en-US"


async def speech(settings: Settings) -> list[Verdict]:
    """`<Say>` has a voice; `<Gather input="speech">` understands what that voice says."""
    if settings.speech.engine == "none":
        return [good("speech", 'speech.engine is "none": <Say> is skipped')]
    began = monotonic()
    try:
        said, regrets = await _say(settings)
    except UnplayableAudio as error:
        return [doubtful("speech", str(error))]
    length = len(said.samples) / said.rate
    found = f"{length:.1f} s were said within {monotonic() - began:.1f} s, the start of the engine included"
    verdict = doubtful("speech", f"{found}; {'; '.join(regrets)}") if regrets else good("speech", found)
    return [verdict, await _understood(settings, said)]


async def _say(settings: Settings) -> tuple[Prompt, list[str]]:
    regrets: list[str] = []
    with tempfile.TemporaryDirectory(prefix="callapi-doctor-") as folder:  # nothing is in this cache
        async with open_speaker(settings.speech, Path(folder)) as speaker:
            utterance = Utterance(SENTENCE, language=LANGUAGE)
            parts = [each async for each in speaker.speak(utterance, regrets.append)]
    return Prompt(numpy.concatenate([each.samples for each in parts]), parts[0].rate), regrets


async def _understood(settings: Settings, said: Prompt) -> Verdict:
    if settings.speech.recogniser == "none":
        return good("recogniser", 'speech.recogniser is "none": <Gather input="speech"> hears nothing')
    async with open_recogniser(settings.speech) as recogniser:
        if recogniser is None:
            return doubtful("recogniser", "none is installed (pip install 'callapi[speech]')")
        try:
            heard = await recogniser.recognise(said.samples, said.rate, LANGUAGE, ())
        except EngineFailed as error:
            return bad("recogniser", str(error))
    found = f"understood {heard.text!r}"
    return good("recogniser", found) if "accept" in heard.text.lower() else doubtful("recogniser", found)
