"""`<Enqueue>`: wait in a queue until an agent dials in; `<Leave>`: leave the queue."""

from dataclasses import dataclass

from callapi.rcml.attributes import Attributes, Method
from callapi.rcml.elements.element import Element, refuse_children, refuse_content
from callapi.rcml.elements.nouns.queue import read_queue_name
from callapi.rcml.tree import ElementNode

MAX_SIZE = 5000
DEFAULT_SIZE = 1000
LOWEST_PRIORITY = 999


@dataclass(frozen=True, slots=True)
class Enqueue(Element):
    """Let the caller wait in the queue `name`, which is made if it does not exist."""

    name: str
    action: str | None = None
    """Requested when the caller has left the queue, with the result; None: the next verb."""
    method: Method = Method.POST
    wait_url: str | None = None
    """The document that the waiting caller hears, again and again; None: music; "": silence."""
    wait_method: Method = Method.POST
    max_size: int = DEFAULT_SIZE
    priority: int = LOWEST_PRIORITY
    """Beyond Twilio: a lower number is served first (1 to 999); equals in the order of their arrival."""


@dataclass(frozen=True, slots=True)
class Leave(Element):
    """Leave the queue: in a document of `waitUrl` only. The document of `<Enqueue>` goes on."""


def read_enqueue(node: ElementNode) -> Enqueue:
    """`<Enqueue>` as written; a nested `<Task>` (TaskRouter) is ignored with a warning."""
    given = Attributes(node)
    enqueue = Enqueue(
        name=read_queue_name(node),
        action=given.url("action"),
        method=given.method(),
        wait_url=given.url_or_empty("waitUrl"),
        wait_method=given.method("waitUrlMethod"),
        max_size=given.whole("maxQueueSize", DEFAULT_SIZE, (1, MAX_SIZE)),
        priority=given.whole("priority", LOWEST_PRIORITY, (1, LOWEST_PRIORITY)),
        line=node.line,
        column=node.column,
    )
    given.text("workflowSid")  # TaskRouter's; accepted, without effect
    given.finish()
    refuse_children(node)
    return enqueue


def read_leave(node: ElementNode) -> Leave:
    """`<Leave>` as written."""
    Attributes(node).finish()
    refuse_content(node)
    return Leave(line=node.line, column=node.column)
