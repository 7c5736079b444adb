"""`<Connect>`: hand the call to an application over a WebSocket, until the application lets the document go on."""

from dataclasses import dataclass
from typing import TypeAlias

from callapi.rcml.attributes import Attributes, Method
from callapi.rcml.elements.element import Element, refuse_nested, refuse_text
from callapi.rcml.elements.nouns.conversation_relay import ConversationRelay, read_conversation_relay
from callapi.rcml.elements.nouns.stream import Stream, read_stream
from callapi.rcml.tree import ElementNode

Peer: TypeAlias = Stream | ConversationRelay


@dataclass(frozen=True, slots=True)
class Connect(Element):
    """Connect the call with `peer`."""

    peer: Peer | None = None
    """None: nothing that is known here was nested; the document goes on."""
    action: str | None = None
    """URL that is asked when it is over and says how to go on; None: the next verb."""
    method: Method = Method.POST


def read_connect(node: ElementNode) -> Connect:
    """`<Connect>` as written."""
    given = Attributes(node)
    action, method = given.url("action"), given.method()
    given.finish()
    refuse_text(node)
    peers: list[Peer] = []
    for child in node.children:
        match child.name:
            case "Stream":
                peers.append(read_stream(child))
            case "ConversationRelay":
                peers.append(read_conversation_relay(child))
            case _:
                refuse_nested(child, node)
    if not peers:
        node.warn("<Connect> holds neither <Stream> nor <ConversationRelay>, and connects nothing")
    elif len(peers) > 1:
        node.error(f"<Connect> holds {len(peers)} nouns; it connects one")
    return Connect(peers[0] if peers else None, action, method, line=node.line, column=node.column)
