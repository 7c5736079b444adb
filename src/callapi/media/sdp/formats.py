"""The audio formats that CallAPI speaks, their payload type numbers, and which of a list is taken.

Static numbers where RFC 3551 has them; the others come from the dynamic range. A number keeps its meaning for
the whole session (RFC 3264 §8.3.2), so each leg remembers what it announced in `PayloadNumbers`.

What comes of a line depends on nothing else than what it says of formats and on our own list. Both repeat from call
to call, as the phones of a site are of few makes, so it is remembered.
"""

from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from callapi.media.plane.types import CodecFormat
from callapi.media.sdp.description import MediaDescription, RtpMap

TELEPHONE_EVENT: Final = "telephone-event"
EVENTS_FMTP: Final = "0-15"
"""The events that we understand: the sixteen digits (RFC 4733 §3.2)."""


_MISNAMED_RATES: Final = {"g722": 16_000}


class AudioCodec(Struct, frozen=True, gc=False):
    """A codec as `a=rtpmap` and `a=fmtp` announce it."""

    name: str
    clock_rate: int
    payload_type: int
    channels: int = 1
    fmtp: str = ""
    ptimes_ms: tuple[int, ...] = (10, 20, 30, 40, 50, 60)
    """The packet times that one frame of it can have."""

    def is_named_by(self, known: RtpMap) -> bool:
        """Whether `known` is this codec.

        Some phones leave out that opus counts two channels (RFC 7587 §7), and write the rate of its samples for G.722
        (RFC 3551 §4.5.2: 8000).
        """
        rates = {self.clock_rate, _MISNAMED_RATES.get(self.name.lower())}
        same = known.name.lower() == self.name.lower() and known.clock_rate in rates
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


_SAID_OF_FORMATS: Final = frozenset({"rtpmap", "fmtp", "ptime", "maxptime"})
_REMEMBERED: Final = 32

Announced = tuple[tuple[RtpMap, str], ...]
"""Formats with their fmtp, in the order of their line."""


PayloadNumbers = tuple[tuple[tuple[str, int], int], ...]
"""The payload types that one leg announced as its own, over the whole session: (lower-case name, clock rate), type."""


@lru_cache(_REMEMBERED)
def with_announced(numbers: PayloadNumbers, announced: Announced) -> PayloadNumbers:
    """`numbers` and those of an answer of ours, which repeats the offer's (RFC 3264 §6.1)."""
    of_format = dict(numbers)
    for known, _ in announced:
        number = known.payload_type
        of_format = {each: other for each, other in of_format.items() if other != number}
        of_format[known.name.lower(), known.clock_rate] = number
    return tuple(of_format.items())


class AudioFormats(Struct, frozen=True, gc=False, cache_hash=True):
    """What one `m=audio` line of ours lists: codecs by preference, then digits."""

    codecs: tuple[tuple[AudioCodec, int], ...]
    events: tuple[tuple[int, int], ...]
    """(clock rate, payload type)"""
    announced: Announced

    def codec_of(self, known: RtpMap) -> tuple[AudioCodec, int] | None:
        """The listed codec that `known` names, with the number that we gave it."""
        return next((each for each in self.codecs if each[0].is_named_by(known)), None)

    def event_number(self, clock_rate: int) -> int | None:
        """The number that we gave to the digits of `clock_rate`."""
        return dict(self.events).get(clock_rate)


class AgreedAudio(Struct, frozen=True, gc=False):
    """What both sides speak on one audio line, and the packet time that theirs allows."""

    codec: CodecFormat
    ptime_ms: int
    telephone_event: int | None
    receive_telephone_event: int | None
    announced: Announced = ()
    """What our answer to an offer lists."""


@lru_cache(_REMEMBERED)
def offered_formats(
    names: tuple[str, ...], current: str | None, numbers: PayloadNumbers
) -> tuple[AudioFormats, PayloadNumbers]:
    """What an offer lists, and our `numbers` with it: formerly announced ones, else preferred or free ones.

    The codec in use comes first, so that a re-offer changes nothing unasked, then `names`.
    """
    ordered = dict.fromkeys(name.lower() for name in ([current] if current else []) + list(names))
    codecs = [CODECS[name] for name in ordered]
    # Digits share the clock of the codec whose stream they travel in (RFC 4733 §2.1): one entry for each clock.
    rates = sorted({codec.clock_rate for codec in codecs})
    wanted = [((codec.name.lower(), codec.clock_rate), codec.payload_type) for codec in codecs]
    wanted += [((TELEPHONE_EVENT, rate), _EVENT_NUMBERS[rate]) for rate in rates]
    known = dict(numbers)
    for form, preferred in wanted:
        if form not in known:
            taken = set(known.values())
            known[form] = next(each for each in (preferred, *_DYNAMIC) if each not in taken)
    listed = [(codec, known[codec.name.lower(), codec.clock_rate]) for codec in codecs]
    events = [(rate, known[TELEPHONE_EVENT, rate]) for rate in rates]
    announced = [(_rtpmap(codec, number), codec.fmtp) for codec, number in listed]
    announced += [(RtpMap(number, TELEPHONE_EVENT, rate), EVENTS_FMTP) for rate, number in events]
    return AudioFormats(tuple(listed), tuple(events), tuple(announced)), tuple(known.items())


def agreed_by_offer(offered: MediaDescription, names: tuple[str, ...], ptime_ms: int) -> AgreedAudio | None:
    """The first codec of the offerer's list that is also one of `names`, with digits beside it; None: there is none."""
    return _agreed_by_offer(_formats_alone(offered), names, ptime_ms)


