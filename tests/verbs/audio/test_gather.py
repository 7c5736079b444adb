"""`<Gather>`: keys by each way, at each moment, under each attribute; and speech.

Times are seconds since the call came in; the clock jumps.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import numpy as np
import pytest
from msgspec.structs import replace
from numpy.typing import NDArray

from callapi.media import DigitSource, EngineFailed
from callapi.media.plane.fake import FakePlayback, FakeStream
from callapi.media.speech import Recognised
from callapi.verbs.interpreter import Interpreter
from callapi.webhooks import WebAnswer, WebRequest
from tests.verbs.conftest import RunStory, press_by_info
from tests.verbs.world import Phone, World

THREE = '<Play loop="30">x.wav</Play>'
"""Three seconds of sound."""
ONE = '<Play loop="10">x.wav</Play>'


def watched(here: World) -> list[tuple[float, str, dict[str, str]]]:
    """When the application was asked what."""
    asked: list[tuple[float, str, dict[str, str]]] = []
    fetch = here.application.fetch

    async def timed(request: WebRequest) -> WebAnswer:
        path = request.url.removeprefix("http://app")
        asked.append((asyncio.get_running_loop().time(), path, dict(request.parameters)))
        return await fetch(request)

    here.application.fetch = timed  # type: ignore[method-assign]  # a table that also looks at the clock
    return asked


def press(here: World, phone: Phone, stream: FakeStream, way: str, digits: str) -> None:
    match way:
        case "rtp":
            stream.press(digits)
        case "inband":
            stream.press(digits, source=DigitSource.INBAND)
        case _:
            press_by_info(phone, digits)


Keys = list[tuple[float, str]]
TABLE: list[tuple[str, str, str, str, Keys, str | None, float]] = [
    # name, attributes, before, prompts, keys, Digits (None: nothing was collected), when that is known
    # timeout: so long without a key, after the prompts or between keys
    ("no key, no prompt", "", "", "", [], None, 5.0),
    ("no key after a prompt", "", "", THREE, [], None, 8.0),
    ("no key, a short timeout", 'timeout="2"', "", THREE, [], None, 5.0),
    ("no key, no timeout at all", 'timeout="0"', "", ONE, [], None, 1.0),
    ("no key after two prompts", 'timeout="1"', "", ONE + ONE, [], None, 3.0),
    ("no key after a pause", 'timeout="1"', "", '<Pause length="4"/>', [], None, 5.0),
    ("one key, then silence", "", "", "", [(1, "7")], "7", 6.0),
    ("one key in the prompt, then silence", "", "", THREE, [(1, "7")], "7", 6.0),
    ("the timeout begins with the prompt's end", 'timeout="2"', "", THREE, [(4.9, "7")], "7", 6.9),
    ("a key just too late", 'timeout="2"', "", THREE, [(5.1, "7")], None, 5.0),
    ("each key begins the timeout anew", 'timeout="2"', "", "", [(1, "1"), (2.5, "2"), (4, "3")], "123", 6.0),
    ("a gap longer than the timeout", 'timeout="2"', "", "", [(1, "1"), (3.5, "2")], "1", 3.0),
    ("timeout 0 between keys", 'timeout="0"', "", ONE, [(0.5, "1"), (0.7, "2")], "1", 0.5),
    ("timeout 0, keys in one go", 'timeout="0"', "", ONE, [(0.5, "12")], "12", 0.5),
    # numDigits
    ("the last digit ends it", 'numDigits="1"', "", THREE, [(1, "5")], "5", 1.0),
    ("four digits", 'numDigits="4"', "", "", [(1, "1"), (2, "2"), (3, "3"), (4, "4")], "1234", 4.0),
    ("fewer than numDigits", 'numDigits="4"', "", "", [(1, "12")], "12", 6.0),
    ("more than numDigits", 'numDigits="2"', "", "", [(1, "1234")], "12", 1.0),
    ("numDigits and the finish key", 'numDigits="4"', "", "", [(1, "12#")], "12", 1.0),
    ("numDigits reached before the finish key", 'numDigits="2"', "", "", [(1, "12#")], "12", 1.0),
    ("stars count", 'numDigits="3"', "", "", [(1, "*1*")], "*1*", 1.0),
    # finishOnKey
    ("# ends by default", "", "", "", [(1, "42#")], "42", 1.0),
    ("# ends later", "", "", "", [(1, "4"), (2, "2"), (4, "#")], "42", 4.0),
    ("# alone collects nothing", "", "", "", [(1, "#")], None, 1.0),
    ("# in the prompt collects nothing", "", "", THREE, [(1, "#")], None, 1.0),
    ("* instead of #", 'finishOnKey="*"', "", "", [(1, "4#2*")], "4#2", 1.0),
    ("several finish keys, the first", 'finishOnKey="*#"', "", "", [(1, "4*")], "4", 1.0),
    ("several finish keys, the second", 'finishOnKey="*#"', "", "", [(1, "4#")], "4", 1.0),
    ("a digit as finish key", 'finishOnKey="0"', "", "", [(1, "120")], "12", 1.0),
    ("no finish key", 'finishOnKey=""', "", "", [(1, "1#2*")], "1#2*", 6.0),
    ("no finish key, numDigits", 'finishOnKey="" numDigits="3"', "", "", [(1, "#*#")], "#*#", 1.0),
    # actionOnEmptyResult
    ("empty, and reported", 'actionOnEmptyResult="true"', "", "", [], "", 5.0),
    ("empty by the finish key, and reported", 'actionOnEmptyResult="true"', "", THREE, [(1, "#")], "", 1.0),
    ("not empty, and reported", 'actionOnEmptyResult="true"', "", "", [(1, "1#")], "1", 1.0),
    (
        "empty after a timeout of 0, and reported",
        'actionOnEmptyResult="true" timeout="0"',
        "",
        "",
        [],
        "",
        0.0,
    ),
    # typed ahead
    ("typed ahead, whole", 'numDigits="2"', THREE, THREE, [(1, "12")], "12", 3.0),
    ("typed ahead with the finish key", "", THREE, THREE, [(1, "12#")], "12", 3.0),
    ("typed ahead in part", 'numDigits="3"', THREE, THREE, [(1, "12"), (4, "3")], "123", 4.0),
    ("typed ahead, then silence", 'timeout="2"', THREE, THREE, [(1, "12")], "12", 5.0),
    ("typed ahead, only the finish key", "", THREE, THREE, [(1, "#")], None, 3.0),
    ("typed ahead during a pause", 'numDigits="1"', '<Pause length="2"/>', THREE, [(1, "9")], "9", 2.0),
    ("typed ahead, more than wanted", 'numDigits="1"', THREE, "", [(1, "98")], "9", 3.0),
    # barge-in
    ("a key in the second prompt", 'numDigits="1"', "", ONE + THREE, [(2, "3")], "3", 2.0),
    (
        "a key in a pause between prompts",
        'numDigits="1"',
        "",
        ONE + '<Pause length="9"/>',
        [(5, "3")],
        "3",
        5.0,
    ),
    (
        "a key in an endless prompt",
        'numDigits="1"',
        "",
        '<Play loop="0">x.wav</Play>',
        [(60, "3")],
        "3",
        60.0,
    ),
    (
        "a key while it is said",
        'numDigits="1"',
        "",
        "<Say>One. Two. Three. Four.</Say>",
        [(0.25, "3")],
        "3",
        0.25,
    ),
]


@pytest.mark.usefixtures("sounding")
@pytest.mark.parametrize("way", ["rtp", "info", "inband"])
@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_keys(run_story: RunStory, row: tuple[str, str, str, str, Keys, str | None, float], way: str) -> None:
    _, attributes, before, prompts, keys, digits, at = row

    async def story(here: World) -> None:
        asked = watched(here)
        here.application.documents |= {"/got": "<Response/>", "/nothing": "<Response/>"}
        call, phone = here.caller(
            f'<Response>{before}<Gather action="/got" {attributes}>{prompts}</Gather>'
            "<Redirect>/nothing</Redirect></Response>"
        )
        stream, loop = here.stream_of(call), asyncio.get_running_loop()
        for when, pressed in keys:
            loop.call_later(when, press, here, phone, stream, way, pressed)
        await here.live.empty.wait()
        [_, (when, path, parameters)] = asked
        assert (path, parameters.get("Digits")) == (
            ("/nothing", None) if digits is None else ("/got", digits)
        )
        assert when == pytest.approx(at, abs=0.02)
        assert not any(each.is_playing for each in stream.playbacks)

    run_story(story)


def test_the_table_is_long_enough() -> None:
    assert len(TABLE) >= 40
    assert len({row[0] for row in TABLE}) == len(TABLE)


@pytest.mark.usefixtures("sounding")
def test_a_key_stops_the_prompt_at_once_and_what_was_typed_ahead_lets_none_begin(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        here.application.documents["/got"] = "<Response/>"
        call, _ = here.caller(
            f'<Response>{ONE}<Gather numDigits="1">{THREE}</Gather></Response>'.replace(
                "<Gather", '<Gather action="/got"'
            )
        )
        stream = here.stream_of(call)
        asyncio.get_running_loop().call_later(0.5, stream.press, "1")
        await here.live.empty.wait()
        assert len(stream.playbacks) == 1, "the prompt of the Gather is not heard at all"

    run_story(story)


@pytest.mark.usefixtures("sounding")
def test_without_an_action_the_current_document_is_asked(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        asked = watched(here)
        call, _ = here.caller('<Response><Gather numDigits="1" method="GET"/></Response>')
        stream, loop = here.stream_of(call), asyncio.get_running_loop()
        loop.call_later(1, stream.press, "1")
        loop.call_later(1.5, here.application.documents.update, {"/voice": "<Response/>"})
        loop.call_later(2, stream.press, "2")
        await here.live.empty.wait()
        assert [(path, each.get("Digits")) for _, path, each in asked] == [
            ("/voice", None),
            ("/voice", "1"),
            ("/voice", "2"),
        ]

    run_story(story)


@pytest.mark.usefixtures("sounding")
@pytest.mark.parametrize("at", [0.0, 0.05, 1.5, 3.5, 4.5])
def test_a_caller_who_leaves_anywhere_leaves_nothing(run_story: RunStory, at: float) -> None:
    async def story(here: World) -> None:
        here.services = replace(here.services, recogniser=ScriptedRecogniser([]))
        here.script = Interpreter(here.services)
        call, phone = here.caller(
            f'<Response><Gather input="dtmf speech" action="/got">{THREE}</Gather></Response>'
        )
        if at == 4.5:
            asyncio.get_running_loop().call_later(4, here.stream_of(call).press, "1")
        await asyncio.sleep(at)
        phone.hang_up()
        await here.live.empty.wait()
        assert here.application.asked("/got") == []

    run_story(story)


# --- speech --------------------------------------------------------------------------------------------------


@dataclass
class ScriptedRecogniser:
    """A recogniser that hears what the test gives it, in turn; each takes a while."""

    answers: list[str]
    takes_s: float = 0.3
    heard: list[tuple[float, str | None, tuple[str, ...]]] = field(default_factory=list)

    def prepare(self) -> None:
        """Ready."""

    async def recognise(
        self, samples: NDArray[np.int16], rate: int, language: str | None, hints: tuple[str, ...]
    ) -> Recognised:
        self.heard.append((len(samples) / rate, language, hints))
        await asyncio.sleep(self.takes_s)
        answer = self.answers.pop(0) if self.answers else ""
        if answer == "fails":
            raise EngineFailed("whisper", "it died")
        return Recognised(answer, 0.9 if answer else 0.0)


class ScriptedSpeaker:
    """Says something into the leg, 20 ms at a time, as the media plane hands it over."""

    def __init__(self, spoken: list[tuple[float, float]]) -> None:
        self.spoken = spoken
        self._noise = np.random.default_rng(1)

    async def talk(self, stream: FakeStream) -> None:
        loop = asyncio.get_running_loop()
        begun = loop.time()
        while not stream.listenings:  # noqa: ASYNC110 - the clock jumps
            await asyncio.sleep(0.02)
        [listening] = stream.listenings
        while not listening.is_closed:
            await asyncio.sleep(0.02)
            now = loop.time() - begun
            level = 6000 if any(begin <= now < end for begin, end in self.spoken) else 20
            frame = self._noise.standard_normal(listening.audio_format.rate // 50) * level
            listening.put(frame.clip(-32768, 32767).astype("<i2").tobytes())


@asynccontextmanager
async def speaking(
    here: World,
    recogniser: ScriptedRecogniser | None,
    spoken: list[tuple[float, float]],
    attributes: str,
    prompts: str = THREE,
) -> AsyncIterator[tuple[FakeStream, list[tuple[float, str, dict[str, str]]]]]:
    """A caller who says something during these times, in a Gather with these attributes."""
    here.services = replace(here.services, recogniser=recogniser)
    here.script = Interpreter(here.services)
    asked = watched(here)
    here.application.documents |= {
        "/got": "<Response/>",
        "/nothing": "<Response/>",
        "/partial": "<Response/>",
    }
    call, _ = here.caller(
        f'<Response><Gather action="/got" {attributes}>{prompts}</Gather>'
        "<Redirect>/nothing</Redirect></Response>"
    )
    stream = here.stream_of(call)
    async with asyncio.TaskGroup() as tasks:
        speaker = tasks.create_task(ScriptedSpeaker(spoken).talk(stream))
        yield stream, asked
        await here.live.empty.wait()
        speaker.cancel()
    assert all(listening.is_closed for listening in stream.listenings)


SPEECH_TABLE: list[tuple[str, str, list[tuple[float, float]], list[str], Keys, dict[str, str] | None, float]] = [
    # name, attributes, times of speech, what is understood, keys, what is reported (None: nothing), when
    ("a word after the prompt", 'speechTimeout="1"', [(4, 5)], ["yes"], [], {"SpeechResult": "yes"}, 6.3),
    ("a word in the prompt", 'speechTimeout="1"', [(1, 2)], ["yes"], [], {"SpeechResult": "yes"}, 3.3),
    ("auto", 'speechTimeout="auto"', [(1, 2)], ["yes"], [], {"SpeechResult": "yes"}, 3.3),
    ("speechTimeout is timeout", 'timeout="3"', [(1, 2)], ["yes"], [], {"SpeechResult": "yes"}, 5.3),
    ("a breath within", 'speechTimeout="2"', [(1, 2), (3, 4)], ["so"], [], {"SpeechResult": "so"}, 6.3),
    ("silence", 'timeout="2"', [], [], [], None, 5.0),
    ("silence, reported", 'timeout="2" actionOnEmptyResult="true"', [], [], [], {"SpeechResult": ""}, 5.0),
    ("a click is not speech", 'timeout="2"', [(1, 1.04)], [], [], None, 5.0),
    ("a noise, then a word", 'speechTimeout="1"', [(1, 2), (5, 6)], ["", "no"], [], {"SpeechResult": "no"}, 7.3),
    ("a noise, then nothing", 'speechTimeout="1" timeout="2"', [(1, 2)], [""], [], None, 5.3),
    ("the recogniser fails", 'speechTimeout="1" timeout="2"', [(1, 2)], ["fails"], [], None, 5.3),
    ("a key instead", 'numDigits="1"', [], [], [(1, "5")], {"Digits": "5"}, 1.0),
    ("a key while speaking", 'numDigits="1"', [(1, 4)], ["x"], [(2, "5")], {"Digits": "5"}, 2.0),
    ("a key after it", 'numDigits="1" speechTimeout="1"', [(1, 2)], ["x"], [(3.2, "5")], {"Digits": "5"}, 3.2),
    ("keys, then speech is ignored", 'timeout="2"', [(2, 3)], ["x"], [(1, "5")], {"Digits": "5"}, 3.0),
]  # fmt: skip


@pytest.mark.usefixtures("sounding")
@pytest.mark.parametrize("row", SPEECH_TABLE, ids=lambda row: row[0])
def test_speech(
    run_story: RunStory,
    row: tuple[str, str, list[tuple[float, float]], list[str], Keys, dict[str, str] | None, float],
) -> None:
    name, attributes, spoken, understood, keys, reported, at = row
    kind = "speech" if reported == {"SpeechResult": ""} else "dtmf speech"

    async def story(here: World) -> None:
        recogniser = ScriptedRecogniser(list(understood))
        async with speaking(here, recogniser, spoken, f'input="{kind}" {attributes}') as (stream, asked):
            for when, pressed in keys:
                asyncio.get_running_loop().call_later(when, stream.press, pressed)
        [_, (when, path, parameters)] = asked
        assert path == ("/nothing" if reported is None else "/got")
        for key, value in (reported or {}).items():
            assert parameters[key] == value
        if reported and reported.get("SpeechResult"):
            assert parameters["Confidence"] == "0.90"
            assert "Digits" not in parameters
        assert when == pytest.approx(at, abs=0.2)
        notified = [each.message_text for each in here.book.notifications]
        assert len(notified) == (name == "the recogniser fails"), notified

    run_story(story)


@pytest.mark.usefixtures("sounding")
@pytest.mark.parametrize("at", [0.5, 1.1, 1.5, 2.5, 3.15])
def test_a_caller_who_leaves_while_speaking_leaves_nothing(run_story: RunStory, at: float) -> None:
    """In the prompt, at the first sound, in the word, in the silence after it, while it is recognised."""

    async def story(here: World) -> None:
        recogniser = ScriptedRecogniser(["I", "I am", "gone"])
        attributes = 'input="speech" speechTimeout="1" partialResultCallback="/partial"'
        async with speaking(here, recogniser, [(1, 2)], attributes) as (_, asked):
            [call] = here.live.calls()
            asyncio.get_running_loop().call_later(at, call.hang_up, "the caller left")
        assert "/got" not in [path for _, path, _ in asked]

    run_story(story)


@pytest.mark.usefixtures("sounding")
def test_the_first_word_stops_the_prompt(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        stopped: list[float] = []
        original = FakePlayback.stop

        def stop(self: FakePlayback) -> None:
            if self.is_playing:
                stopped.append(asyncio.get_running_loop().time())
            original(self)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(FakePlayback, "stop", stop)
            async with speaking(
                here, ScriptedRecogniser(["yes"]), [(1, 2)], 'input="speech" speechTimeout="1"'
            ):
                pass
        assert stopped[0] == pytest.approx(1.15, abs=0.1)

    run_story(story)


@pytest.mark.usefixtures("sounding")
def test_the_recogniser_gets_what_was_said_with_language_and_hints(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        recogniser = ScriptedRecogniser(["yes"])
        attributes = 'input="speech" speechTimeout="1" language="en-GB" hints="yes, no,$OOV_CLASS_TIME"'
        async with speaking(here, recogniser, [(4, 5)], attributes):
            pass
        [(seconds, language, hints)] = recogniser.heard
        assert seconds == pytest.approx(2.5, abs=0.25), "a little before, the word, and the silence after it"
        assert (language, hints) == ("en-GB", ("yes", "no"))

    run_story(story)


@pytest.mark.usefixtures("sounding")
def test_partial_results_are_reported_while_somebody_speaks(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        recogniser = ScriptedRecogniser(["I want", "I want a", "I want a room"], takes_s=0.1)
        attributes = 'input="speech" speechTimeout="1" partialResultCallback="/partial"'
        async with speaking(here, recogniser, [(4, 6.0)], attributes) as (_, asked):
            pass
        partials = [parameters for _, path, parameters in asked if path == "/partial"]
        assert [
            (each["StableSpeechResult"], each["UnstableSpeechResult"], each["SequenceNumber"])
            for each in partials
        ] == [("", "I want", "0"), ("I want", "a", "1")]
        [got] = [parameters for _, path, parameters in asked if path == "/got"]
        assert got["SpeechResult"] == "I want a room"

    run_story(story)


@pytest.mark.usefixtures("sounding")
@pytest.mark.parametrize(
    ("kind", "keys", "expected"), [("speech", "", "/nothing"), ("dtmf speech", "5#", "/got")]
)
def test_without_a_recogniser_it_goes_on_with_a_notification(
    run_story: RunStory, kind: str, keys: str, expected: str
) -> None:
    async def story(here: World) -> None:
        asked = watched(here)
        here.application.documents |= {"/got": "<Response/>", "/nothing": "<Response/>"}
        call, _ = here.caller(
            f'<Response><Gather input="{kind}" action="/got">{THREE}</Gather><Redirect>/nothing</Redirect></Response>'
        )
        asyncio.get_running_loop().call_later(4, here.stream_of(call).press, keys)
        await here.live.empty.wait()
        assert [path for _, path, _ in asked] == ["/voice", expected]
        [notification] = here.book.notifications
        assert (notification.error_code, notification.log) == (60_041, 1)
        assert re.search("no recogniser", notification.message_text)

    run_story(story)


@pytest.mark.usefixtures("sounding")
def test_a_leg_that_cannot_be_heard_leaves_the_keys(run_story: RunStory) -> None:
    async def story(here: World) -> None:
        here.services = replace(here.services, recogniser=ScriptedRecogniser([]))
        here.script = Interpreter(here.services)
        here.application.documents["/got"] = "<Response/>"
        call, _ = here.caller(
            f'<Response><Gather input="dtmf speech" numDigits="1" action="/got">{THREE}</Gather></Response>'
        )
        await asyncio.sleep(1)
        stream = here.stream_of(call)
        stream.listenings[0].close()
        await asyncio.sleep(1)
        stream.press("4")
        await here.live.empty.wait()
        assert here.application.asked("/got")[0]["Digits"] == "4"
        [notification] = here.book.notifications
        assert "nothing can be heard" in notification.message_text

    run_story(story)
