"""Hundreds of RTP parties in one process: two sockets, sendmmsg and recvmmsg, every packet distinct from every other.

Usage: `rtp_crowd.py CALLER_FD CALLEE_FD`, two bound UDP sockets that are inherited; then one JSON line on stdin:
`{"caller_legs": [port, ...], "callee_legs": [port, ...], "seconds": 30}`. All callers live on one socket and all
callees on the other (their SDP says so); the node's port for each leg distinguishes them. The payload of each packet
(G.711 µ-law, 20 ms) begins with the number of its stream, its place in it, and when it was sent, so that loss and
delay are known packet by packet. Writes one JSON line of figures. Linux on a 64-bit machine alone.
"""

import ctypes
import itertools
import json
import os
import socket
import struct
import sys
import time
from typing import Any

import numpy

PACKET = 12 + 160
SLICES = 10
SLICE_S = 0.02 / SLICES
MAGIC = 0x43A11A91
_BATCH = 1024
_LIBC = ctypes.CDLL(None, use_errno=True)


class _IoVec(ctypes.Structure):
    _fields_ = (("base", ctypes.c_void_p), ("length", ctypes.c_size_t))


class _MsgHdr(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_void_p),
        ("name_length", ctypes.c_uint32),
        ("vectors", ctypes.c_void_p),
        ("vector_count", ctypes.c_size_t),
        ("control", ctypes.c_void_p),
        ("control_length", ctypes.c_size_t),
        ("flags", ctypes.c_int),
    )


class _MMsgHdr(ctypes.Structure):
    _fields_ = (("header", _MsgHdr), ("length", ctypes.c_uint32))


def _loopback(port: int) -> bytes:
    """`struct sockaddr_in` of 127.0.0.1."""
    return struct.pack("=HH4s8x", socket.AF_INET, socket.htons(port), b"\x7f\0\0\1")


class _Messages:
    """`count` messages of one packet each, laid out for sendmmsg and recvmmsg."""

    def __init__(self, count: int, ports: list[int] | None = None) -> None:
        self.packets = numpy.zeros((count, PACKET), numpy.uint8)
        self._vectors = (_IoVec * count)()
        self.headers = (_MMsgHdr * count)()
        names = b"".join(
            struct.pack("=HH4s8x", socket.AF_INET, socket.htons(port), b"\x7f\0\0\1") for port in ports or []
        )
        self._names = ctypes.create_string_buffer(names or b"\0", max(1, len(names)))
        for index in range(count):
            self._vectors[index] = _IoVec(self.packets.ctypes.data + index * PACKET, PACKET)
            header = self.headers[index].header
            header.vectors = ctypes.addressof(self._vectors[index])
            header.vector_count = 1
            if ports:
                header.name, header.name_length = ctypes.addressof(self._names) + index * 16, 16


class Side:
    """The parties of one side: what they send, and what of the other side's they have got."""

    def __init__(self, fd: int, legs: list[int], stream_base: int, rounds: int) -> None:
        self._socket = socket.socket(fileno=fd)
        self._socket.setblocking(False)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE, for root
        except OSError:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
        self._out = _Messages(len(legs), legs)
        self._in = _Messages(_BATCH)
        self._words = self._out.packets.view(">u4")
        count = len(legs)
        self._out.packets[:, 0], self._out.packets[:, 1] = 0x80, 0
        self._words[:, 2] = numpy.arange(stream_base, stream_base + count) * 7919 + 1
        self._out.packets[:, 12:] = 0xFF
        self._words[:, 3] = MAGIC
        self._words[:, 4] = numpy.arange(stream_base, stream_base + count)
        self.sent = 0
        self.got = numpy.zeros((count * 2, rounds), bool)
        self.delays: list[Any] = []
        self.strangers = 0
        self.doubles = 0

    def send(self, round_number: int, begin: int, end: int) -> None:
        """Send packet `round_number` of the streams from `begin` to `end`."""
        words, packets = self._words[begin:end], self._out.packets[begin:end]
        packets[:, 2], packets[:, 3] = (round_number >> 8) & 0xFF, round_number & 0xFF
        words[:, 1] = round_number * 160
        words[:, 5] = round_number
        now = time.monotonic_ns()
        words[:, 6], words[:, 7] = now >> 32, now & 0xFFFFFFFF
        place = ctypes.byref(self._out.headers, begin * ctypes.sizeof(_MMsgHdr))
        self.sent += max(0, _LIBC.sendmmsg(self._socket.fileno(), place, end - begin, 0))

    def receive(self) -> None:
        """Take what has come."""
        while True:
            count = _LIBC.recvmmsg(self._socket.fileno(), self._in.headers, _BATCH, socket.MSG_DONTWAIT, None)
            if count <= 0:
                return
            words = self._in.packets[:count].view(">u4")
            ours = words[:, 3] == MAGIC
            self.strangers += int(count - ours.sum())
            words = words[ours].astype(numpy.int64)
            self.doubles += int(self.got[words[:, 4], words[:, 5]].sum())
            self.got[words[:, 4], words[:, 5]] = True
            self.delays.append(time.monotonic_ns() - (words[:, 6] << 32 | words[:, 7]))
            if count < _BATCH:
                return


def run(order: dict[str, Any], fds: tuple[int, int]) -> dict[str, Any]:
    """Talk for so many seconds; the figures."""
    rounds = int(order["seconds"] * 50)
    count = len(order["caller_legs"])
    callers = Side(fds[0], order["caller_legs"], 0, rounds)
    callees = Side(fds[1], order["callee_legs"], count, rounds)
    edges = [count * index // SLICES for index in range(SLICES + 1)]
    due = time.monotonic()
    late = 0.0
    for round_number in range(rounds):
        for begin, end in itertools.pairwise(edges):
            callers.send(round_number, begin, end)
            callees.send(round_number, begin, end)
            callers.receive()
            callees.receive()
            due += SLICE_S
            wait = due - time.monotonic()
            late = max(late, -wait)
            time.sleep(max(0.0, wait))
    for _ in range(25):
        time.sleep(0.02)
        callers.receive()
        callees.receive()
    delays = (
        numpy.concatenate([*callers.delays, *callees.delays]) if callers.delays and callees.delays else [0]
    )
    received = int(callers.got.sum() + callees.got.sum())
    heard = [int((side.got.sum(axis=1) > 0).sum()) for side in (callers, callees)]
    return {
        "sent": callers.sent + callees.sent,
        "received": received,
        "strangers": callers.strangers + callees.strangers,
        "doubles": callers.doubles + callees.doubles,
        "streams_heard": heard,
        "delay_ms": [float(numpy.percentile(delays, each) / 1e6) for each in (50, 99, 100)],
        "generator_late_ms": late * 1000,
    }


if __name__ == "__main__":
    descriptors = (int(sys.argv[1]), int(sys.argv[2]))
    print(json.dumps(run(json.loads(sys.stdin.readline()), descriptors)), flush=True)
    os._exit(0)
