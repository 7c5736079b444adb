"""Digits in the body of an INFO (RFC 6086, Appendix A: legacy usage), in the spellings that phones and gateways use.

There is no standard. `application/dtmf-relay` (Cisco) has `Signal=5` and `Duration=160`, in any letter case, with `:`
or `=`; `application/dtmf` the digit alone; `audio/telephone-event` the four octets of an RTP event (RFC 4733), or
either text. `*` and `#` may be 10 and 11, the codes of RFC 4733.
"""

import re

from msgspec import Struct

DIGIT_TYPES = (
    "application/dtmf-relay",
    "application/dtmf",
    "audio/telephone-event",
    "application/telephone-event",
    "application/vnd.nortelnetworks.digits",
)
"""What INFO is accepted with; the first two go into `Accept`."""
_IGNORED = frozenset(
    {"text/plain", "application/hook-flash", "application/media_control+xml", "application/sdp"}
)
"""Answered with 200 though nothing comes of them: their senders expect it."""

_KEYS = "0123456789*#ABCD"
_FIELD = re.compile(r"\s*(signal|digits?|dtmf|tone|event|d)\s*[=:]\s*\"?([^\"]*?)\"?\s*", re.IGNORECASE)
_MAX_DIGITS = 32
_FLASHES = frozenset({"16", "!", "F", "FLASH", "HF"})


class InfoDigits(Struct, frozen=True):
    """What an INFO says of the keys of a telephone."""

    digits: str
    """Usually one; none: a hook flash."""
    duration: int = 0
    """Of an RTP event in the body, so far; else 0."""
    is_event: bool = False
    """The body is an RTP event: the same key may be reported again while it is held."""
    is_end: bool = False
    """The event is over."""


def read_info(content_type: str, body: bytes) -> InfoDigits | None:
    """The keys in the body of an INFO; None: it is about something else, or cannot be read."""
    kind = _media_type(content_type)
    if kind not in DIGIT_TYPES:
        return None
    if kind.endswith("telephone-event") and len(body) == 4 and body[0] < len(_KEYS):
        duration = int.from_bytes(body[2:], "big")
        return InfoDigits(_KEYS[body[0]], duration, is_event=True, is_end=bool(body[1] & 0x80))
    text = body.decode("ascii", "replace")
    fields = [found[2] for line in text.splitlines() if (found := _FIELD.fullmatch(line))]
    return _digits(fields[0] if fields else text)


def is_understood(content_type: str, body: bytes) -> bool:
    """Whether an INFO gets 200; else 415 (RFC 6086 §4.2.2), so that its sender knows that it was lost."""
    return not body or _media_type(content_type) in _IGNORED or read_info(content_type, body) is not None


def _media_type(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


def _digits(written: str) -> InfoDigits | None:
    text = "".join(written.split()).upper()
    if text in _FLASHES:
        return InfoDigits("")
    if len(text) == 2 and text.isdecimal() and 10 <= int(text) < len(_KEYS):
        return InfoDigits(_KEYS[int(text)])
    if not 0 < len(text) <= _MAX_DIGITS or any(key not in _KEYS for key in text):
        return None
    return InfoDigits(text)
