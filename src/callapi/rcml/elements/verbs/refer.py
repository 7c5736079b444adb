"""`<Refer>`: ask the caller's phone, by SIP REFER (RFC 3515), to call another party in place of this call."""

from dataclasses import dataclass

from callapi.rcml.attributes import Attributes, Method
from callapi.rcml.elements.element import Element, refuse_nested, refuse_text
from callapi.rcml.elements.nouns.sip import sip_uri
from callapi.rcml.tree import ElementNode


@dataclass(frozen=True, slots=True)
class Refer(Element):
    """Send REFER with `uri` as its Refer-To; headers may follow the URI."""

    uri: str
    action: str | None = None
    """Requested with the outcome; None: the next verb."""
    method: Method = Method.POST


def read_refer(node: ElementNode) -> Refer:
    """`<Refer>` as written: it holds one `<Sip>`, or the URI as its text."""
    given = Attributes(node)
    action, method = given.url("action"), given.method()
    given.finish()
    targets = []
    for child in node.children:
        if child.name == "Sip":
            Attributes(child).finish()
            targets.append(sip_uri(child.text))
        else:
            refuse_nested(child, node)
    if targets:
        refuse_text(node)
    elif node.text:
        targets.append(sip_uri(node.text))
    if len(targets) != 1 or not targets[0]:
        node.error("<Refer> needs one <Sip> with the URI of the new party")
    return Refer(targets[0] if targets else "", action, method, line=node.line, column=node.column)
