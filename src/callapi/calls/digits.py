"""The digits that a party has pressed and no verb has read yet.

Digits typed ahead of a `<Gather>` are kept, up to a bound; past it the oldest are dropped.
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
        """Add a digit."""
        self._digits = (self._digits + digit)[-TYPE_AHEAD:]
        self._pressed.ring()

    async def get(self) -> str:
        """The next digit, waiting without a bound: the caller sets one. Safe to cancel."""
        while not self._digits:
            await self._pressed.wait()
        digit, self._digits = self._digits[0], self._digits[1:]
        return digit

    def clear(self) -> None:
        """Drop the digits typed ahead."""
        self._digits = ""
