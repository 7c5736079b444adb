"""What a check found: good, bad, or good enough with a word of advice."""

from msgspec import Struct


class Verdict(Struct, frozen=True):
    """One line of the doctor; `is_good` None: it works, but."""

    subject: str
    text: str
    is_good: bool | None


def good(subject: str, text: str) -> Verdict:
    """It works."""
    return Verdict(subject, text, is_good=True)


def bad(subject: str, text: str) -> Verdict:
    """It does not."""
    return Verdict(subject, text, is_good=False)


def doubtful(subject: str, text: str) -> Verdict:
    """It works, but."""
    return Verdict(subject, text, is_good=None)
