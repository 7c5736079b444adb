"""Where a document runs: what it is for, and which verbs it may hold there."""

from enum import Enum
from typing import Final

from callapi.rcml import (
    Dial,
    Enqueue,
    Gather,
    Hangup,
    Leave,
    Pause,
    Play,
    Redirect,
    Refer,
    Say,
)


class Mode(Enum):
    """The place of a document."""

    CALL = "call"
    """On a call, as its own story."""
    SCREENING = "screening"
    """On a called party, before it is joined: its end accepts."""
    HEARD = "heard"
    """To be heard alone: what a participant hears outside its conference, an announcement, before a queue's bridge."""
    QUEUED = "queued"
    """What a caller hears and may press while it waits in a queue."""


_HEARD: Final = frozenset({Play, Say, Pause, Redirect})
_ALLOWED: Final[dict[Mode, frozenset[type]]] = {
    Mode.HEARD: _HEARD,
    Mode.QUEUED: _HEARD | {Hangup, Leave, Gather},
}
_FORBIDDEN: Final[dict[Mode, frozenset[type]]] = {
    Mode.CALL: frozenset({Leave}),
    Mode.SCREENING: frozenset({Dial, Enqueue, Leave, Refer}),
}


def allows(mode: Mode, verb: type) -> bool:
    """Whether a document in `mode` may hold `verb`."""
    allowed = _ALLOWED.get(mode)
    return verb in allowed if allowed is not None else verb not in _FORBIDDEN[mode]
