"""`<Gather>`: collect digits or speech while prompts are played."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from callapi.rcml.elements.element import Element, Method
from callapi.rcml.elements.pause import Pause
from callapi.rcml.elements.play import Play
from callapi.rcml.elements.say import Say

Prompt: TypeAlias = Say | Play | Pause

LONGEST_TIMEOUT_S = 86_400
MOST_DIGITS = 1000


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