def agreed_by_answer(answered: MediaDescription, ours: AudioFormats, ptime_ms: int) -> AgreedAudio | None:
    """The first codec of the answer that is also one of `ours`, with digits beside it; None: there is none."""
    return _agreed_by_answer(_formats_alone(answered), ours, ptime_ms)


def other_formats(answered: MediaDescription, ours: AudioFormats, in_use: int) -> tuple[CodecFormat, ...]:
    """The formats that an answer lists beside the one that we announced as `in_use` (RFC 3264 §6.1)."""
    common = _common_formats(_formats_alone(answered), ours)
    return tuple([each for each in common if each.receive_payload_type != in_use])


def formats_of_offer(ours: AudioFormats, in_use: int) -> tuple[CodecFormat, ...]:
    """The formats of an offer of ours beside the one that was announced as `in_use`.

    Its answer may come after the first packets in one of them (RFC 3264 §5.1).
    """
    return tuple(
        CodecFormat(codec.name, number, codec.clock_rate, codec.channels, number, codec.fmtp)
        for codec, number in ours.codecs
        if number != in_use
    )


def agreed_in_use(
    answered: MediaDescription, ours: AudioFormats, ptime_ms: int, in_use: int
) -> AgreedAudio | None:
    """As `agreed_by_answer`, with the codec that we announced as `in_use`; None: the answer has none such."""
    maps = answered.rtpmaps({known.payload_type: known for known, _ in ours.announced})
    for known in maps:
        listed = ours.codec_of(known)
        if listed is not None and listed[1] == in_use:
            others = [each for each in answered.formats if each != str(known.payload_type)]
            return agreed_by_answer(
                replace(answered, formats=(str(known.payload_type), *others)), ours, ptime_ms
            )
    return None


def _formats_alone(line: MediaDescription) -> MediaDescription:
    """`line` without what differs from call to call: ports, addresses, sources, keys."""
    said = tuple([each for each in line.attributes if each[0] in _SAID_OF_FORMATS])
    return MediaDescription(line.kind, 0, line.protocol, line.formats, attributes=said)


@lru_cache(_REMEMBERED)
def _agreed_by_offer(offered: MediaDescription, names: tuple[str, ...], ptime_ms: int) -> AgreedAudio | None:
    maps = offered.rtpmaps()
    ours = [CODECS[name.lower()] for name in names]
    common = next(((codec, known) for known in maps for codec in ours if codec.is_named_by(known)), None)
    if common is None:
        return None
    codec, known = common
    announced = [(_rtpmap(codec, known.payload_type), codec.fmtp)]
    events = _events_for(maps, codec)
    if events is not None:
        announced.append((events, EVENTS_FMTP))
    number = events.payload_type if events else None
    return AgreedAudio(
        _codec_format(codec, known, known.payload_type, offered),
        _ptime(offered, ptime_ms, codec.ptimes_ms),
        number,
        number,
        tuple(announced),
    )


@lru_cache(_REMEMBERED)
def _agreed_by_answer(answered: MediaDescription, ours: AudioFormats, ptime_ms: int) -> AgreedAudio | None:
    # An answer that lists a dynamic number without a=rtpmap can only mean ours.
    maps = answered.rtpmaps({known.payload_type: known for known, _ in ours.announced})
    common = next(((known, listed) for known in maps if (listed := ours.codec_of(known))), None)
    if common is None:
        return None
    known, (codec, number) = common
    events = _events_for(maps, codec)
    return AgreedAudio(
        _codec_format(codec, known, number, answered),
        _ptime(answered, ptime_ms, codec.ptimes_ms),
        events.payload_type if events else None,
        ours.event_number(events.clock_rate) if events else None,
    )


@lru_cache(_REMEMBERED)
def _common_formats(answered: MediaDescription, ours: AudioFormats) -> tuple[CodecFormat, ...]:
    """The formats of `ours` whose codecs the answer lists, in its order."""
    maps = answered.rtpmaps({known.payload_type: known for known, _ in ours.announced})
    listed = [(known, *of_ours) for known in maps if (of_ours := ours.codec_of(known))]
    return tuple([_codec_format(codec, known, number, answered) for known, codec, number in listed])


def _events_for(offered: Sequence[RtpMap], codec: AudioCodec) -> RtpMap | None:
    """The telephone-event to use beside `codec`: that of its clock, else any.

    Many phones offer opus with digits at 8000 Hz only. The rate says nothing but how durations are counted, so
    taking the odd one costs exact durations; refusing it would cost the digits.
    """
    events = [known for known in offered if known.name.lower() == TELEPHONE_EVENT]
    exact = (known for known in events if known.clock_rate == codec.clock_rate)
    return next(exact, events[0] if events else None)


def _rtpmap(codec: AudioCodec, number: int) -> RtpMap:
    return RtpMap(number, codec.name, codec.clock_rate, codec.channels)


def _codec_format(codec: AudioCodec, known: RtpMap, number: int, remote: MediaDescription) -> CodecFormat:
    """`codec` as the remote knows it (`known`) and as we announced it (`number`)."""
    return CodecFormat(
        name=codec.name,
        payload_type=known.payload_type,
        clock_rate=codec.clock_rate,
        channels=codec.channels,
        receive_payload_type=number,
        fmtp=";".join(remote.of_format("fmtp", known.payload_type)),
    )


def _ptime(line: MediaDescription, default_ms: int, possible_ms: Sequence[int]) -> int:
    """The longest of `possible_ms` (ascending) that the peer's `a=ptime` and `a=maxptime` allow, else the first."""
    wanted = min(line.number("ptime") or default_ms, line.number("maxptime") or possible_ms[-1])
    return max((each for each in possible_ms if each <= wanted), default=possible_ms[0])
