"""The engines of text to speech, each behind `SpeechEngine`."""

from callapi.media.speech.process import EngineProcess
from callapi.media.speech.voices import Voice


class PiperEngine:
    """Piper: neural voices, plain text."""

    takes_markup = False

    def __init__(self, process: EngineProcess) -> None:
        self._process = process

    async def synthesise(self, voice: Voice, text: str, *, is_markup: bool) -> bytes:  # noqa: ARG002 - the protocol's
        """As SpeechEngine."""
        return (await self._process.ask({"model": voice.source, "text": text})).pcm


class EspeakEngine:
    """espeak-ng: small, quick, a hundred languages, SSML."""

    takes_markup = True

    def __init__(self, process: EngineProcess) -> None:
        self._process = process

    async def synthesise(self, voice: Voice, text: str, *, is_markup: bool) -> bytes:
        """As SpeechEngine."""
        request = {"voice": voice.source, "text": text, "is_markup": is_markup}
        return (await self._process.ask(request)).pcm
