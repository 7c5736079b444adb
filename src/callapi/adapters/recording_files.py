"""The files of recordings: this node's own, and for a while copies of those of other nodes.

A recording stays on the node that made it. Another node that is asked for it fetches it over REST, with the account's
own credentials, and keeps the copy for some minutes, so that byte ranges, MP3 and playing work as with its own.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

import aiohttp

from callapi.base.api_version import API_VERSION
from callapi.base.ids import RecordingSid
from callapi.base.later import imported
from callapi.base.retrying import every
from callapi.store import RecordingRecord, Store

log = logging.getLogger(__name__)

COPIES: Final = "recordings-of-other-nodes"
KEPT_S: Final = 300.0
SWEEP_EVERY_S: Final = 60.0
TIMEOUT_S: Final = 60.0
_CHUNK: Final = 1 << 16


class RecordingFiles:
    """Finds the WAV of a recording. `where(node)` is the `http://host:port` of a node that runs; None: it does not."""

    def __init__(self, folder: Path, name: str, store: Store, where: Callable[[str], str | None]) -> None:
        """`folder` has this node's own recordings; copies go beside it."""
        self._folder = folder
        self._copies = folder.with_name(COPIES)
        self._name = name
        self._store = store
        self._where = where
        self._locks: dict[str, asyncio.Lock] = {}

    async def path(self, recording: RecordingRecord) -> Path | None:
        """The file, whole; None if there is none, or the node that has it does not answer."""
        if not recording.path:
            return None
        own = self._folder / recording.path
        if recording.node in {"", self._name} or await asyncio.to_thread(own.is_file):
            return own if await asyncio.to_thread(own.is_file) else None
        lock = self._locks.setdefault(recording.sid, asyncio.Lock())
        try:
            async with lock:
                return await self._copy(recording)
        finally:
            if not lock.locked():
                self._locks.pop(recording.sid, None)

    async def path_of(self, sid: str) -> Path | None:
        """The same by sid: for `<Play>` of a RecordingUrl. Raises Unavailable."""
        own = self._folder / f"{sid}.wav"
        if await asyncio.to_thread(own.is_file):
            return own
        recording = await self._store.recordings.fetch(RecordingSid(sid))
        return await self.path(recording) if recording is not None else None

    async def _copy(self, recording: RecordingRecord) -> Path | None:
        copy = self._copies / f"{recording.sid}.wav"
        if await asyncio.to_thread(copy.is_file):
            return copy
        base = self._where(recording.node)
        account = await self._store.accounts.by_sid(recording.account_sid)
        if base is None or account is None:
            return None
        url = f"{base}/{API_VERSION}/Accounts/{account.sid}/Recordings/{recording.sid}.wav"
        await imported("aiohttp")
        login = aiohttp.encode_basic_auth(account.sid, account.auth_token)
        try:
            return await self._fetch(url, login, copy)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            log.warning("recording %s cannot be had from node %s: %s", recording.sid, recording.node, error)
            return None

    async def _fetch(self, url: str, login: str, copy: Path) -> Path | None:
        await asyncio.to_thread(self._copies.mkdir, parents=True, exist_ok=True)
        part = copy.with_suffix(".part")
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        headers = {"Authorization": login}
        async with (
            aiohttp.ClientSession(headers=headers, timeout=timeout) as session,
            session.get(url) as answer,
        ):
            if answer.status != 200:
                return None
            with part.open("wb") as file:
                async for chunk in answer.content.iter_chunked(_CHUNK):
                    await asyncio.to_thread(file.write, chunk)
        await asyncio.to_thread(part.replace, copy)
        return copy

    def forget(self, sid: str) -> None:
        """The recording is deleted: its copy goes too."""
        for suffix in (".wav", ".mp3"):
            (self._copies / sid).with_suffix(suffix).unlink(missing_ok=True)

    async def sweep(self) -> None:
        """Remove copies that are old, until cancelled."""
        await every(SWEEP_EVERY_S, partial(asyncio.to_thread, self._remove_old))

    def _remove_old(self) -> None:
        if not self._copies.is_dir():
            return
        for each in self._copies.iterdir():
            with contextlib.suppress(OSError):
                if time.time() - each.stat().st_mtime > KEPT_S:
                    each.unlink()
