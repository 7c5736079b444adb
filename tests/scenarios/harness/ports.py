"""Loopback ports for the programs of a test: each is given out once in a test process."""

import itertools
import os
import socket
from typing import Final

_BLOCK: Final = 512
_FIRST_PORT: Final = 10_100
"""Above 10080, the highest port that Chromium refuses to connect to (net/base/port_util.cc)."""

_FIRST_RTP_PORT: Final = 14_000
_END: Final = 32_000
"""Below the ephemeral range, so that no socket bound to port 0 is given one of these."""

_offset = os.getpid() % 97
_ports = itertools.cycle(range(_FIRST_PORT + _offset, _FIRST_RTP_PORT))
_next_rtp = _FIRST_RTP_PORT


def _bind(kind: socket.SocketKind, port: int, host: str = "127.0.0.1") -> socket.socket:
    bound = socket.socket(socket.AF_INET, kind)
    try:
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound


def is_taken(kind: socket.SocketKind, port: int, host: str = "127.0.0.1") -> bool:
    """Whether a socket has this port of `host`."""
    try:
        _bind(kind, port, host).close()
    except OSError:
        return True
    return False


def free_port() -> int:
    """A port that is free for UDP and for TCP on 127.0.0.1; it is not given out again before 3,800 others were."""
    for port in itertools.islice(_ports, _FIRST_RTP_PORT - _FIRST_PORT):
        if not is_taken(socket.SOCK_DGRAM, port) and not is_taken(socket.SOCK_STREAM, port):
            return port
    raise AssertionError("no free loopback port")


def free_rtp_range(size: int = _BLOCK) -> tuple[int, int]:
    """The first and last port of a stretch for RTP, beside the last one given out; some of its ports are tried."""
    global _next_rtp
    for _ in range(100):
        first = _next_rtp if _next_rtp + size <= _END else _FIRST_RTP_PORT
        _next_rtp = first + size
        sampled = range(first, first + size, max(2, size // 32))
        if not any(is_taken(socket.SOCK_DGRAM, port) for port in sampled):
            return first, first + size - 1
    raise AssertionError("no free range of RTP ports")
