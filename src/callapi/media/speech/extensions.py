"""Voices and recognisers that a user writes: entry points of the group `callapi.speech`, named in `[speech]`.

The entry point is an object (a module will do) with `open_speaker`, `open_recogniser`, or both. Each is called with the
table `[speech.options]` and gives an async context manager, which is open for as long as the node.
"""

from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AbstractAsyncContextManager
from importlib.metadata import entry_points
from typing import Any, Final, Protocol, cast

from callapi.media.errors import EngineFailed
from callapi.media.plane.types import Prompt
from callapi.media.speech.recogniser import Recogniser
from callapi.media.speech.utterance import Utterance

GROUP: Final = "callapi.speech"
Options = Mapping[str, str | int | float | bool]


class Speaker(Protocol):
    """Text to speech."""

    def speak(self, utterance: Utterance, warn: Callable[[str], None]) -> AsyncGenerator[Prompt, None]:
        """Speech, piece by piece, each as soon as it is ready; `UnplayableAudio` if it fails.

        `warn` gets a sentence for each wish that cannot be met (an unknown voice).
        """
        ...


def speaker_of(name: str, options: Options) -> AbstractAsyncContextManager[Speaker]:
    """The speaker of the extension `name`. Raises EngineFailed: there is none."""
    return cast("AbstractAsyncContextManager[Speaker]", _factory(name, "open_speaker")(options))


def recogniser_of(name: str, options: Options) -> AbstractAsyncContextManager[Recogniser]:
    """The recogniser of the extension `name`. Raises EngineFailed: there is none."""
    return cast("AbstractAsyncContextManager[Recogniser]", _factory(name, "open_recogniser")(options))


def _factory(name: str, attribute: str) -> Callable[[Options], Any]:
    for entry_point in entry_points(group=GROUP, name=name):
        factory = getattr(entry_point.load(), attribute, None)
        if factory is None:
            raise EngineFailed(name, f"its entry point in {GROUP} has no {attribute}")
        return cast("Callable[[Options], Any]", factory)
    raise EngineFailed(name, f"no installed package has an entry point {name!r} in {GROUP}")
