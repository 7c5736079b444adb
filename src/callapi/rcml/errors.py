"""What can be wrong with a document.

::

    RcmlError
    └── DocumentError      the document cannot be run: code, sentence, line and column
"""

from callapi.base.errors import CallApiError

NOT_XML = 12100
BAD_DOCUMENT = 12200
WRONG_CONTENT_TYPE = 12300


class RcmlError(CallApiError):
    """Base of the errors of this room."""


class DocumentError(RcmlError):
    """The document cannot be run; nothing of it is executed.

    Attributes:
        code: 12100 (no XML), 12200 (not as the language asks) or 12300 (a content type that we do not read).
        specific_code: Twilio's own number for exactly this mistake, such as 13212: Dial's `timeout`.
        message: one sentence that says what is wrong and what is allowed.
        line, column: the place in the text as the application wrote it, both counted from 1; 0 where a
            place makes no sense (wrong content type).
    """

    def __init__(
        self, code: int, message: str, line: int = 0, column: int = 0, *, specific_code: int | None = None
    ) -> None:
        super().__init__(message)
        self.code = code
        self.specific_code = specific_code
        self.message = message
        self.line = line
        self.column = column

    def __str__(self) -> str:
        place = f"line {self.line}, column {self.column}: " if self.line else ""
        return place + self.message
