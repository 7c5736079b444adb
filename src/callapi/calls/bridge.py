"""Two calls that hear each other, for as long as the `with` block lasts."""

from collections.abc import Iterator
from contextlib import contextmanager

from callapi.calls.call import Call
from callapi.media import MediaPlane


@contextmanager
def bridged(plane: MediaPlane, caller: Call, callee: Call) -> Iterator[None]:
    """Join the two; what was playing on either ends. Digits typed before or while joined are not typed ahead."""
    bridges = [plane.bridge(caller.leg.stream, callee.leg.stream)]
    if caller.leg.video is not None and callee.leg.video is not None:
        bridges.append(plane.bridge_video(caller.leg.video, callee.leg.video))
    caller.partner, callee.partner = callee, caller
    caller.digits.clear()
    callee.digits.clear()
    try:
        yield
    finally:
        for bridge in bridges:
            bridge.close()
        caller.partner = callee.partner = None
        caller.digits.clear()
        callee.digits.clear()
