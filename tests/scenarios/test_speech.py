"""Say and Gather speech, judged by content: what is spoken is understood again at the other end of a real call."""

import asyncio
import contextlib
import os
import re
from collections.abc import AsyncIterator
from difflib import SequenceMatcher
from pathlib import Path

import numpy
import pytest
import pytest_asyncio

from callapi.base.settings import SpeechSettings
from callapi.cli.phones.softphone import PhoneOptions, Softphone
from callapi.media.plane.engine import NativePlane
from callapi.media.speech import Recogniser, Utterance, installed, open_recogniser, open_speaker
from tests.scenarios.conftest import Measured, PhoneFactory, Server
from tests.scenarios.harness.application import Request, Webhook, response
from tests.scenarios.harness.audio import Heard, silence, write_wav
from tests.scenarios.harness.phone import Phone, PhoneCall
from tests.scenarios.harness.waiting import WAIT_S

pytestmark = pytest.mark.skipif(
    not installed.has_whisper() or installed.whisper_model() is None or not installed.piper_voices({}),
    reason="the extra `speech` is not installed",
)

IS_FULL = os.environ.get("SPEECH") == "full"
TEN_SENTENCES = (
    "Welcome to the shop, how can we help you today?",
    "Your order will be delivered on Friday morning.",
    "The weather will be sunny with a light wind from the west.",
    "Your appointment is at three o'clock in the afternoon.",
    "The train to London leaves from platform seven.",
    "Please leave a message after the tone.",
    "All our lines are busy, please hold the line.",
    "Press one to accept the call.",
    "We did not hear anything, please try again.",
    "Thank you for calling, goodbye.",
)
SENTENCES = TEN_SENTENCES if IS_FULL else TEN_SENTENCES[:5]
PATIENT = SpeechSettings(timeout_s=60, patience_s=60, recogniser_timeout_s=90)
WORDS = {"1": "one", "3": "three", "7": "seven"}


def words(text: str) -> list[str]:
    return [WORDS.get(word, word) for word in re.findall(r"[a-z0-9']+", text.lower())]


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def recogniser() -> AsyncIterator[Recogniser]:
    """A recogniser of the test's own."""
    async with open_recogniser(PATIENT) as recogniser:
        assert recogniser is not None
        yield recogniser


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def spoken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Words as files that a phone can say: a moment, the word, and then nothing for a long time."""
    folder, files = tmp_path_factory.mktemp("spoken"), {}
    async with open_speaker(PATIENT, folder) as speaker:
        for word in ("yes", "no", "I would like to book a room"):
            said = [each async for each in speaker.speak(Utterance(f"{word}."), print)]
            samples = numpy.concatenate([each.samples for each in said])[::2]
            whole = numpy.concatenate([silence(0.3), samples, silence(40.0)])
            files[word] = write_wav(folder / f"{word}.wav", whole)
    return files


async def says(call: PhoneCall, word: Path) -> None:
    await call.phone.order("play", call=call.number, path=str(word))


async def understood(recogniser: Recogniser, heard: Heard) -> str:
    """Everything, in windows that a recogniser likes."""
    size, texts = heard.rate * 25, []
    for begin in range(0, len(heard.samples), size):
        part = heard.samples[begin : begin + size]
        texts.append((await recogniser.recognise(part, heard.rate, "en", ())).text)
    return " ".join(texts)


async def listen(server: Server, caller: Phone, codec: str) -> Heard:
    """What a phone that speaks `codec` alone has heard of a call that it did not end."""
    await caller.use_codecs(codec)
    call = await caller.invite(server.uri)
    assert await call.ended(timeout=120) == 200
    return call.heard()


async def listen_in_opus(server: Server, path: Path) -> Heard:
    """The same in Opus, which PJSUA2 does not know: the phone of `callapi phone`."""
    options = PhoneOptions("dave", codecs=("opus",))
    async with NativePlane("127.0.0.1") as plane, Softphone(options, plane) as caller:
        call = caller.dial(server.uri)
        assert await call.is_answered(WAIT_S)
        recording = call.record(path)
        assert call.leg.stream.statistics().codec == "opus"
        assert await call.ended(120)
        assert (await recording.ended()).path == path
    return Heard.from_wav(path)


@pytest.mark.timeout(240)
async def test_what_is_said_is_understood_in_every_codec(
    server: Server,
    phone: PhoneFactory,
    webhook: Webhook,
    recogniser: Recogniser,
    tmp_path: Path,
    measured: Measured,
) -> None:
    """Say, RTP, the phone's recording, text: over G.711 in both laws, G.722 and Opus."""
    says_all = [f"<Say>{sentence}</Say>" for sentence in SENTENCES]
    webhook["voice"] = response(*says_all, "<Hangup/>")
    codecs = {"alice": "PCMU/8000", "bob": "PCMA/8000", "carol": "G722/16000"}
    heard = await asyncio.gather(
        *[listen(server, await phone(name), codec) for name, codec in codecs.items()],
        listen_in_opus(server, tmp_path / "opus.wav"),
    )
    expected = words(" ".join(SENTENCES))
    for codec, sound in zip((*codecs.values(), "opus"), heard, strict=True):
        text = await understood(recogniser, sound)
        matcher = SequenceMatcher(None, words(text), expected)
        right = sum(block.size for block in matcher.get_matching_blocks())
        measured(f"{codec}: {right} of {len(expected)} words of {len(SENTENCES)} sentences understood")
        assert matcher.ratio() >= 0.85, (codec, matcher.ratio(), text)


