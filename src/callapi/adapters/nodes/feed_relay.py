"""The feed over all nodes: while a client reads it anywhere, every node passes its events on; otherwise none does."""

import asyncio
import logging
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Final

from msgspec import MsgspecError
from msgspec.json import Decoder, Encoder

from callapi.api import Feed, Relayed
from callapi.base.retrying import every, retried
from callapi.store import Bus, Unavailable

log = logging.getLogger(__name__)

FEED: Final = "feed"
WANTED: Final = "feed-wanted"
ASK_EVERY_S: Final = 4.0
WANTED_S: Final = 10.0
"""How long a node goes on passing events after it was asked."""
GATHER_S: Final = 0.05
"""How long events are gathered, so that one transaction carries many."""
MAX_PENDING: Final = 2_000
MAX_PAYLOAD: Final = 7_800
"""Octets of one notification of PostgreSQL, less what else is in it."""
_DECODER: Final = Decoder(Relayed)


def _plain(value: object) -> object:
    return dict(value) if isinstance(value, Mapping) else str(value)


_ENCODER: Final = Encoder(enc_hook=_plain)


class FeedRelay:
    """Passes this node's events on, and takes in those of others."""

    def __init__(self, feed: Feed) -> None:
        self._feed = feed
        self._loop = asyncio.get_running_loop()
        self._wanted_until = float("-inf")
        self._pending: deque[str] = deque(maxlen=MAX_PENDING)
        self._has_pending = asyncio.Event()
        feed.export_to(self._export, self._is_wanted)

    def wanted(self, _node: str, _detail: str) -> None:
        """A client of another node reads the feed."""
        self._wanted_until = self._loop.time() + WANTED_S

    def heard(self, _node: str, detail: str) -> None:
        """An event of another node."""
        with suppress(MsgspecError):
            self._feed.relay(_DECODER.decode(detail))

    async def send(self, bus: Bus) -> None:
        """Pass events on until cancelled; those of a moment in which the database is away are lost to other nodes."""
        while True:
            await self._has_pending.wait()
            await asyncio.sleep(GATHER_S)
            self._has_pending.clear()
            events = list(self._pending)
            self._pending.clear()
            try:
                await bus.publish(FEED, events)
            except Unavailable as error:
                log.warning("%d events are not passed on: %s", len(events), error)

    async def ask(self, bus: Bus) -> None:
        """Ask the others for their events while a client reads the feed here, until cancelled."""

        async def ask() -> None:
            await self._feed.has_clients.wait()
            await retried(partial(bus.publish, WANTED, [""]), Unavailable)

        await every(ASK_EVERY_S, ask)

    def _is_wanted(self) -> bool:
        return self._loop.time() < self._wanted_until

    def _export(self, event: Relayed) -> None:
        try:
            encoded = _ENCODER.encode(event)
        except (TypeError, ValueError) as error:  # text that is not Unicode, as strangers may send it
            log.warning("an event is not passed on: %s", error)
            return
        if len(encoded) <= MAX_PAYLOAD:
            self._pending.append(encoded.decode())
            self._has_pending.set()
