"""Free loopback ports."""

import random
import socket

_RANDOM = random.Random()
_BLOCK = 512


def _bind(kind: socket.SocketKind, port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, kind)
    try:
        bound.bind(("127.0.0.1", port))
    except OSError:
        bound.close()
        raise
    return bound


def is_taken(kind: socket.SocketKind, port: int) -> bool:
    """Whether somebody has this port of 127.0.0.1."""
    try:
        _bind(kind, port).close()
    except OSError:
        return True
    return False


def free_port() -> int:
    """A port that is free for UDP and for TCP on 127.0.0.1, outside the ephemeral range."""
    for _ in range(200):
        port = _RANDOM.randrange(10_000, 14_000)
        try:
            with _bind(socket.SOCK_DGRAM, port), _bind(socket.SOCK_STREAM, port):
                return port
        except OSError:
            continue
    raise AssertionError("no free loopback port")


def free_rtp_range(size: int = _BLOCK) -> tuple[int, int]:
    """The first and last port of a stretch for RTP that nobody seems to use: below the ephemeral range."""
    for _ in range(100):
        first = _RANDOM.randrange(14_000, 32_000 - size, 2)
        try:
            for port in range(first, first + size, max(2, size // 32)):
                _bind(socket.SOCK_DGRAM, port).close()
        except OSError:
            continue
        return first, first + size - 1
    raise AssertionError("no free range of RTP ports")
