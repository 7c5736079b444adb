"""Files as they are found: the whole is played, whatever a header claims, and what is missing is said."""

import time
from contextlib import suppress
from io import BytesIO

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from callapi.media import Prompt, UnplayableAudio
from callapi.media.prompts.audio_files import decode
from callapi.media.prompts.containers import pieces_of
from callapi.media.prompts.containers.mp3 import mp3_pieces
from tests.media.prompts.test_audio_files import encoded, tone

URL = "http://a.example/x"
RATE = 16_000
SECONDS = 2.0


def _mp3(*, mode: str = "VARIABLE", rate: int = RATE, seconds: float = SECONDS) -> bytes:
    file = BytesIO()
    samples = np.concatenate([tone(rate, seconds / 2), np.zeros(round(rate * seconds / 2))])
    soundfile.write(file, samples, rate, "MPEG_LAYER_III", format="MP3", bitrate_mode=mode)
    return file.getvalue()


def _without_header(mp3: bytes) -> bytes:
    """Without the frame that holds the Xing or Info header."""
    place = min(mp3.find(tag) for tag in (b"Xing", b"Info") if tag in mp3)
    following = mp3.index(mp3[mp3.rindex(b"\xff", 0, place) :][:2], place)
    return mp3[following:]


def _seconds(body: bytes, content_type: str = "") -> float:
    return decode(URL, body, content_type).duration_ms / 1000


def _flaw(body: bytes) -> str:
    return decode(URL, body).flaw


VARIABLE = _without_header(_mp3())


@pytest.mark.parametrize("rate", [8000, 16_000, 44_100])
@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE", "AVERAGE"])
def test_an_mp3_is_its_frames(rate: int, mode: str) -> None:
    """Without a Xing header a decoder guesses the length from the first frame. (libsndfile 1001)"""
    bare = _without_header(_mp3(mode=mode, rate=rate))
    assert _seconds(bare) == pytest.approx(SECONDS, abs=0.2)
    assert _flaw(bare) == ""


def test_joined_mp3_files_are_all_played() -> None:
    one, other = _mp3(), _mp3(mode="CONSTANT", rate=44_100)
    assert _seconds(one + one) == pytest.approx(2 * SECONDS, abs=0.2)
    assert _seconds(one + other) == pytest.approx(2 * SECONDS, abs=0.2)
    assert _seconds(VARIABLE + VARIABLE) == pytest.approx(2 * SECONDS, abs=0.2)
    tag = b"ID3\x04\x00\x00\x00\x00\x02\x00" + b"\xff\xfb\x90\x00" * 64
    assert _seconds(tag + one + b"TAG".ljust(128, b"\0") + tag + one) == pytest.approx(2 * SECONDS, abs=0.2)


@pytest.mark.parametrize("junk", [bytes(3000), b"\xef\xbb\xbf", b"\r\n\r\n", b"\0", b"ID3", b"\xff" * 40])
def test_what_stands_before_an_mp3_does_not_count(junk: bytes) -> None:
    assert _seconds(junk + VARIABLE) == pytest.approx(SECONDS, abs=0.2)


