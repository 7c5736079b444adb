"""All findings about a document before it goes live: those of the server, and advice.

The errors and warnings are those of `parse`. The advice (always a warning) is about valid
documents that probably do not do what was meant: a leg that must fail, a verb that is never reached, an
attribute without effect.
"""

from callapi.rcml.elements import read_response
from callapi.rcml.errors import DocumentError
from callapi.rcml.findings import Finding, Severity
from callapi.rcml.lint import advise
from callapi.rcml.text import decode
from callapi.rcml.tree import read_tree


def check(body: bytes, content_type: str = "text/xml") -> list[Finding]:
    """All findings about the XML of `body`, in the order of its text; with an error among them it cannot run."""
    if not body.strip():
        return []
    try:
        root = read_tree(decode(body, content_type))
    except DocumentError as error:
        what = error.code, error.message, error.line, error.column
        return [Finding(*what, Severity.ERROR, error.specific_code)]
    advise(root, read_response(root))
    return root.report.findings
