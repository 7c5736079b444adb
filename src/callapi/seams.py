"""Where rooms that do not know one another meet: each class fills a `Protocol` of one room with another's means."""

import asyncio
import random
import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path
from typing import Final

from callapi.base.clock import steady_now
from callapi.base.ids import AccountSid, CallSid, EventId
from callapi.calls.inbound import Route
from callapi.calls.journal import Journal, Problem
from callapi.calls.live import DocumentRequest, Subscription
from callapi.calls.refusals import Refusal
from callapi.media import UnplayableAudio
from callapi.media.audio_files import MAX_BYTES, encode_mp3
from callapi.media.prompts import Fetched, Unchanged
from callapi.store import (
    ApplicationRecord,
    BindingRecord,
    CallbackAttempted,
    CallbackRecord,
    ClientRecord,
    NumberRecord,
    Parameters,
    Remove,
    Store,
    TrunkRecord,
)
from callapi.webhooks import (
    BadStatus,
    Callback,
    DuePage,
    Fetcher,
    WebhookError,
    WebRequest,
    without_credentials,
)

ACTIVE: Final = "active"
CALLBACK_LOST: Final = 15_003


def as_callback(record: CallbackRecord) -> Callback:
    """A row of the outbox as the deliverer sees it."""
    return Callback(
        event_id=record.event_id,
        stream=record.stream,
        url=record.url,
        method="GET" if record.method == "GET" else "POST",
        parameters=record.parameters,
        account_sid=record.account_sid,
        created_at=record.created_at.timestamp(),
        attempts=record.attempts,
        next_at=record.next_at.timestamp(),
    )


class OutboxRows:
    """The store as the outbox's `OutboxStore`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._journal = Journal(store)

    async def hosts(self, limit: int) -> list[str]:
        """As `OutboxStore`."""
        await self._store.settle()
        return list(await self._store.callbacks.hosts(limit))

    async def due(self, host: str, now: float, limit: int) -> DuePage:
        """As `OutboxStore`."""
        await self._store.settle()
        records, next_at = await self._store.callbacks.due(host, datetime.fromtimestamp(now, UTC), limit)
        return DuePage(tuple(map(as_callback, records)), next_at.timestamp() if next_at else None)

    def delivered(self, event_id: str) -> None:
        """As `OutboxStore`."""
        self._store.write(Remove(CallbackRecord, (event_id,)))

    def given_up(self, callback: Callback, error: str) -> None:
        """As `OutboxStore`; the developer of the application is told which callback is lost."""
        self._store.write(Remove(CallbackRecord, (callback.event_id,)))
        facts = dict(callback.parameters)
        url = without_credentials(callback.url)
        self._journal.notify(
            Problem(
                CALLBACK_LOST,
                f"a status callback to {url} was given up: {error}",
                is_warning=True,
                request=WebRequest(callback.url, callback.method, callback.parameters),
            ),
            AccountSid(callback.account_sid),
            CallSid(facts.get("CallSid", callback.stream)),
        )

    def attempted(self, event_id: str, attempts: int, next_at: float) -> None:
        """As `OutboxStore`."""
        self._store.write(
            CallbackAttempted(EventId(event_id), attempts, datetime.fromtimestamp(next_at, UTC))
        )


class Numbers:
    """The store's numbers as the `Routing` of inbound calls."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def route(self, user: str) -> Route | Refusal | None:
        """As `Routing`."""
        number = await self._store.numbers.route(user)
        if number is None:
            return None
        account = await self._store.accounts.by_sid(number.account_sid)
        if account is None or account.status != ACTIVE:
            return Refusal(403, "the account of the number is not active")
        owner: NumberRecord | ApplicationRecord = number
        if number.voice_application_sid is not None:
            owner = await self._store.applications.by_sid(number.voice_application_sid) or number
        return route_of(owner, number.account_sid, number)


def route_of(
    owner: NumberRecord | ApplicationRecord | ClientRecord,
    account: AccountSid,
    number: NumberRecord | None = None,
) -> Route | None:
    """What `owner` has configured for voice; None if nothing."""
    if not owner.voice_url:
        return None
    callbacks = None
    if not isinstance(owner, ClientRecord) and owner.status_callback:
        callbacks = Subscription(owner.status_callback, owner.status_callback_method)
    document = DocumentRequest(
        owner.voice_url,
        owner.voice_method,
        fallback_url=owner.voice_fallback_url,
        fallback_method=owner.voice_fallback_method,
    )
    return Route(account, document, number.sid if number else None, callbacks)


