"""Short ways to write documents in tests."""

import pytest

from callapi.rcml import Document, DocumentError, Verb, parse


def document(inside: str) -> Document:
    """What `<Response>` with `inside` it reads as."""
    return parse(f"<Response>{inside}</Response>".encode())


def only(inside: str) -> Verb:
    """The one verb of a document that there is nothing to say about."""
    read = document(inside)
    assert read.warnings == ()
    (verb,) = read.verbs
    return verb


def refusal(inside: str) -> DocumentError:
    """Why `<Response>` with `inside` it is refused."""
    with pytest.raises(DocumentError) as refused:
        document(inside)
    return refused.value


def warnings(inside: str) -> list[str]:
    """The sentences of the warnings about a document that can be run."""
    return [warning.message for warning in document(inside).warnings]
