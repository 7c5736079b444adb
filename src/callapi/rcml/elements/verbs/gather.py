"""`<Gather>`: collect digits or speech while prompts are played."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from callapi.rcml.attributes import Attributes, Method
from callapi.rcml.elements.element import Element, refuse_nested, refuse_text
from callapi.rcml.elements.verbs.pause import Pause, read_pause
from callapi.rcml.elements.verbs.play import Play, read_play
from callapi.rcml.elements.verbs.say import Say, read_language, read_say
from callapi.rcml.tree import ElementNode

Prompt: TypeAlias = Say | Play | Pause

MAX_TIMEOUT_S = 86_400
MAX_DIGITS = 1000
MAX_SPEECH_S = 60


class GatherInput(StrEnum):
    """What is listened for."""

    DTMF = "dtmf"
    SPEECH = "speech"


@dataclass(frozen=True, slots=True)
class Gather(Element):
    """Play `prompts` and collect what the caller enters or says; the first digit ends the prompts."""

    prompts: tuple[Prompt, ...] = ()
    input: frozenset[GatherInput] = frozenset({GatherInput.DTMF})
    action: str | None = None
    """URL that gets what was collected; None: the URL of the current document."""
    method: Method = Method.POST
    timeout: int = 5
    """Seconds without a digit after the prompts, or between digits, that end it; 0 to 86400."""
    finish_on_key: str = "#"
    """Keys, any of which ends it and is not part of the digits; empty: none does."""
    num_digits: int | None = None
    """It ends when so many digits were entered, 1 to 1000; None: no limit of the application's."""
    action_on_empty_result: bool = False
    """Ask `action` even if nothing was collected."""
    hints: str | None = None
    """Words to expect, separated by commas."""
    language: str | None = None
    speech_timeout: int | None = 5
    """Seconds of silence that end speech; None: `auto`, the engine decides. Default: `timeout`."""
    partial_result_callback: str | None = None
    partial_result_callback_method: Method = Method.POST
    max_speech_time: int | None = None
    """Seconds after which speech is over, however long it goes on, 1 to 60; None: when it ends."""
    profanity_filter: bool = True
    """Hide the letters of coarse words in what was understood."""
    barge_in: bool = True
    """Whether digits and speech stop the prompts; else they are played to their end first."""


def read_gather(node: ElementNode) -> Gather:
    """`<Gather>` as written."""
    given = Attributes(node)
    timeout = given.whole("timeout", 5, (0, MAX_TIMEOUT_S), code=13313)
    gather = Gather(
        prompts=tuple(_read_prompts(node)),
        input=_read_input(given),
        action=given.url("action"),
        method=given.method(code=13312),
        timeout=timeout,
        finish_on_key=given.keys("finishOnKey", "#", code=13310),
        num_digits=given.whole("numDigits", 0, (1, MAX_DIGITS), code=13314) or None,
        action_on_empty_result=given.flag("actionOnEmptyResult", default=False),
        hints=given.text("hints"),
        language=read_language(given),
        speech_timeout=_read_speech_timeout(given, timeout),
        partial_result_callback=given.url("partialResultCallback"),
        partial_result_callback_method=given.method("partialResultCallbackMethod"),
        max_speech_time=given.whole("maxSpeechTime", 0, (1, MAX_SPEECH_S)) or None,
        profanity_filter=given.flag("profanityFilter", default=True),
        barge_in=given.flag("bargeIn", default=True),
        line=node.line,
        column=node.column,
    )
    given.without_effect("debug", "enhanced", "speechModel")
    given.finish()
    refuse_text(node)
    return gather


def _read_input(given: Attributes) -> frozenset[GatherInput]:
    if (given.text("input") or "").lower() == "dtmf_speech":  # as the ancestor wrote it
        return frozenset(GatherInput)
    return given.words("input", GatherInput.DTMF)


def _read_prompts(node: ElementNode) -> Iterator[Prompt]:
    for child in node.children:
        match child.name:
            case "Say":
                yield read_say(child, 13322)
            case "Play":
                yield read_play(child, 13322)
            case "Pause":
                yield read_pause(child)
            case _:
                refuse_nested(child, node, 13320)


def _read_speech_timeout(given: Attributes, timeout: int) -> int | None:
    if (given.text("speechTimeout") or "").lower() == "auto":
        return None
    return given.whole("speechTimeout", timeout, (1, MAX_TIMEOUT_S), code=13327)
