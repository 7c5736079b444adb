"""A bounded run of each target: two seconds each, or `FUZZ_SECONDS`; what breaks is written to `fuzz/found`."""

import hashlib
import os
import random
import sys
import time
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from urllib.parse import unquote_to_bytes

import pytest
from tests.api.world import PaperCalls, World, account

from callapi.store import Put, Store
from fuzz.mutation import Mutator
from fuzz.targets import audio, rcml, sdp, sip, sounds, streams

HERE = Path(__file__).parent
TORTURE = HERE.parent / "tests/sip/rfc4475"
SECONDS = float(os.environ.get("FUZZ_SECONDS", "2"))
SEED = int(os.environ.get("FUZZ_SEED", str(time.time_ns() % 2**32)))
SLOW_S = 2.0

SIP_WORDS = (
    *(
        b"INVITE",
        b"SIP/2.0",
        b"Via: ",
        b";branch=z9hG4bK",
        b"From: ",
        b"<sip:",
        b"@",
        b";tag=",
        b"CSeq: ",
        b"tel:+1",
    ),
    *(
        b"Contact: *",
        b'"',
        b"\\",
        b"<",
        b">",
        b",",
        b";",
        b"?",
        b"[::1]",
        b"Content-Length: ",
        b"Record-Route: ",
        b" ",
    ),
)
STREAM_WORDS = (
    *(
        b'"event":',
        b'"type":',
        b'"media"',
        b'"mark"',
        b'"text"',
        b'"token":',
        b'"payload":"',
        b'"last":false',
    ),
    *(b"{", b"}", b"[", b"null", b"1e999", b"\\ud800", b'"', b":", b",", b". ", b"\xff", b"\x00"),
)
SDP_WORDS = (
    b"m=audio ",
    b"a=rtpmap:",
    b"a=fmtp:",
    b"c=IN IP6 ",
    b"a=crypto:",
    b"/",
    b"RTP/AVP",
    b"\r\nm=video 1 RTP/AVP 1",
)
RCML_WORDS = (
    b"<",
    b">",
    b"</",
    b"/>",
    b"<Dial>",
    b"<Say>",
    b"&#0;",
    b"&amp;",
    b"<![CDATA[",
    b"]]>",
    b"<!--",
    b"='",
    b'="',
)
REST_WORDS = (
    b"&",
    b"=",
    b"%00",
    b"%ff",
    b"+",
    b"%0d%0a",
    b"?",
    b"/",
    b"../",
    b"PageSize=",
    b".json",
    b".xml",
    b"\xe2\x82\xac",
)
AUDIO_WORDS = (
    b"RIFF",
    b"WAVE",
    b"fmt ",
    b"data",
    b"fLaC",
    b"OggS",
    b"OpusHead",
    b"\xff\xfb",
    b"\x00\x00\x00\x80",
    b"FORM",
)

pytestmark = pytest.mark.timeout(60 + 2 * SECONDS)


def _corpus(folder: Path, pattern: str = "*") -> list[bytes]:
    return [path.read_bytes() for path in sorted(folder.glob(pattern)) if path.is_file()]


def _kept(name: str, data: bytes) -> Path:
    folder = HERE / "found" / name
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / hashlib.sha256(data).hexdigest()[:16]
    path.write_bytes(data)
    return path


async def _run(
    name: str,
    corpus: Sequence[bytes],
    words: Sequence[bytes],
    target: Callable[[bytes], Awaitable[None] | None],
) -> None:
    mutator = Mutator(random.Random(SEED), corpus, words)
    until = time.monotonic() + SECONDS
    count = 0
    for data in corpus:
        await _try(name, target, data)
    while time.monotonic() < until:
        await _try(name, target, mutator.make())
        count += 1
    sys.stdout.write(f"{name}: {count} inputs\n")
    assert count


async def _try(name: str, target: Callable[[bytes], Awaitable[None] | None], data: bytes) -> None:
    began = time.process_time()
    try:
        outcome = target(data)
        if outcome is not None:
            await outcome
    except Exception as error:
        raise AssertionError(f"FUZZ_SEED={SEED}: {_kept(name, data)}: {error!r}") from error
    assert time.process_time() - began < SLOW_S, f"{_kept(name, data)}: takes too long"


async def test_streams() -> None:
    await _run("streams", _corpus(HERE / "corpus/streams"), STREAM_WORDS, streams)


async def test_sip() -> None:
    await _run("sip", _corpus(TORTURE, "*.dat") + _corpus(HERE / "corpus/sip"), SIP_WORDS, sip)


async def test_sdp() -> None:
    await _run("sdp", _corpus(HERE / "corpus/sdp"), SDP_WORDS, sdp)


async def test_rcml() -> None:
    await _run("rcml", _corpus(HERE / "corpus/rcml"), RCML_WORDS, rcml)


async def test_audio() -> None:
    await _run("audio", list(sounds()), AUDIO_WORDS, audio)


async def test_rest(tmp_path: Path) -> None:
    """Any request of a client with the right token gets an answer below 500."""
    async with Store.in_memory() as store:
        first = account()
        await store.commit(Put(first))
        world = World(store, PaperCalls(store), first, tmp_path)

        async def ask(data: bytes) -> None:
            line, _, body = data.partition(b"\n")
            method, _, path = line.decode("latin-1").partition(" ")
            path, _, query = path.partition("?")
            decoded = unquote_to_bytes(path).decode("utf-8", "replace")
            query = query.encode("ascii", "ignore").decode()
            answer = await world.ask(
                method if method in {"GET", "POST", "DELETE", "PUT", "HEAD"} else "POST",
                f"{world.base}/{decoded.partition('?')[0]}?{query}",
                body=body.strip(),
            )
            assert answer.status < 500, (answer.status, answer.body[:300])

        await _run("rest", _corpus(HERE / "corpus/rest"), REST_WORDS, ask)
