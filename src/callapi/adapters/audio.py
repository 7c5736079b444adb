"""Audio from elsewhere: the fetcher as the `FetchAudio` of prompts, and recordings as MP3."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from pathlib import Path

from callapi.media import UnplayableAudio
from callapi.media.prompts.audio_files import MAX_BYTES, encode_mp3
from callapi.media.prompts.library import Fetched, Unchanged
from callapi.store import Parameters, Unavailable
from callapi.webhooks import (
    BadStatus,
    Fetcher,
    WebhookError,
    WebRequest,
)


class AudioFetch:
    """The fetcher as the `FetchAudio` of prompts: through the same guard, redirects and time limit as documents.

    A recording of this service, by the `RecordingUrl` that an application was sent, is read from its file: the sid,
    which cannot be guessed, is enough to play it.
    """

    def __init__(
        self, fetcher: Fetcher, public_url: str, recording: Callable[[str], Awaitable[Path | None]]
    ) -> None:
        """`recording` gives the file of a recording by its sid."""
        self._fetcher = fetcher
        self._recording = recording
        self._own = re.compile(
            re.escape(public_url.rstrip("/"))
            + r"/[^/]+/Accounts/AC[0-9a-f]{32}/Recordings/(RE[0-9a-f]{32})(\.wav|\.mp3)?"
        )

    async def __call__(self, url: str, conditions: Parameters) -> Fetched | Unchanged:
        """As `FetchAudio`."""
        if (own := self._own.fullmatch(url)) is not None:
            return await self._own_recording(url, own[1])
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

    async def _own_recording(self, url: str, sid: str) -> Fetched:
        try:
            path = await self._recording(sid)
            if path is not None:
                return Fetched(await asyncio.to_thread(path.read_bytes), "audio/wav")
        except (OSError, Unavailable) as error:
            raise UnplayableAudio(url, f"the recording cannot be read: {error}") from error
        raise UnplayableAudio(url, "no such recording, or not whole yet")


async def mp3_of(wav: Path) -> bytes:
    """The recording at `wav` as MP3; it is encoded once, and kept beside the WAV."""

    def encoded() -> bytes:
        mp3 = wav.with_suffix(".mp3")
        if not mp3.exists():
            encode_mp3(wav, mp3)
        return mp3.read_bytes()

    return await asyncio.to_thread(encoded)
