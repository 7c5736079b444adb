"""What an execution makes of a document's URLs."""

from typing import Any, cast

from callapi.rcml.elements import Verb
from callapi.verbs.execution import Execution
from callapi.verbs.interpreter import EXECUTORS

UNUSED = cast("Any", None)


def test_each_verb_of_the_language_has_an_executor() -> None:
    assert set(EXECUTORS) == set(Verb.__args__)


def test_a_url_is_resolved_against_the_present_document() -> None:
    execution = Execution(UNUSED, UNUSED, UNUSED)
    for url, expected in (
        ("http://one.example/voice/start", "http://one.example/voice/next?a=1"),
        ("http://two.example/", "http://two.example/next?a=1"),
        ("http://one.example/voice/start", "http://one.example/voice/next?a=1"),
    ):
        execution.url = url
        assert execution.resolve("next?a=1") == expected


def test_a_url_of_any_length_is_resolved() -> None:
    execution = Execution(UNUSED, UNUSED, UNUSED)
    execution.url = "http://one.example/voice"
    for length in (10, 10_000):
        assert execution.resolve("/" + "a" * length) == "http://one.example/" + "a" * length


def test_what_is_no_url_stays_as_it_is() -> None:
    execution = Execution(UNUSED, UNUSED, UNUSED)
    execution.url = "http://one.example/voice"
    assert execution.resolve("http://[::1/next") == "http://[::1/next"
