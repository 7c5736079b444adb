"""`<Response>`: the root. Its verbs are executed one after the other, in the order of the document."""

from collections.abc import Callable, Mapping
from difflib import get_close_matches
from typing import TypeAlias

from callapi.rcml.attributes import Attributes
from callapi.rcml.elements.element import NAMES, VERBS, refuse_text
from callapi.rcml.elements.verbs.connect import Connect, read_connect
from callapi.rcml.elements.verbs.dial import Dial, read_dial
from callapi.rcml.elements.verbs.echo import Echo, read_echo
from callapi.rcml.elements.verbs.enqueue import Enqueue, Leave, read_enqueue, read_leave
from callapi.rcml.elements.verbs.gather import Gather, read_gather
from callapi.rcml.elements.verbs.hangup import Hangup, read_hangup
from callapi.rcml.elements.verbs.pause import Pause, read_pause
from callapi.rcml.elements.verbs.play import Play, read_play
from callapi.rcml.elements.verbs.record import Record, read_record
from callapi.rcml.elements.verbs.redirect import Redirect, read_redirect
from callapi.rcml.elements.verbs.refer import Refer, read_refer
from callapi.rcml.elements.verbs.reject import Reject, read_reject
from callapi.rcml.elements.verbs.say import Say, read_say
from callapi.rcml.elements.verbs.start import Start, Stop, read_start, read_stop
from callapi.rcml.tree import ElementNode

Verb: TypeAlias = (
    Dial
    | Say
    | Play
    | Pause
    | Gather
    | Record
    | Redirect
    | Reject
    | Hangup
    | Echo
    | Enqueue
    | Leave
    | Refer
    | Connect
    | Start
    | Stop
)

_READERS: Mapping[str, Callable[[ElementNode], Verb]] = {
    "Dial": read_dial,
    "Say": read_say,
    "Play": read_play,
    "Pause": read_pause,
    "Gather": read_gather,
    "Record": read_record,
    "Redirect": read_redirect,
    "Reject": read_reject,
    "Hangup": read_hangup,
    "Echo": read_echo,
    "Enqueue": read_enqueue,
    "Leave": read_leave,
    "Refer": read_refer,
    "Connect": read_connect,
    "Start": read_start,
    "Stop": read_stop,
}


def read_response(root: ElementNode) -> tuple[Verb, ...]:
    """The verbs of a document; an unknown one is an error, since what it was to do would be left undone."""
    if root.name != "Response":
        root.error(f"the root element is <{root.name}>; it must be <Response>", 12102)
        return ()
    Attributes(root).finish()
    refuse_text(root)
    verbs = []
    for child in root.children:
        reader = _READERS.get(child.name)
        if reader is None:
            child.error(_explain(child.name))
        else:
            verbs.append(reader(child))
    return tuple(verbs)


def _explain(name: str) -> str:
    if name in NAMES:
        return f"<{name}> is not a verb, and cannot stand directly inside <Response>"
    alike = get_close_matches(name.capitalize()[:20], VERBS, n=1)
    hint = f"did you mean <{alike[0]}>?" if alike else f"the verbs are {', '.join(VERBS)}"
    return f"unknown verb <{name}>; {hint}"
