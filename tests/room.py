"""Room on the machine: a test that needs real time begins when the cores can give it, as `make -l` begins a job."""

import os
import random
import time
from pathlib import Path
from typing import Final

MAX_RUNNABLE: Final = 3
"""Threads for each core that run or want to, this one included."""
MAX_WAIT_S: Final = 20.0
_SAMPLES: Final = 4
_BETWEEN_S: Final = 0.01
_LOAD = Path("/proc/loadavg")


def wait_for_room() -> None:
    """Return once the machine has room; after `MAX_WAIT_S` in any case, and at once where the kernel does not say."""
    deadline = time.monotonic() + MAX_WAIT_S
    while _LOAD.exists() and not _has_room() and time.monotonic() < deadline:
        time.sleep(random.uniform(0.1, 0.5))  # so that workers do not begin together


def _has_room() -> bool:
    """Whether few enough threads run or want to, on the mean of a moment (proc(5), loadavg)."""
    found = 0
    for _ in range(_SAMPLES):
        found += int(_LOAD.read_text(encoding="ascii").split()[3].split("/")[0])
        time.sleep(_BETWEEN_S)
    return found / _SAMPLES <= MAX_RUNNABLE * (os.cpu_count() or 1)
