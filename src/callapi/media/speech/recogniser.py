"""Speech recognition: what a caller said, as text."""

from typing import Final, Protocol

from msgspec import Struct

from callapi.media.plane.types import Samples
from callapi.media.speech.hints import fitted
from callapi.media.speech.process import EngineProcess

_SILENT: Final = 0.8
"""Above this no-speech probability a result is dropped as invented ..."""
_SURE: Final = 0.4
"""... unless its confidence is at least this."""
_MUSIC: Final = frozenset("[(*♪")


class Recognised(Struct, frozen=True):
    """What was understood (empty: nothing) and how sure that is, 0.0 to 1.0."""

    text: str
    confidence: float


class Recogniser(Protocol):
    """Speech to text."""

    def prepare(self) -> None:
        """Load what the next request needs, in the background. Returns at once."""
        ...

    async def recognise(
        self, samples: Samples, rate: int, language: str | None, hints: tuple[str, ...]
    ) -> Recognised:
        """What is said in `samples` (mono, `rate` Hz). Safe to cancel. Raises EngineFailed."""
        ...


class WhisperRecogniser:
    """faster-whisper in a process of its own."""

    def __init__(self, process: EngineProcess, default_language: str) -> None:
        self._process = process
        self._default_language = default_language

    def prepare(self) -> None:
        """Load the model in the background."""
        self._process.start_soon()

    async def recognise(
        self, samples: Samples, rate: int, language: str | None, hints: tuple[str, ...]
    ) -> Recognised:
        """As Recogniser."""
        request = {
            "rate": rate,
            "language": (language or self._default_language).partition("-")[0].lower(),
            "hints": ", ".join(hints),
        }
        fields = (await self._process.ask(request, samples.tobytes())).fields
        text, confidence = str(fields["text"]), float(fields["confidence"])
        if text[:1] in _MUSIC or (float(fields["silence"]) > _SILENT and confidence < _SURE):
            return Recognised("", 0.0)
        return Recognised(fitted(text, hints), min(max(confidence, 0.0), 1.0))
