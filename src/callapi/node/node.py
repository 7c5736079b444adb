"""The life of one node: start, serve, drain, stop. `rooms` puts its parts together."""

import asyncio
import logging
import os
from collections.abc import Mapping
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

from callapi.base.ids import AccountSid
from callapi.base.settings import Settings
from callapi.node.gc_policy import GcPolicy
from callapi.node.joining import leave_queue
from callapi.node.public_address import with_public_address
from callapi.node.rooms import Rooms, open_rooms
from callapi.node.web import open_web

log = logging.getLogger(__name__)


class Node:
    """One voice node, up for as long as its block lasts.

    ::

        async with Node(load_settings(path)) as node:
            await stop_signal()
            await node.drain()
    """

    rooms: Rooms

    def __init__(self, settings: Settings, environ: Mapping[str, str] = os.environ) -> None:
        self._settings = settings
        self._environ = environ
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        """Start everything; when this returns, calls are taken and REST answers."""
        settings = await with_public_address(self._settings)
        async with AsyncExitStack() as stack:
            self.rooms = await open_rooms(settings, self._environ, stack)
            await open_web(settings, self.rooms, stack)
            self._stack = stack.pop_all()
        policy = GcPolicy(lambda: not len(self.rooms.live))
        policy.start()
        self._stack.callback(policy.stop)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """End every call, keep every record, stop everything."""
        await self._stack.__aexit__(kind, error, traceback)

    @property
    def account_sid(self) -> AccountSid:
        """The account that the node made at its first start."""
        return self.rooms.records.account.account.sid

    @property
    def auth_token(self) -> str:
        """The token of that account."""
        return self.rooms.records.account.account.auth_token

    @property
    def is_new_account(self) -> bool:
        """Whether this start made the account: its token was shown to no user before."""
        return self.rooms.records.account.is_new

    @property
    def is_draining(self) -> bool:
        """Whether new calls are refused."""
        return self.rooms.admission.is_draining

    async def fenced(self) -> None:
        """Return when another node has taken over what this one had; never where it has a database to itself."""
        neighbours = self.rooms.records.neighbours
        await (asyncio.Event() if neighbours is None else neighbours.member.fenced).wait()

    async def drain(self) -> None:
        """Take no new calls; return when the live ones are over, or after `node.drain_timeout_s`."""
        rooms = self.rooms
        rooms.admission.is_draining = True
        await leave_queue(rooms.queue_runner, "the node was stopped before the call was placed")
        log.info("draining: %d calls are up", len(rooms.live))
        try:
            async with asyncio.timeout(self._settings.node.drain_timeout_s):
                await rooms.live.empty.wait()
        except TimeoutError:
            log.info("drain timeout: %d calls are hung up", len(rooms.live))
