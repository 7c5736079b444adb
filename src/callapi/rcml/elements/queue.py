"""Queues of callers: the verbs `<Enqueue>` and `<Leave>`, and `<Queue>`, the noun of `<Dial>` that serves them."""

from dataclasses import dataclass

from callapi.rcml.attributes import Attributes, Method
from callapi.rcml.elements.element import Element, refuse_children, refuse_content
from callapi.rcml.tree import ElementNode

MAX_NAME = 64
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


@dataclass(frozen=True, slots=True)
class Queue(Element):
    """Join the caller with the first of the queue `name`."""

    name: str
    url: str | None = None
    """A document that the queued caller hears before the two are joined."""
    method: Method = Method.POST


def read_enqueue(node: ElementNode) -> Enqueue:
    """`<Enqueue>` as written; a nested `<Task>` (TaskRouter) is ignored with a warning."""
    given = Attributes(node)
    enqueue = Enqueue(
        name=_read_name(node),
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


def read_queue(node: ElementNode) -> Queue:
    """`<Queue>` as written, in `<Dial>`."""
    given = Attributes(node)
    queue = Queue(
        name=_read_name(node),
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


def _read_name(node: ElementNode) -> str:
    name = node.text
    if not name:
        node.error(f"<{node.name}> needs the name of the queue as its text")
    elif len(name) > MAX_NAME:
        node.error(f"the name of a queue has at most {MAX_NAME} characters; this one has {len(name)}")
    return name