class AudioFetch:
    """The fetcher as the `FetchAudio` of prompts: through the same guard, redirects and time limit as documents.

    A recording of our own, by the `RecordingUrl` that an application was told, is read from its file: the sid, which
    nobody can guess, is enough to play it, as an application would expect who was just sent it.
    """

    def __init__(self, fetcher: Fetcher, public_url: str, recordings: Path) -> None:
        self._fetcher = fetcher
        self._recordings = recordings
        self._own = re.compile(
            re.escape(public_url.rstrip("/"))
            + r"/[^/]+/Accounts/AC[0-9a-f]{32}/Recordings/(RE[0-9a-f]{32})(\.wav|\.mp3)?"
        )

    async def __call__(self, url: str, conditions: Parameters) -> Fetched | Unchanged:
        """As `FetchAudio`."""
        if (own := self._own.fullmatch(url)) is not None:
            return await asyncio.to_thread(self._read, url, self._recordings / f"{own[1]}.wav")
        request = WebRequest(url, "GET", headers=(("Accept", "audio/*, */*;q=0.5"), *conditions))
        try:
            answer = await self._fetcher.fetch(request, max_bytes=MAX_BYTES)
        except BadStatus as error:
            if conditions and error.answer is not None and error.answer.status == HTTPStatus.NOT_MODIFIED:
                return Unchanged(error.answer.headers)
            raise UnplayableAudio(url, str(error)) from error
        except WebhookError as error:
            raise UnplayableAudio(url, str(error)) from error
        return Fetched(answer.body, answer.content_type, answer.headers)

    @staticmethod
    def _read(url: str, path: Path) -> Fetched:
        try:
            return Fetched(path.read_bytes(), "audio/wav")
        except OSError as error:
            raise UnplayableAudio(url, "no such recording, or not whole yet") from error


async def mp3_of(wav: Path) -> bytes:
    """The recording at `wav` as MP3; it is encoded once, and kept beside the WAV."""

    def encoded() -> bytes:
        mp3 = wav.with_suffix(".mp3")
        if not mp3.exists():
            encode_mp3(wav, mp3)
        return mp3.read_bytes()

    return await asyncio.to_thread(encoded)


class Directory:
    """The store's registrations and trunks as the `Directory` of destinations."""

    def __init__(
        self,
        store: Store,
        is_silent: Callable[[str, str], bool],
        choose: Callable[[], float] = random.random,
    ) -> None:
        """`is_silent` tells of a login's contact whether its phone has ceased to answer.

        `choose` gives numbers from 0 up to 1, to share calls out among trunks.
        """
        self._store = store
        self._is_silent = is_silent
        self._choose = choose

    async def bindings(self, account: AccountSid, login: str) -> Sequence[BindingRecord]:
        """As `Directory`."""
        client = await self._store.clients.by_login(login)
        if client is None or client.account_sid != account:
            return ()
        now = steady_now()
        live = [
            each
            for each in await self._store.bindings.of(login)
            if each.expires_at > now and not self._is_silent(login, each.contact)
        ]
        return sorted(live, key=lambda each: -each.q)

    async def trunks(self, account: AccountSid, number: str) -> Sequence[TrunkRecord]:
        """As `Directory`."""
        return await self._store.trunks.serving(account, number, self._choose)


class LagMeter:
    """How late the event loop is: the sign of a processor that has more to do than it can."""

    EVERY_S: Final = 0.1
    WEIGHT: Final = 0.2
    """Of the newest sample: one stall is no overload, a row of them is."""

    def __init__(self) -> None:
        self.lag_s = 0.0
        self._due = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._now: Callable[[], float] = asyncio.get_running_loop().time

    def start(self) -> None:
        """Measure ten times a second."""
        self._due = self._now() + self.EVERY_S
        self._timer = asyncio.get_running_loop().call_at(self._due, self._measure)

    def stop(self) -> None:
        """Measure no more."""
        if self._timer is not None:
            self._timer.cancel()

    def _measure(self) -> None:
        self.lag_s += self.WEIGHT * (max(0.0, self._now() - self._due) - self.lag_s)
        self.start()
