"""A network namespace for each test process: its loopback holds no port but the suite's own.

Other programs of the machine, other runs of the suite and other workers of one run then cannot take a port between
its choice and its use, and cannot be disturbed. Where the kernel refuses (no privilege and no user namespaces), the
suite runs on the machine's own loopback.
"""

import ctypes
import fcntl
import os
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Final

NEW_NETWORK: Final = 0x4000_0000
"""CLONE_NEWNET of unshare(2)."""
_SET_FLAGS: Final = 0x8914
"""SIOCSIFFLAGS of netdevice(7)."""
_UP: Final = 0x1
_outside: int | None = None


def isolate() -> bool:
    """Move this process into a network namespace of its own with its loopback up; whether the kernel allowed it.

    Must run before the process starts a thread: threads and children inherit the namespace of their creator.
    """
    global _outside
    if _outside is not None:
        return True
    outside = os.open("/proc/self/ns/net", os.O_RDONLY)
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(NEW_NETWORK) != 0:
        os.close(outside)
        return False
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SET_FLAGS, struct.pack("16sh22x", b"lo", _UP))
    _reserve_test_ports()
    _outside = outside
    return True


def _reserve_test_ports() -> None:
    """Keep the ports that tests choose by number out of the range from which the kernel takes ephemeral ones."""
    Path("/proc/sys/net/ipv4/ip_local_port_range").write_text("46000 60999", encoding="ascii")


def outside_network() -> Callable[[], None] | None:
    """What a child runs before its program (`preexec_fn`) to be in the machine's own network again."""
    if (outside := _outside) is None:
        return None

    def enter() -> None:
        ctypes.CDLL(None).setns(outside, NEW_NETWORK)

    return enter
