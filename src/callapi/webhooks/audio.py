"""Audio for prompts: a conditional GET (RFC 9110 §13) through the same guard, redirects and limits.

What to keep, for how long, and what can be decoded is the prompt library's business; here is only what HTTP
says of it (RFC 9111).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Final

from callapi.webhooks.errors import BadStatus
from callapi.webhooks.exchange import WebAnswer, WebRequest
from callapi.webhooks.fetch import Fetcher

MAX_AUDIO: Final = 32 * 1024 * 1024
_LONGEST_FRESH_S: Final = 365 * 86_400.0


@dataclass(frozen=True, slots=True)
class Validators:
    """What to send along so that an unchanged resource need not be sent again; from an earlier answer."""

    etag: str | None = None
    last_modified: str | None = None


@dataclass(frozen=True, slots=True)
class Freshness:
    """How long an answer may be used without asking again."""

    validators: Validators
    fresh_for_s: float | None
    """0: ask each time; None: the server does not say."""
    may_store: bool = True
    """False: `no-store`."""


@dataclass(frozen=True, slots=True)
class Audio:
    """A body that is new to us. `url` is where it was found, after redirects."""

    body: bytes
    content_type: str
    url: str
    freshness: Freshness


@dataclass(frozen=True, slots=True)
class NotModified:
    """304: what we have is still good, from now on for as long as `freshness` says."""

    freshness: Freshness


async def fetch_audio(
    fetcher: Fetcher,
    request: WebRequest,
    known: Validators = Validators(),
    *,
    max_bytes: int = MAX_AUDIO,
    timeout_s: float | None = None,
) -> Audio | NotModified:
    """GET the audio at `request.url`. Safe to cancel.

    Raises:
        WebhookError: as `Fetcher.fetch`; a 304 that was not asked for is one too.
    """
    conditions = []
    if known.etag is not None:
        conditions.append(("If-None-Match", known.etag))
    if known.last_modified is not None:
        conditions.append(("If-Modified-Since", known.last_modified))
    asked = WebRequest(
        request.url,
        "GET",
        request.parameters,
        request.token,
        (("Accept", "audio/*, */*;q=0.5"), *request.headers, *conditions),
        request.call_sid,
    )
    try:
        answer = await fetcher.fetch(asked, max_bytes=max_bytes, timeout_s=timeout_s)
    except BadStatus as error:
        if conditions and error.answer is not None and error.answer.status == 304:
            return NotModified(_freshness(error.answer, known))
        raise
    return Audio(answer.body, answer.content_type, answer.url, _freshness(answer, Validators()))


def _freshness(answer: WebAnswer, known: Validators) -> Freshness:
    validators = Validators(
        answer.header("ETag") or known.etag, answer.header("Last-Modified") or known.last_modified
    )
    control = _directives(answer.header("Cache-Control") or "")
    if "no-store" in control:
        return Freshness(validators, 0.0, may_store=False)
    if "no-cache" in control:
        return Freshness(validators, 0.0)
    age = _seconds(answer.header("Age") or "") or 0.0
    lifetime = _seconds(control.get("max-age", ""))
    if lifetime is None:
        lifetime = _until_expiry(answer)
    return Freshness(validators, None if lifetime is None else max(lifetime - age, 0.0))


def _directives(text: str) -> Mapping[str, str]:
    pairs = (each.strip().partition("=") for each in text.split(","))
    return {name.lower(): value.strip('" ') for name, _, value in pairs if name}


def _seconds(text: str) -> float | None:
    return min(float(text[:12]), _LONGEST_FRESH_S) if text.isascii() and text.isdigit() else None


def _until_expiry(answer: WebAnswer) -> float | None:
    """`Expires` by the server's own clock; a date that cannot be read is in the past (RFC 9111 §5.3)."""
    expires, date = answer.header("Expires"), answer.header("Date")
    if expires is None:
        return None
    try:
        lifetime = parsedate_to_datetime(expires) - parsedate_to_datetime(date or "")
    except (ValueError, TypeError):
        return 0.0
    return min(max(lifetime.total_seconds(), 0.0), _LONGEST_FRESH_S)
