"""Delays of streams as a capture of the loopback interface shows them: RTP beside the WebSocket messages it becomes."""

import base64
import json
import struct
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from bench.streams.probe import LOUD

_GLOBAL: Final = 24
_ETHERNET: Final = 14
_TCP, _UDP = 6, 17
_TEXT: Final = 1
CODES: Final = bytes(range(0x90, 0xD0))
"""µ-law samples by which a packet is known again: each packet of a probe is filled with the next of them."""
FIRST_PROBE: Final = 0xD8
"""The last sample of each packet of the first probe; that of the second is one more, and so on."""
SOON_S: Final = 0.3
"""What comes later than this does not belong together."""


@dataclass
class Delays:
    """In milliseconds."""

    to_application: list[float] = field(default_factory=list)
    """From an RTP packet to the first message that holds a sample of it."""
    to_caller: list[float] = field(default_factory=list)
    """From a `media` message to the first RTP packet that holds a sample of it."""
    clear: list[float] = field(default_factory=list)
    """From `clear` to the last RTP packet with sound."""
    mark: list[float] = field(default_factory=list)
    """From the last RTP packet of what was said to its mark."""


@dataclass
class _Stream:
    """What was captured of one stream: instants in seconds."""

    rtp_in: list[tuple[float, int]] = field(default_factory=list)
    loud_out: list[float] = field(default_factory=list)
    to_application: list[tuple[float, dict[str, Any]]] = field(default_factory=list)
    from_application: list[tuple[float, dict[str, Any]]] = field(default_factory=list)


def _packets(path: Path) -> Iterator[tuple[float, int, int, int, bytes, int]]:
    """Time, protocol, source and destination port, payload, TCP sequence number."""
    data = path.read_bytes()
    unit = 1e-9 if data[:4] == b"\x4d\x3c\xb2\xa1" else 1e-6
    at = _GLOBAL
    while at + 16 <= len(data):
        seconds, fraction, length, _ = struct.unpack_from("<IIII", data, at)
        packet = data[at + 16 + _ETHERNET : at + 16 + length]
        at += 16 + length
        head = (packet[0] & 15) * 4
        source, destination, sequence = struct.unpack_from("!HHI", packet, head)
        total = int.from_bytes(packet[2:4])
        skip = 8 if packet[9] == _UDP else (packet[head + 12] >> 4) * 4
        payload = packet[head + skip : total or len(packet)]
        yield seconds + fraction * unit, packet[9], source, destination, payload, sequence


class _Frames:
    """Text messages out of one direction of a connection; each with the time of the segment that completes it."""

    def __init__(self) -> None:
        self._data = b""
        self._next: int | None = None

    def feed(self, payload: bytes, sequence: int) -> list[dict[str, Any]]:
        """The messages that this segment completes; repetitions count for nothing."""
        if self._next is not None and (sequence - self._next) & 0xFFFFFFFF >= 1 << 31:
            return []
        self._next = (sequence + len(payload)) & 0xFFFFFFFF
        self._data += payload
        if self._data.startswith((b"GET ", b"HTTP/")):
            _, end, self._data = self._data.partition(b"\r\n\r\n")
            if not end:
                return []
        found = []
        while (taken := self._frame()) is not None:
            opcode, message = taken
            if opcode == _TEXT:
                found.append(json.loads(message))
        return found

    def _frame(self) -> tuple[int, bytes] | None:
        data = self._data
        if len(data) < 2:
            return None
        is_masked, size, at = data[1] >> 7, data[1] & 127, 2
        extended = {126: 2, 127: 8}.get(size, 0)
        if extended:
            size, at = int.from_bytes(data[at : at + extended]), at + extended
        key = data[at : at + 4] if is_masked else b""
        at += len(key)
        if len(data) < at + size:
            return None
        message, self._data = data[at : at + size], data[at + size :]
        if is_masked:
            mask = (key * (size // 4 + 1))[:size]
            message = (int.from_bytes(message) ^ int.from_bytes(mask)).to_bytes(size)
        return data[0] & 15, message


def delays(path: Path, application: int, legs: list[int]) -> Delays:
    """Of the streams whose calls listen on the ports `legs`; `application` is the port of theirs.

    Which connection belongs to which call is known by the samples that both carry.
    """
    by_leg = {leg: _Stream() for leg in legs}
    by_client: dict[int, _Stream] = defaultdict(_Stream)
    directions: dict[tuple[int, int], _Frames] = defaultdict(_Frames)
    for at, protocol, source, destination, payload, sequence in _packets(path):
        if protocol == _TCP:
            if not payload:
                continue
            messages = directions[source, destination].feed(payload, sequence)
            stream = by_client[destination if source == application else source]
            kept = stream.from_application if source == application else stream.to_application
            kept += [(at, each) for each in messages]
        elif payload[:1] == b"\x80" and destination in by_leg:
            by_leg[destination].rtp_in.append((at, payload[12]))
        elif payload[:1] == b"\x80" and source in by_leg and LOUD in payload[12:]:
            by_leg[source].loud_out.append(at)
    result = Delays()
    for each in by_client.values():
        probe = _probe(each, len(legs))
        if probe is None:
            continue
        call = by_leg[legs[probe]]
        each.rtp_in, each.loud_out = call.rtp_in, call.loud_out
        _judge(each, result)
    return result


def _probe(stream: _Stream, probes: int) -> int | None:
    """The number of the probe whose samples are in the messages to its application; None: it heard none.

    A machine at its end leaves gaps, in which there is silence or something made up.
    """
    seen = Counter(
        octet
        for _, each in stream.to_application
        if each["event"] == "media"
        for octet in base64.b64decode(each["media"]["payload"])
        if FIRST_PROBE <= octet < FIRST_PROBE + probes
    )
    return seen.most_common(1)[0][0] - FIRST_PROBE if seen else None


def _judge(stream: _Stream, result: Delays) -> None:
    heard = [
        (at, frozenset(base64.b64decode(each["media"]["payload"])))
        for at, each in stream.to_application
        if each["event"] == "media"
    ]
    place = 0
    for at, code in stream.rtp_in:
        while place < len(heard) and heard[place][0] < at:
            place += 1
        soon = (when for when, codes in heard[place : place + 15] if code in codes)
        if (when := next(soon, None)) is not None and when - at < SOON_S:
            result.to_application.append((when - at) * 1000)
    for at, each in stream.from_application:
        after = [when for when in stream.loud_out if at <= when < at + SOON_S]
        if each["event"] == "media" and after:
            result.to_caller.append((after[0] - at) * 1000)
        elif each["event"] == "clear":
            result.clear.append((after[-1] - at) * 1000 if after else 0.0)
    for at, each in stream.to_application:
        if each["event"] == "mark":
            before = [when for when in stream.loud_out if at - SOON_S < when <= at + 0.05]
            if before:
                result.mark.append((at - before[-1]) * 1000)
