"""The digits that a party has pressed and nobody has read yet.

Digits typed ahead of a `<Gather>` are kept, up to a bound; past it the oldest are forgotten.
"""

from typing import Final

from callapi.base.notifier import Notifier

TYPE_AHEAD: Final = 128


class DigitBuffer:
    """A bounded queue of single digits (`0`-`9`, `*`, `#`, `A`-`D`)."""

    __slots__ = ("_digits", "_pressed")

    def __init__(self) -> None:
        self._digits = ""
        self._pressed = Notifier()

    def put(self, digit: str) -> None:
        """Add what was just pressed."""
        self._digits = (self._digits + digit)[-TYPE_AHEAD:]
        self._pressed.ring()

    async def get(self) -> str:
        """The next digit, waiting for it without a bound: the caller of this sets one. Safe to cancel."""
        while not self._digits:
            await self._pressed.wait()
        digit, self._digits = self._digits[0], self._digits[1:]
        return digit

    def clear(self) -> None:
        """Forget what was typed ahead."""
        self._digits = ""
