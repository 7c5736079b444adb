"""Two calls that talk outside of any document: after a transfer, or after an INVITE with Replaces.

Each has a story of its own; when either ends, both calls are hung up.
"""

from callapi.calls.bridges.bridge import bridged
from callapi.calls.call import Call
from callapi.calls.one_shot import OneShot
from callapi.media import MediaPlane


class Conversation:
    """`run` is the story of one party, `stay` that of the other."""

    def __init__(self, plane: MediaPlane, one: Call, other: Call) -> None:
        self._plane = plane
        self._one = one
        self._other = other
        self._over: OneShot[None] = OneShot()

    def begin(self) -> None:
        """Take both out of what they are in, and let them talk."""
        self._other.redirect(self.stay)
        self._one.redirect(self.run)

    async def run(self) -> None:
        """Hear and be heard until either is gone."""
        self._one.answer()
        self._other.answer()
        try:
            with bridged(self._plane, self._one, self._other):
                await self._over.wait()
        finally:
            self._over.set(None)

    async def stay(self) -> None:
        """Until either is gone."""
        try:
            await self._over.wait()
        finally:
            self._over.set(None)
