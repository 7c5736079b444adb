"""`<Client>`: a registered user to call, on every device registered under the name. A noun of `<Dial>`.

The user is the text, or, as Twilio's libraries also write it, a nested `<Identity>`. Each `<Parameter>` of
theirs becomes a header of the INVITE. `<Video>` is that of `<Sip>`.
"""

from dataclasses import dataclass

from callapi.rcml.attributes import Attributes
from callapi.rcml.elements.copied_text import read_target
from callapi.rcml.elements.element import refuse_nested
from callapi.rcml.elements.nouns.noun import (
    Noun,
    read_callbacks,
    read_video,
    warn_without_target,
    with_header,
)
from callapi.rcml.tree import ElementNode

PREFIX = "client:"


@dataclass(frozen=True, slots=True)
class Client(Noun):
    """Call a registered user."""

    name: str
    """The user, without `client:`; headers may follow as on a SIP URI: `alice?X-Order=7`."""
    video: bool = False
    """`<Video enable="true"/>` is nested: offer the caller's video too."""


def read_client(node: ElementNode) -> Client:
    """`<Client>` as written."""
    given = Attributes(node)
    callbacks = read_callbacks(node, given, 13210)
    given.finish()
    name, parameters, video = node.text, [], False
    for child in node.children:
        match child.name:
            case "Identity":
                name = name or child.text
            case "Parameter":
                parameters.append(child)
            case "Video":
                video = read_video(child)
            case _:
                refuse_nested(child, node, 13215)
    name = read_target(node, name).removeprefix(PREFIX)
    warn_without_target(node, name, "the user")
    for parameter in parameters:
        name = with_header(name, parameter)
    return Client(name, video, **callbacks)
