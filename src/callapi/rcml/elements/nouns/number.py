"""`<Number>`: a telephone number to call through the configured trunk. A noun of `<Dial>`."""

from dataclasses import dataclass

from callapi.rcml.attributes import Attributes
from callapi.rcml.elements.copied_text import read_target
from callapi.rcml.elements.element import refuse_children
from callapi.rcml.elements.machine_detection import DetectedParty, read_machine_detection
from callapi.rcml.elements.nouns.noun import Noun, read_callbacks, warn_without_target
from callapi.rcml.tree import ElementNode

MAX_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Number(Noun):
    """Call a telephone number."""

    number: str
    """As written, trimmed; headers may follow as on a SIP URI: `+14155550100?X-Order=7`."""
    send_digits: str | None = None
    """Digits to send once answered, before screening: 0-9 A-D * #, `w` waits 0.5 s, `W` 1 s; at most 32."""
    machine_detection: DetectedParty | None = None
    """Find out who answers; not together with `send_digits`."""


def read_number(node: ElementNode) -> Number:
    """`<Number>` as written."""
    given = Attributes(node)
    number = Number(
        number=read_target(node, node.text),
        send_digits=given.tones("sendDigits", MAX_DIGITS, code=13222),
        machine_detection=read_machine_detection(given),
        **read_callbacks(node, given, 13221),
    )
    if number.send_digits and number.machine_detection is not None:
        message = f"machineDetection on <{node.name}> has no effect beside sendDigits"
        node.warn(message, attribute="machineDetection")
    given.finish()
    refuse_children(node, 13215)
    warn_without_target(node, number.number, "the number")
    return number
