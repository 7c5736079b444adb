"""`<Number>`: a telephone number to call through the configured trunk. A noun of `<Dial>`."""

from dataclasses import dataclass

from callapi.rcml.elements.noun import Noun

MOST_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Number(Noun):
    """Call a telephone number."""

    number: str
    """As written, trimmed; headers may follow as on a SIP URI: `+14155550100?X-Order=7`."""
    send_digits: str | None = None
    """Digits to send once answered, before screening: 0-9 A-D * #, `w` waits 0.5 s, `W` 1 s; at most 32."""
