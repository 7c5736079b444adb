"""Builds the speaker and the recogniser that the settings ask for, with their engine processes."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from callapi.base.settings import SpeechSettings
from callapi.media.speech import installed
from callapi.media.speech.cache import SpeechCache
from callapi.media.speech.detector import Detector, SpeechDetector
from callapi.media.speech.engines import EspeakEngine, PiperEngine
from callapi.media.speech.extensions import Speaker, recogniser_of, speaker_of
from callapi.media.speech.process import EngineProcess
from callapi.media.speech.recogniser import Recogniser, WhisperRecogniser
from callapi.media.speech.silero import SileroDetector
from callapi.media.speech.speaker import EngineSpeaker, SpeechEngine
from callapi.media.speech.voices import Catalogue, Engine

log = logging.getLogger(__name__)

BUILT_IN: Final = frozenset({"piper", "espeak-ng", "whisper", "none"})
CACHE: Final = "speech"
"""The directory of the cache within the node's `data_dir`."""


@asynccontextmanager
async def open_speaker(settings: SpeechSettings, data_dir: Path) -> AsyncIterator[Speaker]:
    """The speaker, over the engines that are installed and enabled. Processes start when they are first needed."""
    if settings.engine not in BUILT_IN:
        async with speaker_of(settings.engine, settings.options) as extension:
            yield extension
        return
    models = installed.piper_voices(settings.voices) if settings.engine == "piper" else []
    espeak = installed.espeak() if settings.engine != "none" else None
    catalogue = Catalogue(models, espeak.languages if espeak else frozenset(), settings.language)
    cache = SpeechCache(data_dir / CACHE, settings.cache_mb << 20)
    async with AsyncExitStack() as stack:
        engines: dict[Engine, SpeechEngine] = {}
        if models:
            piper = EngineProcess(Engine.PIPER, {}, settings.timeout_s)
            engines[Engine.PIPER] = PiperEngine(await stack.enter_async_context(piper))
        if espeak is not None:
            arguments = {"library": espeak.library, "data": espeak.data}
            process = EngineProcess(Engine.ESPEAK_NG, arguments, settings.timeout_s)
            engines[Engine.ESPEAK_NG] = EspeakEngine(await stack.enter_async_context(process))
        if catalogue.is_empty and settings.engine != "none":
            log.warning("no speech engine is installed: <Say> is skipped (pip install 'callapi[speech]')")
        speaker = await stack.enter_async_context(
            EngineSpeaker(engines, catalogue, cache, settings.patience_s)
        )
        if settings.preload:
            speaker.prepare()
        yield speaker


@asynccontextmanager
async def open_recogniser(settings: SpeechSettings) -> AsyncIterator[Recogniser | None]:
    """The recogniser; None if the settings disable it, or no recogniser is installed."""
    if settings.recogniser not in BUILT_IN:
        async with recogniser_of(settings.recogniser, settings.options) as extension:
            yield extension
        return
    model = settings.recogniser_model or installed.whisper_model()
    if settings.recogniser == "none" or model is None or not installed.has_whisper():
        yield None
        return
    arguments = {"model": str(model), "threads": settings.recogniser_threads}
    async with EngineProcess("whisper", arguments, settings.recogniser_timeout_s) as process:
        yield WhisperRecogniser(process, settings.language)


def detector_of(settings: SpeechSettings) -> Callable[[], Detector]:
    """Makes detectors of the kind that the settings name, for audio at 16 kHz."""
    return SileroDetector if settings.detector == "silero" else SpeechDetector
