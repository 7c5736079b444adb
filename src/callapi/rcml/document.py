"""A document that has been read: verbs to execute in order, and what was ignored to read them."""

from msgspec import Struct

from callapi.rcml.elements import Verb
from callapi.rcml.findings import Finding


class Document(Struct, frozen=True):
    """An answer of the application. Without verbs it is valid, and ends the call."""

    verbs: tuple[Verb, ...] = ()
    warnings: tuple[Finding, ...] = ()
