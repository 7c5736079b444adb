"""Tones to send, and the judgement of what was heard: by content, never by the mere presence of packets."""

import wave
from dataclasses import dataclass
from pathlib import Path

import numpy
from numpy.typing import NDArray

Samples = NDArray[numpy.int16]
SILENCE_RMS = 60.0
"""Below this root mean square (of 32767) a stretch counts as silence; a demo tone has about 7000."""
_WINDOW_S = 0.1


def tone(frequency: float, seconds: float, *, rate: int = 8000, level: float = 0.3) -> Samples:
    """A sine of `frequency` Hz at `level` of full scale."""
    instants = numpy.arange(int(seconds * rate)) / rate
    wave_form = numpy.sin(2 * numpy.pi * frequency * instants) * level * 32767
    return wave_form.astype(numpy.int16)


def silence(seconds: float, *, rate: int = 8000) -> Samples:
    """Nothing, for `seconds`."""
    return numpy.zeros(int(seconds * rate), numpy.int16)


def write_wav(path: Path, samples: Samples, *, rate: int = 8000) -> Path:
    """Write 16-bit PCM; an array of shape (n, 2) gives a file of two channels."""
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1 if samples.ndim == 1 else samples.shape[1])
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(samples.tobytes())
    return path


@dataclass(frozen=True, slots=True, eq=False)
class Heard:
    """What was heard, in order of time."""

    samples: Samples
    rate: int

    @classmethod
    def from_wav(cls, path: Path, *, channel: int = 0) -> "Heard":
        """Read a 16-bit WAV; also one that is still being written, whose header does not know its length yet."""
        data = path.read_bytes() if path.exists() else b""
        if len(data) < 44:
            return cls(numpy.zeros(0, numpy.int16), 8000)
        channels = int.from_bytes(data[22:24], "little")
        rate = int.from_bytes(data[24:28], "little")
        start = data.find(b"data", 12) + 8
        body = data[start : start + (len(data) - start) // (2 * channels) * 2 * channels]
        return cls(numpy.frombuffer(body, "<i2").reshape(-1, channels)[:, channel], rate)

    @property
    def seconds(self) -> float:
        """How long it is."""
        return len(self.samples) / self.rate

    def last(self, seconds: float) -> "Heard":
        """Its end."""
        return Heard(self.samples[-int(seconds * self.rate) :], self.rate)

    def between(self, start: float, end: float) -> "Heard":
        """The stretch from `start` to `end`, in seconds from the beginning."""
        return Heard(self.samples[int(start * self.rate) : int(end * self.rate)], self.rate)

    @property
    def rms(self) -> float:
        """The root mean square of the samples, 0 to 32767."""
        if len(self.samples) == 0:
            return 0.0
        return float(numpy.sqrt(numpy.mean(numpy.square(self.samples.astype(numpy.float64)))))

    def share_of(self, *frequencies: float, tolerance: float = 25.0) -> float:
        """How much of all power lies within `tolerance` Hz of `frequencies`: 0 to 1."""
        if len(self.samples) == 0 or self.rms < SILENCE_RMS:
            return 0.0
        window = numpy.hanning(len(self.samples))
        power = numpy.square(numpy.abs(numpy.fft.rfft(self.samples * window)))
        bins = numpy.fft.rfftfreq(len(self.samples), 1 / self.rate)
        near = numpy.zeros(len(bins), bool)
        for frequency in frequencies:
            near |= numpy.abs(bins - frequency) <= tolerance
        return float(power[near].sum() / power[bins > 30].sum())

    @property
    def frequency(self) -> float:
        """The strongest frequency in Hz; 0 for silence."""
        if self.rms < SILENCE_RMS:
            return 0.0
        power = numpy.abs(numpy.fft.rfft(self.samples * numpy.hanning(len(self.samples))))
        return float(numpy.fft.rfftfreq(len(self.samples), 1 / self.rate)[int(power.argmax())])

    def windows(self) -> "list[Heard]":
        """Its stretches of 100 ms."""
        step = int(_WINDOW_S * self.rate)
        count = len(self.samples) // step
        return [Heard(self.samples[i * step : (i + 1) * step], self.rate) for i in range(count)]

    def seconds_of(self, *frequencies: float) -> float:
        """For how long these frequencies (all together) made up nearly all of the sound."""
        return _WINDOW_S * sum(each.share_of(*frequencies) > 0.8 for each in self.windows())

    @property
    def seconds_of_sound(self) -> float:
        """For how long anything at all was heard."""
        return _WINDOW_S * sum(each.rms >= SILENCE_RMS for each in self.windows())

    def first(self, *frequencies: float) -> float | None:
        """When, in seconds from the beginning, these frequencies were first heard."""
        for index, each in enumerate(self.windows()):
            if each.share_of(*frequencies) > 0.8:
                return index * _WINDOW_S
        return None

    def gaps_in(self, frequency: float) -> float:
        """Seconds between the first and the last window of `frequency` that did not hold it."""
        hits = [each.share_of(frequency) > 0.8 for each in self.windows()]
        if True not in hits:
            return self.seconds
        inside = hits[hits.index(True) : len(hits) - hits[::-1].index(True)]
        return _WINDOW_S * inside.count(False)

    def score(self) -> str:
        """A line for a failed assertion: seconds and frequency of each stretch, such as `0.4s silence, 1.2s 440Hz`."""
        parts: list[tuple[str, int]] = []
        for each in self.windows():
            label = "silence" if each.rms < SILENCE_RMS else f"{round(each.frequency / 10) * 10}Hz"
            if parts and parts[-1][0] == label:
                parts[-1] = (label, parts[-1][1] + 1)
            else:
                parts.append((label, 1))
        return ", ".join(f"{count * _WINDOW_S:.1f}s {label}" for label, count in parts) or "nothing at all"
