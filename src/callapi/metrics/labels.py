"""Values of labels from a bounded set: each new value of a label is a new time series, kept for months."""

from typing import Final

OTHER: Final = "other"
MAX_HOSTS: Final = 50

METHODS: Final = frozenset(
    {"INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "INFO", "PRACK", "UPDATE", "REFER", "NOTIFY"}
    | {"SUBSCRIBE", "MESSAGE", "PUBLISH"}
)
"""SIP methods that have an RFC; a count of any other is under `OTHER`."""


class BoundedLabel:
    """Passes the first `maximum` different values of a label through; every later one is `other`."""

    def __init__(self, maximum: int) -> None:
        self._maximum = maximum
        self._known: set[str] = set()

    def of(self, value: str) -> str:
        """The value to use as label."""
        if value in self._known:
            return value
        if len(self._known) >= self._maximum:
            return OTHER
        self._known.add(value)
        return value


def code_label(code: int | None) -> str:
    """A SIP or HTTP status from 100 to 699 as text; `none` if no response came, else `other`."""
    if code is None:
        return "none"
    return str(code) if 100 <= code <= 699 else OTHER


def problem_label(code: int) -> str:
    """The code of a notification: documented ones are five digits."""
    return str(code) if 10_000 <= code <= 99_999 else OTHER