@pytest.mark.timeout(60)
async def test_speech_is_gathered_with_hints_and_stops_the_prompt(
    server: Server, phone: PhoneFactory, webhook: Webhook, spoken: dict[str, Path]
) -> None:
    """The caller says yes into a long prompt: the prompt stops, the action gets `yes`."""
    alice = await phone("alice")
    webhook["voice"] = response(
        '<Gather input="speech" hints="yes, no" speechTimeout="auto" action="said">',
        f"<Say>{' '.join(TEN_SENTENCES[:6])}</Say>",
        "</Gather>",
    )
    webhook["said"] = response("<Hangup/>")
    call = await alice.invite(server.uri)
    await call.answered()
    await asyncio.sleep(4)
    await says(call, spoken["yes"])
    said = await webhook.next("said", timeout=30)
    assert said["SpeechResult"] == "yes"
    assert 0.0 < float(said["Confidence"]) <= 1.0
    assert "Digits" not in said
    await call.ended()
    assert call.heard().seconds < 25, "the rest of the prompt was not played"


@pytest.mark.timeout(60)
async def test_partial_results_come_while_the_caller_speaks(
    server: Server, phone: PhoneFactory, webhook: Webhook, spoken: dict[str, Path]
) -> None:
    """`partialResultCallback` is requested before the action."""
    alice = await phone("alice")
    webhook["voice"] = response(
        '<Gather input="dtmf speech" speechTimeout="3" action="said" partialResultCallback="partial"/>'
    )
    webhook["said"], webhook["partial"] = response("<Hangup/>"), response()
    call = await alice.invite(server.uri)
    await call.answered()
    for _ in range(4):  # without a pause: on a busy machine a sentence is over before its first half is text
        await says(call, spoken["I would like to book a room"])
        with contextlib.suppress(AssertionError):
            await webhook.next("partial", timeout=2.5)
            break
    said = await webhook.next("said", timeout=30)
    assert len({"like", "book", "room"}.intersection(words(said["SpeechResult"]))) >= 2
    [first, *_] = webhook.all("partial")
    assert first["SequenceNumber"] == "0"
    assert first["UnstableSpeechResult"]
    assert first.at < said.at


@pytest.mark.timeout(90)
async def test_screening_by_voice_among_three_phones(
    server: Server, phone: PhoneFactory, webhook: Webhook, spoken: dict[str, Path]
) -> None:
    """Three phones are asked; one says no, one says nothing, one says yes and is joined."""
    alice = await phone("alice")
    called = {name: await phone(name) for name in ("bob", "carol", "dave")}
    nouns = "".join(f'<Sip url="screen">{each.uri}</Sip>' for each in called.values())
    webhook["voice"] = response(f'<Dial timeout="30" action="after">{nouns}</Dial>')
    webhook["screen"] = response(
        '<Gather input="speech" hints="yes,no" speechTimeout="auto" timeout="20" action="decide">',
        "<Say>Do you take the call?</Say></Gather><Hangup/>",
    )

    def decide(request: Request) -> str:
        return response() if request["SpeechResult"] == "yes" else response("<Hangup/>")

    webhook["decide"], webhook["after"] = decide, response("<Hangup/>")
    call = await alice.invite(server.uri, say=440)
    legs = {name: await each.next_call() for name, each in called.items()}
    for leg in legs.values():
        await leg.answer()
    await asyncio.gather(*(leg.answered() for leg in legs.values()))
    await asyncio.sleep(3)
    await says(legs["bob"], spoken["no"])
    assert await legs["bob"].ended(timeout=20)
    await says(legs["dave"], spoken["yes"])
    assert await legs["dave"].hears(440, timeout=25), "dave is joined with alice"
    assert await legs["carol"].ended(timeout=10)
    await call.hang_up()
    after = await webhook.next("after", timeout=10)
    assert after["DialCallStatus"] == "completed"
