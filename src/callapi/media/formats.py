"""The audio formats that CallAPI speaks, their payload type numbers, and which of a list is taken.

Static numbers where RFC 3551 has them; the others come from the dynamic range. A number keeps its meaning for
the whole session (RFC 3264 §8.3.2), so each leg remembers what it announced in `PayloadNumbers`.
"""

from collections.abc import Iterable
from typing import Final

from msgspec import Struct

from callapi.media.sdp import RtpMap

TELEPHONE_EVENT: Final = "telephone-event"
EVENTS_FMTP: Final = "0-15"
"""The events that we understand: the sixteen digits (RFC 4733 §3.2)."""


class AudioCodec(Struct, frozen=True):
    """A codec as `a=rtpmap` and `a=fmtp` announce it."""

    name: str
    clock_rate: int
    payload_type: int
    channels: int = 1
    fmtp: str = ""
    ptimes_ms: tuple[int, ...] = (10, 20, 30, 40, 50, 60)
    """The packet times that one frame of it can have."""

    def is_named_by(self, known: RtpMap) -> bool:
        """Whether `known` is this codec. Some phones leave out that opus counts two channels (RFC 7587 §7)."""
        same = known.name.lower() == self.name.lower() and known.clock_rate == self.clock_rate
        return same and known.channels in {1, self.channels}


CODECS: Final = {
    codec.name.lower(): codec
    for codec in (
        AudioCodec("PCMU", 8000, 0),
        AudioCodec("PCMA", 8000, 8),
        AudioCodec("G722", 8000, 9),
        AudioCodec(
            "opus", 48000, 111, channels=2, fmtp="minptime=10;useinbandfec=1", ptimes_ms=(10, 20, 40, 60)
        ),
    )
}
_EVENT_NUMBERS: Final = {8000: 101, 48000: 110}
_DYNAMIC: Final = range(96, 128)


class PayloadNumbers:
    """The payload types that one leg announced as its own, over the whole session."""

    def __init__(self) -> None:
        self._of_format: dict[tuple[str, int], int] = {}

    def bind(self, name: str, clock_rate: int, payload_type: int) -> None:
        """We announced `payload_type` for this format: the answer repeats the offer's number (RFC 3264 §6.1)."""
        others = {key: number for key, number in self._of_format.items() if number != payload_type}
        self._of_format = {**others, (name.lower(), clock_rate): payload_type}

    def number(self, name: str, clock_rate: int, preferred: int) -> int:
        """The number to announce this format with: the former one, else `preferred`, else a free one."""
        key = (name.lower(), clock_rate)
        if key not in self._of_format:
            taken = set(self._of_format.values())
            free = (each for each in (preferred, *_DYNAMIC) if each not in taken)
            self._of_format[key] = next(free)
        return self._of_format[key]


class AudioFormats(Struct, frozen=True):
    """What one `m=audio` line of ours lists: codecs by preference, then digits."""

    codecs: tuple[tuple[AudioCodec, int], ...]
    events: tuple[tuple[int, int], ...]
    """(clock rate, payload type)"""

    def rtpmaps(self) -> list[tuple[RtpMap, str]]:
        """Each format with its fmtp, in the order of the line."""
        codecs = [
            (RtpMap(number, codec.name, codec.clock_rate, codec.channels), codec.fmtp)
            for codec, number in self.codecs
        ]
        return codecs + [(RtpMap(number, TELEPHONE_EVENT, rate), EVENTS_FMTP) for rate, number in self.events]

    def codec_of(self, known: RtpMap) -> tuple[AudioCodec, int] | None:
        """The listed codec that `known` names, with the number that we gave it."""
        return next((each for each in self.codecs if each[0].is_named_by(known)), None)

    def event_number(self, clock_rate: int) -> int | None:
        """The number that we gave to the digits of `clock_rate`."""
        return dict(self.events).get(clock_rate)


def offered_formats(names: Iterable[str], current: str | None, numbers: PayloadNumbers) -> AudioFormats:
    """What an offer lists: the codec in use first, so that a re-offer changes nothing unasked, then `names`."""
    ordered = dict.fromkeys(name.lower() for name in ([current] if current else []) + list(names))
    codecs = [CODECS[name] for name in ordered]
    listed = tuple((each, numbers.number(each.name, each.clock_rate, each.payload_type)) for each in codecs)
    # Digits share the clock of the codec whose stream they travel in (RFC 4733 §2.1): one entry for each clock.
    rates = sorted({codec.clock_rate for codec in codecs})
    events = tuple((rate, numbers.number(TELEPHONE_EVENT, rate, _EVENT_NUMBERS[rate])) for rate in rates)
    return AudioFormats(listed, events)


def first_common(offered: Iterable[RtpMap], names: Iterable[str]) -> tuple[AudioCodec, RtpMap] | None:
    """The first codec of the offerer's list that is also one of `names`."""
    ours = [CODECS[name.lower()] for name in names]
    return next(((codec, known) for known in offered for codec in ours if codec.is_named_by(known)), None)


def events_for(offered: Iterable[RtpMap], codec: AudioCodec) -> RtpMap | None:
    """The telephone-event to use beside `codec`: that of its clock, else any.

    Many phones offer opus with digits at 8000 Hz only. The rate says nothing but how durations are counted, so
    taking the odd one costs exact durations; refusing it would cost the digits.
    """
    events = [known for known in offered if known.name.lower() == TELEPHONE_EVENT]
    exact = (known for known in events if known.clock_rate == codec.clock_rate)
    return next(exact, events[0] if events else None)
