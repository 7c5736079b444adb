"""Audio of every kind becomes samples; a body that is not audio raises an error with the reason."""

from contextlib import suppress
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from callapi.media import UnplayableAudio
from callapi.media.prompts import audio_files
from callapi.media.prompts.audio_files import decode, duration_ms, encode_mp3, write_wav

URL = "http://app.example/prompt"


def tone(rate: int, seconds: float = 1.0, hertz: float = 440.0) -> NDArray[np.float64]:
    return 0.3 * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)


def encoded(samples: NDArray[np.float64], rate: int, kind: str, subtype: str) -> bytes:
    buffer = BytesIO()
    soundfile.write(buffer, samples, rate, format=kind, subtype=subtype)
    return buffer.getvalue()


def level_at(hertz: float, samples: NDArray[np.int16], rate: int) -> float:
    """Amplitude at `hertz`, of full scale."""
    middle = samples[len(samples) // 4 : -len(samples) // 4].astype(np.float64) / 32768
    phase = np.exp(-2j * np.pi * hertz * np.arange(len(middle)) / rate)
    window = np.blackman(len(middle))
    return float(2 * abs(np.sum(middle * phase * window)) / np.sum(window))


@pytest.mark.parametrize(
    ("kind", "subtype", "rate", "kept"),
    [
        ("WAV", "PCM_16", 8000, 8000),
        ("WAV", "PCM_U8", 8000, 8000),
        ("WAV", "PCM_24", 22050, 48000),
        ("WAV", "FLOAT", 16000, 16000),
        ("WAV", "ULAW", 8000, 8000),
        ("WAV", "ALAW", 8000, 8000),
        ("WAV", "GSM610", 8000, 8000),
        ("WAV", "PCM_16", 11025, 16000),
        ("WAV", "PCM_16", 44100, 48000),
        ("WAV", "PCM_16", 96000, 48000),
        ("AU", "ULAW", 8000, 8000),
        ("FLAC", "PCM_16", 48000, 48000),
        ("OGG", "VORBIS", 44100, 48000),
        ("OGG", "OPUS", 48000, 48000),
        ("MP3", "MPEG_LAYER_III", 44100, 48000),
        ("MP3", "MPEG_LAYER_III", 16000, 16000),
    ],
)
@pytest.mark.parametrize("channels", [1, 2])
def test_every_format_becomes_mono_at_a_codecs_rate(
    kind: str, subtype: str, rate: int, kept: int, channels: int
) -> None:
    sound = tone(rate)
    if channels == 2 and subtype != "GSM610":
        sound = np.column_stack((sound, sound))
    prompt = decode(URL, encoded(sound, rate, kind, subtype))
    assert prompt.rate == kept
    assert prompt.samples.dtype == np.int16
    assert not prompt.samples.flags.writeable
    assert prompt.duration_ms == pytest.approx(1000, abs=120)
    assert level_at(440, prompt.samples, kept) == pytest.approx(0.3, rel=0.06)


def test_sixteen_bits_stay_as_they_are() -> None:
    sound = np.random.default_rng(1).integers(-32768, 32767, 4000).astype(np.int16)
    buffer = BytesIO()
    soundfile.write(buffer, sound, 8000, format="WAV", subtype="PCM_16")
    assert np.array_equal(decode(URL, buffer.getvalue()).samples, sound)


def test_resampling_leaves_no_alias() -> None:
    prompt = decode(URL, encoded(tone(11025, hertz=5000), 11025, "WAV", "PCM_16"))
    assert level_at(5000, prompt.samples, 16000) == pytest.approx(0.3, rel=0.05)
    assert level_at(6025, prompt.samples, 16000) < 0.0005


def test_opposite_channels_cancel_out_and_the_loudest_are_clipped() -> None:
    sound = tone(8000)
    assert not np.any(decode(URL, encoded(np.column_stack((sound, -sound)), 8000, "WAV", "FLOAT")).samples)
    loud = decode(URL, encoded(5 * sound, 8000, "WAV", "FLOAT")).samples
    assert (loud.max(), loud.min()) == (32767, -32768)


@pytest.mark.parametrize(("content_type", "loudest"), [("audio/basic", 32124), ("audio/PCMA; x=y", 32256)])
def test_headerless_g711_needs_its_content_type(content_type: str, loudest: int) -> None:
    body = bytes([0x80 if content_type == "audio/basic" else 0xAA]) * 800
    prompt = decode(URL, body, content_type)
    assert (prompt.rate, len(prompt.samples), prompt.samples.max()) == (8000, 800, loudest)
    with pytest.raises(UnplayableAudio):
        decode(URL, body, "application/octet-stream")


def test_long_audio_is_kept_at_16_khz(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio_files, "_MAX_FULLBAND_S", 2)
    assert decode(URL, encoded(tone(44100, 3), 44100, "WAV", "PCM_16")).rate == 16000
    assert decode(URL, encoded(tone(44100, 1), 44100, "WAV", "PCM_16")).rate == 48000
    assert decode(URL, encoded(tone(8000, 3), 8000, "WAV", "PCM_16")).rate == 8000


@pytest.mark.parametrize(
    ("body", "content_type", "reason"),
    [
        (b"<html>404</html>", "text/html", r"no audio that can be decoded \(text/html\)"),
        (b"", "", r"no audio that can be decoded \(without a content type\)"),
        (b"", "audio/basic", "no audio that can be decoded"),
        (b"RIFF\x24\x00\x00\x00WAVEfmt ", "audio/wav", "no audio"),
        (encoded(tone(8000, 0), 8000, "WAV", "PCM_16"), "audio/wav", "no sound in it"),
        (encoded(np.zeros((100, 9)), 8000, "WAV", "PCM_16"), "audio/wav", "9 channels at 8000 Hz"),
        (encoded(tone(500), 500, "WAV", "PCM_16"), "audio/wav", "1 channels at 500 Hz"),
    ],
)
def test_what_is_no_audio_says_why(body: bytes, content_type: str, reason: str) -> None:
    with pytest.raises(UnplayableAudio, match=reason) as caught:
        decode(URL, body, content_type)
    assert caught.value.url == URL


def test_limits_of_size_and_length(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audio_files, "MAX_DURATION_S", 1)
    with pytest.raises(UnplayableAudio, match="longer than 1 s"):
        decode(URL, encoded(tone(8000, 1.5), 8000, "WAV", "PCM_16"))
    monkeypatch.setattr(audio_files, "MAX_BYTES", 1 << 20)
    with pytest.raises(UnplayableAudio, match="over 1 MiB"):
        decode(URL, bytes((1 << 20) + 1))


@pytest.mark.parametrize("size", [0xFFFFFFFF, 0x7FFFFFFF])
def test_a_stream_saved_with_an_endless_header_is_played_to_its_end(size: int) -> None:
    """Speech engines write WAV before they know its length."""
    whole = encoded(tone(8000), 8000, "WAV", "PCM_16")
    place = whole.index(b"data") + 4
    endless = whole[:place] + size.to_bytes(4, "little") + whole[place + 4 :]
    assert decode(URL, endless).duration_ms == 1000


WHOLE = encoded(tone(8000, 0.2), 8000, "WAV", "PCM_16")
MPEG = encoded(tone(16000, 0.2), 16000, "MP3", "MPEG_LAYER_III")


@settings(deadline=None)
@given(
    st.sampled_from([WHOLE, MPEG]), st.lists(st.tuples(st.integers(0, 2000), st.integers(0, 255)), max_size=8)
)
def test_a_damaged_file_is_audio_or_unplayable(body: bytes, damages: list[tuple[int, int]]) -> None:
    damaged = bytearray(body)
    for place, value in damages:
        damaged[place % len(damaged)] = value
    with suppress(UnplayableAudio):
        assert len(decode(URL, bytes(damaged), "audio/wav").samples) > 0


@pytest.mark.parametrize("rate", [8000, 16000, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_a_recording_becomes_mp3(tmp_path: Path, rate: int, channels: int) -> None:
    sound = (32767 * tone(rate, 2)).astype(np.int16)
    wav, mp3 = tmp_path / "RE1.wav", tmp_path / "RE1.mp3"
    write_wav(wav, sound if channels == 1 else np.column_stack((sound, sound)), rate)
    assert duration_ms(wav) == 2000
    encode_mp3(wav, mp3)
    info = soundfile.info(mp3)
    assert (info.format, info.samplerate, info.channels) == ("MP3", rate, channels)
    assert duration_ms(mp3) == pytest.approx(2000, abs=150)
    assert mp3.stat().st_size < wav.stat().st_size
    assert sorted(path.name for path in tmp_path.iterdir()) == ["RE1.mp3", "RE1.wav"]


def test_what_cannot_be_read_is_an_os_error(tmp_path: Path) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"nothing")
    with pytest.raises(OSError, match="broken"):
        duration_ms(broken)
    with pytest.raises(OSError, match="broken"):
        encode_mp3(broken, tmp_path / "out.mp3")
    assert [path.name for path in tmp_path.iterdir()] == ["broken.wav"]


@pytest.mark.parametrize("rate", [8000, 11_025])
def test_a_file_of_floats_may_hold_any_number_and_none(rate: int) -> None:
    """NaN becomes silence, values out of range are clipped; other samples stay as they are."""
    samples = np.full(rate, 0.5, np.float32)
    samples[10], samples[20], samples[30] = np.nan, np.inf, -3e38
    file = BytesIO()
    soundfile.write(file, samples, rate, subtype="FLOAT", format="WAV")
    heard = decode("http://a/x.wav", file.getvalue()).samples
    assert abs(int(heard[-200:].mean()) - 16_384) < 50
    assert np.abs(heard.astype(np.int32)).max() > 30_000
