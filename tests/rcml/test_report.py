"""`Report`: the places of findings, and their bound."""

from callapi.rcml.findings import Severity
from callapi.rcml.places import Place
from callapi.rcml.report import MAX_FINDINGS, Report

TEXT = '<Response>\n<Dial  timeout = "x">1</Dial></Response>'
DIAL: Place = (2, 1)


def test_an_attribute_has_its_own_place() -> None:
    report = Report(TEXT)
    report.remark(Severity.ERROR, DIAL, "timeout", "wrong", None)
    assert report.findings[0].place == (2, 8)


def test_an_attribute_that_is_not_in_the_text_has_the_place_of_its_element() -> None:
    """A default that does not fit with another attribute."""
    report = Report(TEXT)
    report.remark(Severity.WARNING, DIAL, "method", "no effect", None)
    assert report.findings[0].place == (2, 1)


def test_beyond_the_bound_findings_are_dropped() -> None:
    report = Report(TEXT)
    for _ in range(MAX_FINDINGS + 1):
        report.remark(Severity.ERROR, DIAL, None, "wrong", None)
    assert len(report.findings) == MAX_FINDINGS
