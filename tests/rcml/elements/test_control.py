"""`<Redirect>`, `<Reject>`, `<Hangup>`: the verbs that end a document."""

import pytest

from callapi.rcml import Hangup, Method, Redirect, Reject, RejectReason
from tests.rcml.documents import document, only, refusal


def test_redirect() -> None:
    assert only("<Redirect>\n ../next.xml?a=1&amp;b=2 </Redirect>") == Redirect(
        "../next.xml?a=1&b=2", Method.POST
    )
    assert only('<Redirect method="GET">/next</Redirect>') == Redirect("/next", Method.GET)


def test_redirect_to_nowhere_is_the_document_again() -> None:
    read = document("<Redirect/>")
    assert read.verbs == (Redirect(""),)
    assert "asked for again" in read.warnings[0].message


def test_a_bad_method() -> None:
    assert refusal('<Redirect method="x">/next</Redirect>').specific_code == 13710


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ("", RejectReason.REJECTED),
        ('reason="rejected"', RejectReason.REJECTED),
        ('reason="Busy"', RejectReason.BUSY),
    ],
)
def test_reject(written: str, reason: RejectReason) -> None:
    assert only(f"<Reject {written}/>") == Reject(reason)


def test_a_bad_reason() -> None:
    assert refusal('<Reject reason="asleep"/>').message.endswith("must be rejected or busy")


def test_hangup() -> None:
    assert only("<Hangup/>") == Hangup()


def test_hangup_has_no_attributes() -> None:
    (warning,) = document('<Hangup reason="busy"/>').warnings
    assert warning.message == "unknown attribute reason on <Hangup>, overlooked; it has none"
