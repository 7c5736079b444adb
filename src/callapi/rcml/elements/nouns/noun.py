"""What all nouns of `<Dial>` have in common: screening and status callbacks."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypedDict
from urllib.parse import quote

from callapi.rcml.attributes import Attributes, Method
from callapi.rcml.elements.element import Element, refuse_content
from callapi.rcml.tree import ElementNode


class CallEvent(StrEnum):
    """A step of a leg that `statusCallback` can report."""

    INITIATED = "initiated"
    RINGING = "ringing"
    ANSWERED = "answered"
    COMPLETED = "completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Noun(Element):
    """A party to call, its screening document and its status callback."""

    url: str | None = None
    """Screening: the document that runs on the called party before the parties are joined."""
    method: Method = Method.POST
    """The method of the request for `url`."""
    status_callback: str | None = None
    """URL that receives the steps of this leg."""
    status_callback_method: Method = Method.POST
    status_callback_events: frozenset[CallEvent] = frozenset({CallEvent.COMPLETED})
    """Which steps; `completed` alone where none is named."""


class Callbacks(TypedDict):
    """The attributes that all nouns share, as keyword arguments of a noun."""

    url: str | None
    method: Method
    status_callback: str | None
    status_callback_method: Method
    status_callback_events: frozenset[CallEvent]
    line: int
    column: int


def read_callbacks(node: ElementNode, given: Attributes, method_code: int) -> Callbacks:
    """The attributes that every noun has; `method_code` is Twilio's number for a bad `method` of this one."""
    return Callbacks(
        url=given.url("url"),
        method=given.method(code=method_code),
        status_callback=given.url("statusCallback"),
        status_callback_method=given.method("statusCallbackMethod"),
        status_callback_events=given.events("statusCallbackEvent", CallEvent.COMPLETED),
        line=node.line,
        column=node.column,
    )


def warn_without_target(node: ElementNode, target: str, what: str) -> None:
    """A noun without `target` stays in the document: its leg fails, and the others ring."""
    if not target:
        node.warn(f"<{node.name}> names nothing to call: {what} is missing; this leg will fail")


def with_header(target: str, node: ElementNode) -> str:
    """`target` with the header that Twilio's `<Header>` or `<Parameter>` names, written as on a SIP URI."""
    given = Attributes(node)
    name, value = given.text("name"), given.text("value")
    given.finish()
    if name is None:
        node.warn(f"<{node.name}> has no name, and is overlooked")
        return target
    return f"{target}{'&' if '?' in target else '?'}{quote(name, safe='')}={quote(value or '', safe='')}"


def read_video(node: ElementNode) -> bool:
    """`<Video enable="true"/>`, where true is what it says if it says nothing."""
    given = Attributes(node)
    enable = given.flag("enable", default=True)
    given.finish()
    refuse_content(node, 13215)
    return enable
