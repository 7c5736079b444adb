"""Audio for prompts: conditional requests, how long it stays fresh, how large it may be."""

from collections.abc import AsyncIterator

import pytest

from callapi.webhooks import BadStatus, Fetcher, FetchOptions, TooLarge, WebRequest
from callapi.webhooks.audio import Audio, Freshness, NotModified, Validators, fetch_audio
from tests.webhooks.servers import Reply, Script

DATE = "Tue, 17 Nov 2026 10:00:00 GMT"
LATER = "Tue, 17 Nov 2026 10:05:00 GMT"


@pytest.fixture
async def fetcher() -> AsyncIterator[Fetcher]:
    async with Fetcher(FetchOptions(timeout_s=5)) as fetcher:
        yield fetcher


async def _freshness(fetcher: Fetcher, *headers: tuple[str, str]) -> Freshness:
    async with Script(Reply(body=b"RIFF", content_type="audio/wav", headers=headers)) as server:
        audio = await fetch_audio(fetcher, WebRequest(server.url()))
    assert isinstance(audio, Audio)
    return audio.freshness


async def test_what_is_asked_and_what_comes(fetcher: Fetcher) -> None:
    moved = Reply(302, headers=(("Location", "/b.wav"),))
    there = Reply(body=b"RIFF" * 50_000, content_type="audio/wav")
    async with Script(by_path={"/a.wav": moved, "/b.wav": there}) as server:
        audio = await fetch_audio(fetcher, WebRequest(server.url("/a.wav"), "POST", token="t"))
        assert audio == Audio(
            b"RIFF" * 50_000, "audio/wav", server.url("/b.wav"), Freshness(Validators(), None)
        )
    first, second = server.requests
    assert (first.method, second.method) == ("GET", "GET")
    assert second.headers["accept"].startswith("audio/*")
    assert "x-twilio-signature" in second.headers
    assert "if-none-match" not in second.headers


async def test_what_has_not_changed_is_not_sent_again(fetcher: Fetcher) -> None:
    headers = (("ETag", '"1"'), ("Last-Modified", DATE), ("Cache-Control", "max-age=60"))
    async with Script(Reply(body=b"RIFF", headers=headers), Reply(304, headers=(("ETag", '"1"'),))) as server:
        audio = await fetch_audio(fetcher, WebRequest(server.url()))
        assert isinstance(audio, Audio)
        assert audio.freshness == Freshness(Validators('"1"', DATE), 60.0)
        again = await fetch_audio(fetcher, WebRequest(server.url()), audio.freshness.validators)
    assert again == NotModified(Freshness(Validators('"1"', DATE), None))
    assert server.requests[1].headers["if-none-match"] == '"1"'
    assert server.requests[1].headers["if-modified-since"] == DATE
    assert server.connections == 1


async def test_a_304_that_nobody_asked_for(fetcher: Fetcher) -> None:
    async with Script(Reply(304)) as server:
        with pytest.raises(BadStatus):
            await fetch_audio(fetcher, WebRequest(server.url()))


async def test_its_own_bound(fetcher: Fetcher) -> None:
    async with Script(Reply(body=b"x" * 1_000)) as server:
        with pytest.raises(TooLarge):
            await fetch_audio(fetcher, WebRequest(server.url()), max_bytes=999)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ((), None),
        ((("Cache-Control", "public, max-age=3600"),), 3600.0),
        ((("Cache-Control", 'Max-Age="60"'), ("Age", "20")), 40.0),
        ((("Cache-Control", "max-age=60"), ("Age", "90")), 0.0),
        ((("Cache-Control", "max-age=60, no-cache"),), 0.0),
        ((("Cache-Control", "max-age=soon"),), None),
        ((("Cache-Control", "max-age=99999999999999999999999"),), 365 * 86_400.0),
        ((("Date", DATE), ("Expires", LATER)), 300.0),
        ((("Date", LATER), ("Expires", DATE)), 0.0),
        ((("Date", DATE), ("Expires", "0")), 0.0),
        ((("Expires", LATER),), 0.0),
        ((("Date", DATE), ("Expires", LATER), ("Cache-Control", "max-age=7")), 7.0),
    ],
)
async def test_how_long_it_is_fresh(
    fetcher: Fetcher, headers: tuple[tuple[str, str], ...], expected: float | None
) -> None:
    freshness = await _freshness(fetcher, *headers)
    assert (freshness.fresh_for_s, freshness.may_store) == (expected, True)


async def test_what_must_not_be_stored(fetcher: Fetcher) -> None:
    freshness = await _freshness(fetcher, ("Cache-Control", "no-store, max-age=60"))
    assert (freshness.fresh_for_s, freshness.may_store) == (0.0, False)
