"""Audio files in memory and on disk, by libsndfile and libsoxr: every format they read becomes a `Prompt`.

WAV (PCM, A-law, µ-law, float, GSM, MP3), AU, AIFF, FLAC, OGG (Vorbis, Opus) and MP3, of any rate and number of
channels; headerless G.711 if the content type says so. A file is played whole, whatever its header claims, and files
that were appended to it too (`containers`). Everything here blocks and belongs in a worker thread; nothing holds
more than one second of undecoded samples at a time.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from io import SEEK_END, BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, TypeAlias

import numpy as np
import soundfile
import soxr

from callapi.media.errors import UnplayableAudio
from callapi.media.plane.types import Prompt, Samples
from callapi.media.prompts.containers import Piece, pieces_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

MAX_BYTES: Final = 20 * 1024 * 1024
"""The largest file that is downloaded."""
MAX_DURATION_S: Final = 3600
"""The longest audio that is played."""
_WAV_HEADER: Final = 44
"""Octets before the samples of a recording."""
MAX_CHANNELS: Final = 8
MAX_RATE: Final = 192_000

RATES: Final = (8000, 16000, 48000)
"""The rates of the codecs; a prompt is kept at the lowest of them that loses nothing."""
_MAX_FULLBAND_S: Final = 300
"""Longer audio is kept at 16 kHz at most: an hour at 48 kHz would take 345 MB."""
_HEADERLESS: Final = {
    "audio/basic": "ULAW",
    "audio/pcmu": "ULAW",
    "audio/x-mulaw": "ULAW",
    "audio/pcma": "ALAW",
    "audio/x-alaw-basic": "ALAW",
}
_EXACT: Final = frozenset({"PCM_16", "ULAW", "ALAW"})
"""Subtypes whose samples are 16 bits already."""

Floats: TypeAlias = "NDArray[np.float32]"


def decode(url: str, body: bytes, content_type: str = "") -> Prompt:
    """The audio in `body`, mono, at 8000, 16000 or 48000 Hz. `url` appears in the error only.

    Raises:
        UnplayableAudio: not audio that can be read, or over one of the limits above.
    """
    if len(body) > MAX_BYTES:
        raise UnplayableAudio(url, f"over {MAX_BYTES >> 20} MiB")
    subtype = _HEADERLESS.get(content_type.partition(";")[0].strip().lower())
    try:
        with ExitStack() as stack:
            pieces = pieces_of(body, is_headerless=subtype is not None)
            files = [stack.enter_context(file) for file in _opened(pieces, subtype)]
            samples, rate, is_broken = _joined(url, files)
    except (soundfile.SoundFileError, ValueError, EOFError) as error:
        kind = content_type or "without a content type"
        raise UnplayableAudio(url, f"no audio that can be decoded ({kind}): {error}") from error
    flaws = [each.flaw for each in pieces if each.flaw]
    if not flaws and (is_broken or len(files) < len(pieces)):
        flaws.append("a part of it cannot be decoded")
    return Prompt(samples, rate, "; ".join(flaws[:3]))


class _Octets(BytesIO):
    """A file whose lengths may lead libsndfile before its beginning: an error in a callback from C is lost."""

    def seek(self, offset: int, whence: int = 0) -> int:
        """Like `BytesIO`, and to the beginning where that is passed."""
        try:
            return super().seek(offset, whence)
        except ValueError:
            return super().seek(0)


def _opened(pieces: Sequence[Piece], subtype: str | None) -> Iterator[soundfile.SoundFile]:
    """The pieces that can be read. The error of the first one, if none can."""
    problem: soundfile.LibsndfileError | None = None
    has_any = False
    for piece in pieces:
        try:
            yield soundfile.SoundFile(_Octets(piece.body))
            has_any = True
        except soundfile.LibsndfileError as error:
            problem = problem or error
    if has_any or problem is None:
        return
    if subtype is None or not pieces[0].body:
        raise problem
    octets = _Octets(pieces[0].body)
    yield soundfile.SoundFile(octets, format="RAW", subtype=subtype, samplerate=8000, channels=1)


def _joined(url: str, files: Sequence[soundfile.SoundFile]) -> tuple[Samples, int, bool]:
    """The samples of all, their rate, and whether decoding broke off within one."""
    duration_s = 0.0
    for file in files:
        rate, channels = int(file.samplerate), int(file.channels)
        if channels > MAX_CHANNELS or not 1000 <= rate <= MAX_RATE:
            raise UnplayableAudio(url, f"{channels} channels at {rate} Hz are not played")
        duration_s += file.frames / rate
    if duration_s > MAX_DURATION_S:
        raise UnplayableAudio(url, f"longer than {MAX_DURATION_S} s")
    kept = max(_rate_to_keep(int(file.samplerate), duration_s) for file in files)
    blocks: list[Samples] = []
    problem: soundfile.SoundFileError | None = None
    for file in files:
        try:
            blocks.extend(_decoded(file, kept))
        except soundfile.SoundFileError as error:
            problem = problem or error
    if not any(map(len, blocks)):
        if problem is not None:
            raise problem
        raise UnplayableAudio(url, "no sound in it")
    samples = np.concatenate(blocks)
    samples.setflags(write=False)
    return samples, kept, problem is not None


def _decoded(file: soundfile.SoundFile, kept: int) -> Iterator[Samples]:
    rate = int(file.samplerate)
    if kept == rate and file.channels == 1 and file.subtype in _EXACT:
        return _exact_blocks(file)
    return _resampled(file, rate, kept)


def _rate_to_keep(rate: int, duration_s: float) -> int:
    highest = RATES[-1] if duration_s <= _MAX_FULLBAND_S else RATES[-2]
    return next((each for each in RATES if each >= min(rate, highest)), highest)


def _exact_blocks(file: soundfile.SoundFile) -> Iterator[Samples]:
    while len(block := file.read(int(file.samplerate), dtype="int16")):
        yield block


def _blocks(file: soundfile.SoundFile) -> Iterator[Floats]:
    """One second at a time, of shape (frames,) or (frames, channels); floats may be any, and none."""
    while len(block := file.read(int(file.samplerate), dtype="float32")):
        yield np.clip(np.nan_to_num(block, nan=0.0), -1.0, 1.0)


def _resampled(file: soundfile.SoundFile, rate: int, wanted: int) -> Iterator[Samples]:
    stream = soxr.ResampleStream(rate, wanted, 1, dtype="float32", quality="HQ") if rate != wanted else None
    for block in _blocks(file):
        mono: Floats = block.mean(axis=1, dtype=np.float32) if block.ndim == 2 else block
        yield _sixteen_bits(stream.resample_chunk(mono) if stream else mono)
    if stream:
        yield _sixteen_bits(stream.resample_chunk(np.empty(0, np.float32), last=True))


def _sixteen_bits(samples: Floats) -> Samples:
    rounded: Floats = np.rint(samples * np.float32(32768.0))
    return np.clip(rounded, -32768, 32767).astype(np.int16)


def duration_ms(path: Path) -> int:
    """How long the audio file at `path` sounds, by its header. Raises OSError if it cannot be read."""
    try:
        info = soundfile.info(path)
    except soundfile.SoundFileError as error:
        raise OSError(f"{path}: {error}") from error
    return int(info.frames) * 1000 // int(info.samplerate)


def write_wav(path: Path, samples: Samples, rate: int) -> None:
    """Write 16-bit PCM; `samples` of shape (n,) or (n, channels). The file appears when it is whole."""
    part = path.with_name(path.name + ".part")
    soundfile.write(part, samples, rate, subtype="PCM_16", format="WAV")
    part.replace(path)


def keep_right_channel(path: Path) -> None:
    """Make the WAV at `path` the mono file of its right channel; nothing if it is mono. It is whole at any moment.

    Raises:
        OSError: it cannot be read or written.
    """
    part = path.with_name(path.name + ".part")
    try:
        with soundfile.SoundFile(path) as source:
            if source.channels == 1:
                return
            rate = int(source.samplerate)
            with soundfile.SoundFile(part, "w", rate, 1, "PCM_16", format="WAV") as target:
                while len(block := source.read(rate, dtype="int16")):
                    target.write(block[:, 1])
        part.replace(path)
    except soundfile.SoundFileError as error:
        raise OSError(f"{path}: {error}") from error
    finally:
        part.unlink(missing_ok=True)


def complete_recording(path: Path, *, is_mono: bool) -> int:
    """Make the recording at `path` whole that a crash cut short; its length in milliseconds.

    A file that is being recorded is at `path` + ".part", and its header says all but its length. `is_mono` takes the
    right channel of a file of both, as `keep_right_channel`.

    Raises:
        OSError: the file is missing, is not a WAV, or cannot be written.
    """
    part = path.with_name(path.name + ".part")
    if path.exists():  # whole, and the crash came while it was made mono
        part.unlink(missing_ok=True)
    else:
        with part.open("r+b") as file:
            _state_length(file)
        part.replace(path)
    if is_mono:
        keep_right_channel(path)
    try:
        with soundfile.SoundFile(path) as whole:
            return int(whole.frames) * 1000 // int(whole.samplerate)
    except soundfile.SoundFileError as error:
        raise OSError(f"{path}: {error}") from error


def _state_length(file: BinaryIO) -> None:
    """Write the length of a WAV file into its header, without the part of a frame at its end."""
    header = file.read(_WAV_HEADER)
    if len(header) < _WAV_HEADER or header[:4] != b"RIFF" or header[36:40] != b"data":
        raise OSError(f"{file.name} is not a recording")
    octets = file.seek(0, SEEK_END) - _WAV_HEADER
    octets -= octets % max(1, int.from_bytes(header[32:34], "little"))
    file.truncate(_WAV_HEADER + octets)
    stated = min(octets, 0xFFFF_FFFF - 36)
    file.seek(4)
    file.write((stated + 36).to_bytes(4, "little"))
    file.seek(40)
    file.write(stated.to_bytes(4, "little"))
    file.flush()
    os.fsync(file.fileno())


def encode_mp3(wav: Path, mp3: Path) -> None:
    """Write the audio of `wav` to `mp3`, channels and rate kept. The file appears when it is whole.

    Raises:
        OSError: `wav` cannot be read, or `mp3` not written.
    """
    part = mp3.with_name(mp3.name + ".part")
    try:
        with soundfile.SoundFile(wav) as source:
            rate, channels = int(source.samplerate), int(source.channels)
            with soundfile.SoundFile(part, "w", rate, channels, "MPEG_LAYER_III", format="MP3") as target:
                for block in _blocks(source):
                    target.write(block)
        part.replace(mp3)
    except soundfile.SoundFileError as error:
        raise OSError(f"{wav}: {error}") from error
    finally:
        part.unlink(missing_ok=True)
