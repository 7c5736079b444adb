"""The end of an application that `<Dial><Application>` calls: it speaks and listens on the leg of the caller.

It has no session and no ports of its own. The caller's leg stays the caller's: what happens to its session and its
stream is its own call's to attend to, and closing the lent leg leaves it as it is.
"""

from collections.abc import Callable

from callapi.calls.legs.leg import Leg, LegEvent
from callapi.calls.one_shot import OneShot
from callapi.media import VideoFormat
from callapi.sip import Ended, Party


class LentLeg(Leg):
    """`of`, lent to a child call. `answered` answers the caller, if that is still to be done."""

    __slots__ = ("_answered", "_ended", "_is_answered")

    def __init__(self, of: Leg, answered: Callable[[], None]) -> None:
        super().__init__(of.party, of.stream)
        self._answered = answered
        self._is_answered = False
        self._ended: OneShot[Ended] = OneShot()

    @property
    def is_lent(self) -> bool:
        """As Leg.is_lent."""
        return True

    @property
    def offered_video(self) -> tuple[VideoFormat, ...]:
        """None: an application's call is audio alone."""
        return ()

    @property
    def is_answered(self) -> bool:
        """Whether the application has taken the call."""
        return self._is_answered

    @property
    def is_refusable(self) -> bool:
        """As Leg.is_refusable."""
        return not self._is_answered

    def ring(self) -> None:
        """The caller's phone was rung by its own call."""

    def offer_early_media(self) -> None:
        """The caller was answered, or waits for the application."""

    def answer(self) -> None:
        """The application takes the call."""
        self._is_answered = True
        self._answered()

    def refuse(self, code: int, headers: tuple[tuple[str, str], ...] = ()) -> None:  # noqa: ARG002 - no message is sent
        """The application does not take the call."""
        self._end(code)

    def hang_up(self, reason: str | None = None) -> None:  # noqa: ARG002 - no message is sent
        """The application is done; the caller's session goes on."""
        self._end(None)

    def leave(self) -> None:
        """As `hang_up`."""
        self._end(None)

    def close(self) -> None:
        """The ports are the caller's."""

    async def next_event(self) -> LegEvent:
        """The end, the only thing that happens here by itself."""
        return await self._ended.wait()

    def _end(self, code: int | None) -> None:
        self._ended.set(Ended(Party.LOCAL, code, "the application ended the call"))
