"""Two calls that hear each other, for as long as the `with` block lasts."""

from collections.abc import Iterator
from contextlib import contextmanager

from callapi.calls.call import Call
from callapi.media import MediaPlane


@contextmanager
def bridged(plane: MediaPlane, caller: Call, callee: Call) -> Iterator[None]:
    """Join the two; what was playing on either ends. Digits typed before or while joined are not typed ahead."""
    bridge = plane.bridge(caller.leg.stream, callee.leg.stream)
    caller.partner, callee.partner = callee, caller
    caller.digits.clear()
    callee.digits.clear()
    try:
        yield
    finally:
        bridge.close()
        caller.partner = callee.partner = None
        caller.digits.clear()
        callee.digits.clear()
