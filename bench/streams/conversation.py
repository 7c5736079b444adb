"""ConversationRelay: the time from the end of speech to the prompt, and from a token to its sound; the parts alone."""

import tempfile
import time
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final

from tests.scenarios.harness.application import Application, response
from tests.scenarios.harness.audio import Samples
from tests.scenarios.harness.caller import calling
from tests.scenarios.harness.node import Node
from tests.scenarios.harness.spoken import spoken
from tests.scenarios.harness.stream_application import StreamApplication

from callapi.base.settings import SpeechSettings
from callapi.media.speech import Utterance, open_recogniser, open_speaker

TURNS: Final = 8
SILENCE_MS: Final = 500
WORDS: Final = "I would like to book a room."
ANSWER: Final = "Certainly, number {}."
PATIENT: Final = SpeechSettings(timeout_s=60, patience_s=60)


async def conversation() -> tuple[list[float], list[float], float, float]:
    """Milliseconds: end of speech to prompt, token to sound, both for each turn; recogniser and voice alone."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        [words] = await spoken(folder, WORDS)
        recognises, speaks = await _alone(folder, words)
        application = await stack.enter_async_context(Application())
        agent = await stack.enter_async_context(StreamApplication())
        webhook = application.webhook("bench")
        relay = f'<ConversationRelay url="{agent.url}" speechTimeout="{SILENCE_MS}"/>'
        webhook["voice"] = response(f"<Connect>{relay}</Connect>")
        numbers = [{"number": "*", "voice_url": webhook.url("voice")}]
        (node_folder := folder / "node").mkdir()
        node = await stack.enter_async_context(Node(node_folder, numbers=numbers))
        prompts, sounds = [], []
        async with calling(node.uri("1"), node.sip_address) as call:
            socket = await agent.next_socket(first="setup")
            for turn in range(TURNS + 1):
                over_at = call.say(words) + len(words) / 8000
                await socket.next("prompt", turn + 1, timeout=60)
                prompt_at = [
                    at
                    for at, each in zip(socket.at, socket.messages, strict=True)
                    if each["type"] == "prompt"
                ]
                sent_at = time.monotonic()
                await socket.send(type="text", token=ANSWER.format(turn), last=True)
                heard_at = await call.sounds(sent_at, timeout=60)
                await call.falls_silent(heard_at)
                if turn:  # the first turn also starts the engines
                    prompts.append((prompt_at[-1] - over_at) * 1000)
                    sounds.append((heard_at - sent_at) * 1000)
        return prompts, sounds, recognises, speaks


async def _alone(folder: Path, words: Samples) -> tuple[float, float]:
    """Milliseconds that the recogniser takes for the words, and the voice to its first sound."""
    took = []
    async with open_recogniser(PATIENT) as recogniser, open_speaker(PATIENT, folder / "voice") as speaker:
        assert recogniser is not None
        for turn in range(4):
            began = time.monotonic()
            await recogniser.recognise(words, 8000, "en-US", ())
            recognised = time.monotonic()
            async for _ in speaker.speak(Utterance(ANSWER.format(f"x{turn}")), lambda _: None):
                break
            took.append((recognised - began, time.monotonic() - recognised))
    both = sorted(each for each, _ in took[1:])[1], sorted(each for _, each in took[1:])[1]
    return both[0] * 1000, both[1] * 1000
