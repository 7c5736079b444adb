"""`<Application>`: run another application's documents for the caller. A noun of `<Dial>`.

The text, or a nested `<ApplicationSid>`, names it; each `<Parameter>` reaches its request.
"""

import re
from dataclasses import dataclass

from callapi.rcml.attributes import Attributes
from callapi.rcml.elements.element import Element, refuse_nested
from callapi.rcml.tree import ElementNode

MAX_PARAMETERS = 99
_SID = re.compile(r"AP[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Application(Element):
    """Run the application `sid` of the same account."""

    sid: str
    """Empty: it is not named, or not by a sid; the outcome is `failed`."""
    parameters: tuple[tuple[str, str], ...] = ()
    """What its requests carry beyond their own."""


def read_application(node: ElementNode) -> Application:
    """`<Application>` as written."""
    given = Attributes(node)
    given.without_effect(
        "url",
        "method",
        "statusCallback",
        "statusCallbackMethod",
        "statusCallbackEvent",
        "customerId",
        "copyParentTo",
    )
    given.finish()
    sid, parameters = node.text, []
    for child in node.children:
        match child.name:
            case "ApplicationSid":
                sid = sid or child.text
            case "Parameter":
                if (pair := _read_parameter(child)) is not None:
                    parameters.append(pair)
            case _:
                refuse_nested(child, node, 13215)
    if _SID.fullmatch(sid) is None:
        node.warn(f"<Application> names no application by its sid (AP...): {sid[:40]!r}; the Dial will fail")
        sid = ""
    return Application(sid, tuple(parameters[:MAX_PARAMETERS]), line=node.line, column=node.column)


def _read_parameter(node: ElementNode) -> tuple[str, str] | None:
    given = Attributes(node)
    name, value = given.text("name"), given.text("value")
    given.finish()
    if name is None:
        node.warn("<Parameter> has no name, and is ignored")
        return None
    return name, value or ""
