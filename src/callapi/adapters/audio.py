"""Audio from elsewhere: the fetcher as the `FetchAudio` of prompts, and recordings as MP3."""

import asyncio
import re
from http import HTTPStatus
from pathlib import Path

from callapi.media import UnplayableAudio
from callapi.media.prompts.audio_files import MAX_BYTES, encode_mp3
from callapi.media.prompts.library import Fetched, Unchanged
from callapi.store import (
    Parameters,
)
from callapi.webhooks import (
    BadStatus,
    Fetcher,
    WebhookError,
    WebRequest,
)


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
