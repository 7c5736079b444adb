"""Render a sample of each voice that this node can speak with: `voices.py DIRECTORY [callapi.toml]`."""

import asyncio
import sys
import wave
from pathlib import Path

import numpy as np

from callapi.base.settings import load_settings
from callapi.media.speech import Utterance, open_speaker

ENGLISH = "Welcome to the shop. For sales press one, for service press two, or stay on the line."
SAMPLES = (
    ("default", Utterance(ENGLISH)),
    ("man", Utterance(ENGLISH, voice="man")),
    ("woman", Utterance(ENGLISH, voice="woman")),
    (
        "code",
        Utterance("", 'Your code is <say-as interpret-as="digits">4711</say-as><break time="1s"/>. Goodbye.'),
    ),
    ("en-GB-woman", Utterance(ENGLISH, voice="woman", language="en-GB")),
    ("fr", Utterance("Bienvenue. Pour les ventes, tapez un.", language="fr-FR")),
    ("de", Utterance("Willkommen. Für den Verkauf drücken Sie die Eins.", language="de-DE")),
    ("es", Utterance("Bienvenido. Para ventas, pulse uno.", language="es-ES")),
    ("it", Utterance("Benvenuto. Per le vendite, prema uno.", language="it-IT")),
    ("pt-BR", Utterance("Bem-vindo. Para vendas, digite um.", language="pt-BR")),
    ("nl", Utterance("Welkom. Kies één voor verkoop.", language="nl-NL")),
    ("pl", Utterance("Witamy. Sprzedaż, wybierz jeden.", language="pl-PL")),
    ("ru", Utterance("Добро пожаловать. Нажмите один.", language="ru-RU")),
    ("zh", Utterance("欢迎。销售请按一。", language="zh-CN")),
)


async def main(directory: Path, config: Path | None) -> None:
    """Each sample, and each voice of the configuration, into a WAV file of its own."""
    settings = load_settings(config).speech
    named = tuple((f"voice-{name}", Utterance(ENGLISH, voice=name)) for name in settings.voices)
    async with open_speaker(settings.model_copy(update={"cache_mb": 0}), directory) as speaker:
        for name, utterance in SAMPLES + named:
            warnings: list[str] = []
            prompts = [each async for each in speaker.speak(utterance, warnings.append)]
            path = directory / f"{name}.wav"
            with wave.open(str(path), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(prompts[0].rate)
                file.writeframes(np.concatenate([each.samples for each in prompts]).tobytes())
            seconds = sum(each.duration_ms for each in prompts) / 1000
            print(f"{path}  {seconds:.1f} s  {'; '.join(warnings)}")


if __name__ == "__main__":
    Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
    asyncio.run(main(Path(sys.argv[1]), Path(sys.argv[2]) if len(sys.argv) > 2 else None))
