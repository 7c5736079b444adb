"""The digits of a party: those that no verb has read yet, and keys that reach us in several ways at once.

Digits typed ahead of a `<Gather>` are kept, up to a bound; past it the oldest are dropped.
"""

from collections.abc import Callable
from typing import Final

from callapi.base.notifier import Notifier
from callapi.sip import InfoDigits

TYPE_AHEAD: Final = 128
SAME_KEY_S: Final = 1.5
"""An INFO and an RTP event of the same key within this time are one key, pressed on a phone that sends both."""


class DigitBuffer:
    """A bounded queue of single digits (`0`-`9`, `*`, `#`, `A`-`D`)."""

    __slots__ = ("_digits", "_observers", "_pressed")

    def __init__(self) -> None:
        self._digits = ""
        self._pressed = Notifier()
        self._observers: tuple[Callable[[str], None], ...] = ()

    def put(self, digit: str) -> None:
        """Add a digit."""
        for observer in self._observers:
            observer(digit)
        self._digits = (self._digits + digit)[-TYPE_AHEAD:]
        self._pressed.ring()

    def attach(self, observer: Callable[[str], None]) -> Callable[[], None]:
        """Call `observer` with each digit that is pressed from now on; the result detaches it."""
        self._observers = (*self._observers, observer)

        def detach() -> None:
            self._observers = tuple(each for each in self._observers if each is not observer)

        return detach

    async def get(self) -> str:
        """The next digit, waiting without a bound: the caller sets one. Safe to cancel."""
        while not self._digits:
            await self._pressed.wait()
        digit, self._digits = self._digits[0], self._digits[1:]
        return digit

    def clear(self) -> None:
        """Drop the digits typed ahead."""
        self._digits = ""


class DigitSources:
    """Distinguishes keys from reports of keys: pure, `now` in seconds.

    A phone may send each key as an RTP event and as INFO (Yealink, Grandstream and Cisco have it as a setting). One
    matching pair shows it; from then on its INFO are ignored.
    """

    __slots__ = ("_by_info", "_by_media", "_event", "_sends_both")

    def __init__(self) -> None:
        self._by_info: list[tuple[str, float]] = []
        self._by_media: list[tuple[str, float]] = []
        self._event: tuple[str, int] | None = None
        self._sends_both = False

    def by_media(self, digit: str, now: float) -> bool:
        """A key came as an RTP event or a tone; whether it is new."""
        if self._sends_both:
            return True
        if _matches(self._by_info, digit, now):
            self._found_both()
            return False
        _note(self._by_media, digit, now)
        return True

    def by_info(self, info: InfoDigits, now: float) -> str:
        """The keys of an INFO that are new."""
        if info.is_event and not self._begins(info):
            return ""
        new = ""
        for digit in info.digits:
            if self._sends_both:
                break
            if _matches(self._by_media, digit, now):
                self._found_both()
            else:
                _note(self._by_info, digit, now)
                new += digit
        return new

    def _begins(self, info: InfoDigits) -> bool:
        """Whether an RTP event in an INFO begins a key: it goes on while its duration grows, up to its end."""
        held = self._event
        goes_on = held is not None and held[0] == info.digits and info.duration > held[1]
        self._event = None if info.is_end else (info.digits, info.duration)
        return not goes_on and not (info.is_end and held is not None and held[0] == info.digits)

    def _found_both(self) -> None:
        self._sends_both = True
        self._by_info.clear()
        self._by_media.clear()


def _matches(reported: list[tuple[str, float]], digit: str, now: float) -> bool:
    """Whether the other way has reported `digit` just now."""
    return any(each == digit and now - at <= SAME_KEY_S for each, at in reported)


def _note(reported: list[tuple[str, float]], digit: str, now: float) -> None:
    """Keep `digit`, and what is not too old, up to a bound."""
    reported[:] = [*(each for each in reported if now - each[1] <= SAME_KEY_S), (digit, now)][-TYPE_AHEAD:]
