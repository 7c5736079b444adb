"""The position of a document in progress, as plain data: enough to say where a story stands, and to resume it."""

from msgspec import Struct


class Position(Struct, frozen=True, gc=False):
    """Where a story stands: the document, the verb, and the step within the verb.

    `url` and `method` are those that the document was fetched with. `path` counts from the root: `(2,)` is the third
    verb, `(2, 0)` the first element nested in it. `verb` is the element's name, `line` its place in the source.
    `step` is the verb's own word for how far it is (`ringing`, `joined`, `prompting`), empty where it has no steps.
    """

    url: str
    method: str
    path: tuple[int, ...]
    verb: str
    line: int
    step: str = ""
