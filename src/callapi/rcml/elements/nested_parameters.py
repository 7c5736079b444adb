"""`<Parameter name value>`: pairs that an element hands on to an application."""

from typing import Final

from callapi.rcml.attributes import Attributes
from callapi.rcml.elements.element import refuse_nested
from callapi.rcml.tree import ElementNode

Parameters = tuple[tuple[str, str], ...]
MAX_PARAMETER: Final = 500
"""Characters of a name and its value together, at Twilio."""
MAX_PARAMETERS: Final = 99


def read_parameters(node: ElementNode, *others: str, code: int | None = None) -> Parameters:
    """The `<Parameter>`s nested in `node`, whose other children may be `others`; of one name the last counts.

    `code` is Twilio's number for another child.
    """
    parameters: dict[str, str] = {}
    for child in node.children:
        if child.name == "Parameter":
            name, value = _read_parameter(child)
            if name:
                parameters[name] = value
        elif child.name not in others:
            refuse_nested(child, node, code)
    if len(parameters) > MAX_PARAMETERS:
        node.warn(
            f"<{node.name}> has {len(parameters)} parameters; those after {MAX_PARAMETERS} are overlooked"
        )
    return tuple(parameters.items())[:MAX_PARAMETERS]


def _read_parameter(node: ElementNode) -> tuple[str, str]:
    given = Attributes(node)
    name, value = given.text("name") or "", given.text("value") or ""
    given.finish()
    if not name:
        node.warn("<Parameter> has no name, and is overlooked")
    elif len(name) + len(value) > MAX_PARAMETER:
        node.warn(
            f"name and value of <Parameter> have {len(name) + len(value)} characters; Twilio allows {MAX_PARAMETER}"
        )
    return name, value