def test_an_mp3_that_was_cut_says_so() -> None:
    assert "missing at its end" in _flaw(_mp3()[: len(_mp3()) // 2])
    assert _flaw(VARIABLE[:-3]) == "it ends within a frame"


def test_an_untrue_xing_header_is_not_believed() -> None:
    mp3 = bytearray(_mp3())
    place = min(mp3.find(tag) for tag in (b"Xing", b"Info") if tag in mp3) + 8
    mp3[place : place + 4] = (5).to_bytes(4, "big")
    assert _seconds(bytes(mp3)) == pytest.approx(SECONDS, abs=0.2)


def test_what_is_no_mp3_has_no_pieces() -> None:
    assert mp3_pieces(b"") == mp3_pieces(b"\xff\xfb") == mp3_pieces(b"<html>\xff\xfb\x90\x00</html>") == []


WAV = encoded(tone(8000, SECONDS), 8000, "WAV", "PCM_16")


def _with_length(length: int, body: bytes = WAV) -> bytes:
    place = body.index(b"data") + 4
    return body[:place] + length.to_bytes(4, "little") + body[place + 4 :]


@pytest.mark.parametrize("length", [0, 1000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0xFFFFFFF0])
def test_the_length_of_a_wav_is_not_believed(length: int) -> None:
    assert decode(URL, _with_length(length)).duration_ms == SECONDS * 1000
    assert _flaw(_with_length(length)) == ""


def test_a_wav_that_was_cut_says_so() -> None:
    assert decode(URL, WAV[:-8000]).duration_ms == 1500
    assert _flaw(WAV[:-8000]) == "8000 of 32000 octets are missing at its end"


def test_chunks_behind_the_audio_are_not_audio() -> None:
    more = (
        WAV
        + b"LIST"
        + (26).to_bytes(4, "little")
        + b"INFOISFT\x0e\0\0\0Lavf58.29.100\0"
        + b"id3 \4\0\0\0abcd"
    )
    assert decode(URL, more).duration_ms == SECONDS * 1000


def test_joined_wav_files_are_all_played() -> None:
    other = encoded(tone(16_000, 1), 16_000, "WAV", "PCM_16")
    assert decode(URL, WAV + WAV).duration_ms == 2 * SECONDS * 1000
    assert _seconds(WAV + other) == pytest.approx(SECONDS + 1, abs=0.01)


@pytest.mark.parametrize("junk", [b"\xef\xbb\xbf", b"\r\n", b"\n\n\n", bytes(100)])
@pytest.mark.parametrize("kind", [("WAV", "PCM_16"), ("FLAC", "PCM_16"), ("OGG", "VORBIS"), ("AU", "PCM_16")])
def test_what_stands_before_a_file_does_not_count(junk: bytes, kind: tuple[str, str]) -> None:
    assert _seconds(junk + encoded(tone(RATE, 1), RATE, *kind)) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize(
    "subtype", ["PCM_16", "PCM_U8", "PCM_24", "FLOAT", "ULAW", "ALAW", "IMA_ADPCM", "GSM610"]
)
def test_every_kind_of_wav_survives(subtype: str) -> None:
    whole = encoded(tone(8000, 1), 8000, "WAV", subtype)
    assert _seconds(whole) == pytest.approx(1.0, abs=0.1)
    assert _flaw(whole) == ""


def test_an_mp3_in_a_wav_is_played() -> None:
    form = b"\x55\0\1\0" + RATE.to_bytes(4, "little") + bytes(8)
    wav = b"RIFF\0\0\0\0WAVEfmt " + len(form).to_bytes(4, "little") + form
    wav += b"data" + len(VARIABLE).to_bytes(4, "little") + VARIABLE
    assert _seconds(wav) == pytest.approx(SECONDS, abs=0.2)


FLAC = encoded(tone(RATE, SECONDS), RATE, "FLAC", "PCM_16")


@pytest.mark.parametrize(("total", "flaw"), [(0, ""), (100, ""), (1 << 35, "samples are missing at its end")])
def test_the_length_of_a_flac_is_not_believed(total: int, flaw: str) -> None:
    field = (FLAC[21] & 0xF0) << 32 | total
    lying = FLAC[:21] + field.to_bytes(5, "big") + FLAC[26:]
    prompt = decode(URL, lying)
    assert prompt.duration_ms == SECONDS * 1000
    assert flaw in prompt.flaw


def test_a_flac_that_was_cut_is_played_up_to_there() -> None:
    prompt = decode(URL, FLAC[: len(FLAC) // 2])
    assert 500 < prompt.duration_ms < 1500
    assert "missing at its end" in prompt.flaw


@pytest.mark.parametrize("subtype", ["VORBIS", "OPUS"])
def test_ogg(subtype: str) -> None:
    """Joined (RFC 3533 §4: chained), and cut."""
    whole = encoded(tone(RATE, 4), RATE, "OGG", subtype)
    assert _seconds(whole) == pytest.approx(4.0, abs=0.05)
    assert _flaw(whole) == ""
    assert _seconds(whole + whole) == pytest.approx(8.0, abs=0.1)
    cut = decode(URL, whole[: len(whole) * 3 // 4])
    assert 1.0 < cut.duration_ms / 1000 < 4.0
    assert cut.flaw == "it ends before its last page"


@pytest.mark.parametrize("length", [0, 100, 0xFFFFFFFF])
def test_the_length_of_an_au_is_not_believed(length: int) -> None:
    whole = encoded(tone(8000, 1), 8000, "AU", "PCM_16")
    assert decode(URL, whole[:8] + length.to_bytes(4, "big") + whole[12:]).duration_ms == 1000
    assert decode(URL, whole + whole).duration_ms == 2000
    assert _flaw(whole[:-1000]) == "1000 of 16000 octets are missing at its end"


def test_aiff() -> None:
    whole = encoded(tone(8000, 1), 8000, "AIFF", "PCM_16")
    assert decode(URL, whole).duration_ms == 1000
    place = whole.index(b"COMM") + 10
    assert decode(URL, whole[:place] + (10).to_bytes(4, "big") + whole[place + 4 :]).duration_ms == 1000
    assert decode(URL, whole[:-8000]).duration_ms == 500


FILES = [
    WAV,
    FLAC,
    VARIABLE,
    _mp3(),
    *(
        encoded(tone(8000, 0.3), 8000, *kind)
        for kind in [("OGG", "VORBIS"), ("AU", "ULAW"), ("AIFF", "PCM_16")]
    ),
]


@settings(deadline=None, max_examples=200)
@given(
    st.sampled_from(FILES),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6),
    st.integers(0, 3000),
)
def test_any_damage_is_survived(body: bytes, damages: list[tuple[int, int]], kept: int) -> None:
    damaged = bytearray(body[: len(body) - kept % len(body)])
    for place, value in damages:
        damaged[place % len(damaged)] = value
    assert pieces_of(bytes(damaged))
    with suppress(UnplayableAudio):
        prompt: Prompt = decode(URL, bytes(damaged))
        assert len(prompt.samples) > 0


@given(st.binary(max_size=300))
def test_any_octets_have_pieces(body: bytes) -> None:
    for magic in (b"", b"RIFF", b"RIFX", b"fLaC", b"OggS", b".snd", b"FORM", b"ID3", b"\xff\xfb\x90\x00"):
        assert pieces_of(magic + body)


@pytest.mark.parametrize(
    "pattern", [b"\xff", b"\xff\xfb\x90", b"\xff\xfb\x90\x00\xff", b"ID3\x04\0\0\0\0\0\x01", b"OggS"]
)
def test_octets_made_to_be_searched_long_are_not(pattern: bytes) -> None:
    began = time.monotonic()
    pieces_of(pattern * ((8 << 20) // len(pattern)))
    assert time.monotonic() - began < 3
