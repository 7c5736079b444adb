"""A document that has been read: verbs to execute in order, and what had to be overlooked to read them."""

from dataclasses import dataclass

from callapi.rcml.elements import Verb
from callapi.rcml.findings import Finding


@dataclass(frozen=True, slots=True)
class Document:
    """An answer of the application. Without verbs it is valid, and ends the call."""

    verbs: tuple[Verb, ...] = ()
    warnings: tuple[Finding, ...] = ()
