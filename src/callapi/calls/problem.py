"""A broken rule, in the form in which the developer of the application reads of it."""

from msgspec import Struct

from callapi.base.errors import CallApiError
from callapi.webhooks import WebAnswer, WebRequest


class Problem(Struct, frozen=True, gc=False):
    """One broken rule, the content of a notification. `code` is Twilio's where Twilio has one."""

    code: int
    text: str
    is_warning: bool = False
    request: WebRequest | None = None
    answer: WebAnswer | None = None
    line: int | None = None
    column: int | None = None

    @classmethod
    def of(cls, error: CallApiError, code: int, request: WebRequest, answer: WebAnswer | None) -> "Problem":
        """The failure of a request to the application; an error of a document has a line and a column."""
        line, column = getattr(error, "line", None), getattr(error, "column", None)
        return cls(code, str(error), request=request, answer=answer, line=line, column=column)
