"""Anything at all to a leg of a browser: checks of ICE and records of DTLS, nearly right, from who may send them.

Checks are signed anew after each change, with the password that the peer knows, so that what is behind the signature
reads them. Records are those of true handshakes between two streams, changed on their way. SRTP and SDP have targets of
their own.
"""

import asyncio
import hmac
import os
import random
import struct
import time
import zlib
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Final, Self

import pytest

from callapi.media import CodecFormat, MediaAddress, Secured, SecurityFailed, StreamParameters
from callapi.media.plane.certificate import NodeCertificate, make_certificate
from callapi.media.plane.engine import NativePlane
from callapi.media.plane.native_streams import NativeStream
from callapi.media.plane.types import DtlsParameters, IceParameters
from fuzz.mutation import Mutator

SECONDS = float(os.environ.get("FUZZ_SECONDS", "2"))
SEED = int(os.environ.get("FUZZ_SEED", str(time.time_ns() % 2**32)))
PCMU = CodecFormat("PCMU", 0, 8000, 1, 0)
CREDENTIALS = ("ours", "our-password-of-22-characters", "peer", "their-password-of-22-chars")
WORDS = (
    b"\x16\xfe\xfd",
    b"\x16\xfe\xff",
    b"\x2f\x00",
    b"\x21\x12\xa4\x42",
    b"\x00\x06",
    b"\x00\x25\x00\x00",
    b"\xff" * 4,
)
GROWTH_MB = 24
PAIRS = 8
"""Handshakes at a time."""
ROUND_S = 0.3
COPIES = 4
"""Changed ones of each datagram, before it."""
_MAGIC: Final = b"\x21\x12\xa4\x42"

pytestmark = pytest.mark.timeout(90 + 2 * SECONDS)


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


class _Wire(asyncio.DatagramProtocol):
    """One end of a way: what comes leaves at `other`, to the stream behind it, after changed copies of it."""

    def __init__(self, mutator: Mutator | None) -> None:
        self._mutator = mutator
        self.to = ("127.0.0.1", 0)
        self.other: _Wire = self
        self.received: list[bytes] = []

    async def __aenter__(self) -> Self:
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        host, port = self._transport.get_extra_info("sockname")[:2]
        self.address = MediaAddress(host, port)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._transport.close()

    def send(self, data: bytes) -> None:
        """To the stream behind this end."""
        self._transport.sendto(data, self.to)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:  # noqa: ARG002 - of the interface
        """Pass it on."""
        self.received.append(data)
        if self.other is self:
            return
        if self._mutator is not None:
            for _ in range(COPIES):
                self.other.send(self._mutator.change(data)[:1400])
        self.other.send(data)


async def _pair(
    stack: AsyncExitStack, plane: NativePlane, certificate: NodeCertificate, mutator: Mutator | None
) -> tuple[NativeStream, NativeStream]:
    """A server and a client that shake hands by way of two wires."""
    streams = plane.open_stream(), plane.open_stream()
    wires = [await stack.enter_async_context(_Wire(mutator)) for _ in streams]
    for place, (stream, wire) in enumerate(zip(streams, wires, strict=True)):
        stack.callback(stream.close)
        wire.to = (stream.local.host, stream.local.port)
        wire.other = wires[1 - place]
        dtls = DtlsParameters(is_client=place == 1, fingerprints=(certificate.fingerprint,))
        stream.configure(StreamParameters(wire.address, PCMU, dtls=dtls))
    return streams


async def _is_secured(stream: NativeStream) -> bool:
    async with asyncio.timeout(10):
        while True:
            event = await stream.next_event()
            if isinstance(event, Secured | SecurityFailed):
                return isinstance(event, Secured)


async def test_dtls_records() -> None:
    """Handshakes among changed copies of their own flights; afterwards one that is left alone succeeds."""
    mutator = Mutator(random.Random(SEED), [b""], WORDS)
    certificate = make_certificate()
    async with NativePlane(rtp_ports="44500-44699", threads=1, certificate=certificate) as plane:
        before, count, until = _resident_mb(), 0, time.monotonic() + SECONDS
        while time.monotonic() < until:
            async with AsyncExitStack() as stack:
                for _ in range(PAIRS):
                    await _pair(stack, plane, certificate, mutator)
                    count += 1
                await asyncio.sleep(ROUND_S)
        grown = _resident_mb() - before
        assert grown < GROWTH_MB, f"FUZZ_SEED={SEED}: {grown:.0f} MB more after {count} handshakes"
        async with AsyncExitStack() as stack:
            for stream in await _pair(stack, plane, certificate, None):
                assert await _is_secured(stream), f"FUZZ_SEED={SEED}"


def _attribute(kind: int, value: bytes) -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + bytes(-len(value) % 4)


def _signed(head: bytes, body: bytes) -> bytes:
    """A STUN message with MESSAGE-INTEGRITY and FINGERPRINT (RFC 8489 §14.5, §14.7) over whatever `body` is."""

    def of_length(length: int) -> bytes:
        return head[:2] + struct.pack("!H", length & 0xFFFF) + head[4:]

    password = CREDENTIALS[1].encode()
    body += _attribute(8, hmac.digest(password, of_length(len(body) + 24) + body, "sha1"))
    whole = of_length(len(body) + 8) + body
    return whole + _attribute(0x8028, struct.pack("!I", zlib.crc32(whole) ^ 0x5354554E))


def _check(body: bytes | None = None) -> bytes:
    """A connectivity check of the peer (RFC 8445 §7.2.2), or another `body` under the same signature."""
    local, _, remote, _ = CREDENTIALS
    if body is None:
        body = _attribute(6, f"{local}:{remote}".encode()) + _attribute(0x24, b"\x6e\x00\x01\xff")
        body += _attribute(0x802A, os.urandom(8)) + _attribute(0x25, b"")
    return _signed(b"\x00\x01\x00\x00" + _MAGIC + os.urandom(12), body)


async def test_checks_of_ice() -> None:
    """Signed checks with anything in them, and unsigned ones; afterwards a right check is answered."""
    mutator = Mutator(random.Random(SEED), [_check()], WORDS)
    certificate = make_certificate()
    async with (
        NativePlane(rtp_ports="44700-44799", threads=1, certificate=certificate) as plane,
        _Wire(None) as peer,
        _Wire(None) as other,
    ):
        stream = plane.open_stream()
        dtls = DtlsParameters(is_client=False, fingerprints=(certificate.fingerprint,))
        ice = IceParameters(*CREDENTIALS, candidate=stream.local)
        stream.configure(StreamParameters(peer.address, PCMU, rtcp_mux=True, dtls=dtls, ice=ice))
        peer.to = other.to = (stream.local.host, stream.local.port)
        before, count, until = _resident_mb(), 0, time.monotonic() + SECONDS
        while time.monotonic() < until:
            for _ in range(20):
                junk = mutator.make()[:1200]
                peer.send(junk)
                peer.send(_check(junk[20:-32]))
                count += 2
            await asyncio.sleep(0.002)
        peer.received.clear()
        for _ in range(50):
            other.send(_check())
            await asyncio.sleep(0.1)
            if any(each[:2] == b"\x01\x01" for each in other.received):
                break
        assert any(each[:2] == b"\x01\x01" for each in other.received), (
            f"FUZZ_SEED={SEED}: no answer after {count}"
        )
        grown = _resident_mb() - before
        assert grown < GROWTH_MB, f"FUZZ_SEED={SEED}: {grown:.0f} MB more after {count} datagrams"
        stream.close()
