"""Two calls that hear each other, for as long as the `with` block lasts."""

from collections.abc import Iterator
from contextlib import contextmanager

from callapi.calls.bridges.joined import Bridged
from callapi.calls.call import Call
from callapi.media import MediaPlane


@contextmanager
def bridged(plane: MediaPlane, caller: Call, callee: Call) -> Iterator[None]:
    """Join the two; what was playing on either ends. Digits typed before or while joined are dropped."""
    bridges = [plane.bridge(caller.leg.stream, callee.leg.stream)]
    if caller.leg.video is not None and callee.leg.video is not None:
        bridges.append(plane.bridge_video(caller.leg.video, callee.leg.video))
    caller.join(Bridged(callee.sid))
    callee.join(Bridged(caller.sid))
    caller.digits_to, callee.digits_to = callee.leg.stream, caller.leg.stream
    caller.digits.clear()
    callee.digits.clear()
    try:
        yield
    finally:
        for bridge in bridges:
            bridge.close()
        caller.digits_to = callee.digits_to = None
        caller.part()
        callee.part()
        caller.digits.clear()
        callee.digits.clear()
