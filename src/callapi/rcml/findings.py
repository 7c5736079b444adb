"""Errors and warnings about a document, each with its place."""

from enum import StrEnum

from msgspec import Struct


class Severity(StrEnum):
    """An error stops the document; a warning does not."""

    ERROR = "error"
    WARNING = "warning"


class Finding(Struct, frozen=True):
    """One remark about a document."""

    code: int
    """12100, 12200 or 12300: see `DocumentError`."""
    message: str
    line: int
    """From 1, in the text as the application wrote it; 0 without a place."""
    column: int
    severity: Severity = Severity.WARNING
    specific_code: int | None = None
    """Twilio's own number for exactly this mistake, where there is one."""

    @property
    def place(self) -> tuple[int, int]:
        """Line and column, to sort by."""
        return self.line, self.column

    def __str__(self) -> str:
        """`3:17: error 12200: …`, as compilers write."""
        return f"{self.line}:{self.column}: {self.severity} {self.code}: {self.message}"
