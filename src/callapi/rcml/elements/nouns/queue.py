"""`<Queue>`: join the caller with the first of a queue. A noun of `<Dial>`."""

from dataclasses import dataclass

from callapi.rcml.attributes import Attributes, Method
from callapi.rcml.elements.element import Element, refuse_children
from callapi.rcml.tree import ElementNode

MAX_NAME = 64


@dataclass(frozen=True, slots=True)
class Queue(Element):
    """Join the caller with the first of the queue `name`."""

    name: str
    url: str | None = None
    """A document that the queued caller hears before the two are joined."""
    method: Method = Method.POST


def read_queue(node: ElementNode) -> Queue:
    """`<Queue>` as written, in `<Dial>`."""
    given = Attributes(node)
    queue = Queue(
        name=read_queue_name(node),
        url=given.url("url"),
        method=given.method(),
        line=node.line,
        column=node.column,
    )
    for name in ("reservationSid", "postWorkActivitySid"):
        given.text(name)  # TaskRouter's; accepted, without effect
    given.finish()
    refuse_children(node, 13215)
    return queue


def read_queue_name(node: ElementNode) -> str:
    """The text of `node`: the name of a queue, which `<Enqueue>` and `<Queue>` have alike."""
    name = node.text
    if not name:
        node.error(f"<{node.name}> needs the name of the queue as its text")
    elif len(name) > MAX_NAME:
        node.error(f"the name of a queue has at most {MAX_NAME} characters; this one has {len(name)}")
    return name
