"""The findings of a document while it is read. Reading goes on after an error, to find the next one."""

import re
from functools import cached_property

from callapi.rcml.errors import BAD_DOCUMENT
from callapi.rcml.findings import Finding, Severity
from callapi.rcml.places import Place, Places

MAX_FINDINGS = 100
"""Errors, and as many warnings; further ones are dropped, since each may become a notification."""

# An attribute with its value in quotes of any kind: the text may be one that had to be repaired.
_ATTRIBUTE = re.compile(r"""\s([^\s<>=/"']+)\s*=\s*(?:"[^"<]*"|'[^'<]*'|[^\s"'<>][^\s<>]*)""")


class Report:
    """The findings of one document. Its text serves to find the place of an attribute."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._findings: list[Finding] = []
        self._counts: dict[Severity, int] = {}

    @property
    def findings(self) -> list[Finding]:
        """All that was found, in the order of the text."""
        return sorted(self._findings, key=lambda finding: finding.place)

    def wants(self, severity: Severity) -> bool:
        """Whether there is room for one more of this kind; asked first, since finding a place costs time."""
        return self._counts.get(severity, 0) < MAX_FINDINGS

    def add(self, finding: Finding) -> None:
        """Add a finding, up to the bound."""
        if self.wants(finding.severity):
            self._counts[finding.severity] = self._counts.get(finding.severity, 0) + 1
            self._findings.append(finding)

    def remark(
        self, severity: Severity, element: Place, attribute: str | None, message: str, code: int | None
    ) -> None:
        """Add a finding about the element that begins at `element`, or about one attribute of it."""
        if self.wants(severity):
            place = element if attribute is None else self._attribute_place(element, attribute)
            self.add(Finding(BAD_DOCUMENT, message, *place, severity, code))

    def _attribute_place(self, element: Place, name: str) -> Place:
        start = self._places.offset(element)
        end = self._text.find("<", start + 1)
        for match in _ATTRIBUTE.finditer(self._text, start, end if end >= 0 else len(self._text)):
            if match[1] == name:
                return self._places.of(match.start(1))
        return element

    @cached_property
    def _places(self) -> Places:
        return Places(self._text)
