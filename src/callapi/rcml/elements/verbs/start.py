"""`<Start>` and `<Stop>`: streams, transcriptions and recordings beside the document, which goes on at once."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from callapi.rcml.attributes import Attributes
from callapi.rcml.elements.element import Element, refuse_nested, refuse_text
from callapi.rcml.elements.nouns.recording import Recording, read_recording
from callapi.rcml.elements.nouns.stream import Stream, read_stream
from callapi.rcml.elements.nouns.transcription import Transcription, read_transcription
from callapi.rcml.tree import ElementNode

Service: TypeAlias = Stream | Transcription | Recording


@dataclass(frozen=True, slots=True)
class Start(Element):
    """Start `services` on the call."""

    services: tuple[Service, ...] = ()


class ServiceKind(StrEnum):
    """What `<Stop>` can name."""

    STREAM = "Stream"
    TRANSCRIPTION = "Transcription"
    RECORDING = "Recording"


@dataclass(frozen=True, slots=True)
class ServiceName(Element):
    """One service that `<Stop>` ends; `name` None: every one of its kind that `<Start>` began."""

    kind: ServiceKind = ServiceKind.STREAM
    name: str | None = None


@dataclass(frozen=True, slots=True)
class Stop(Element):
    """End `services`."""

    services: tuple[ServiceName, ...] = ()


def read_start(node: ElementNode) -> Start:
    """`<Start>` as written."""
    given = Attributes(node)
    given.without_effect("action", "method")
    given.finish()
    refuse_text(node)
    services: list[Service] = []
    for child in node.children:
        match child.name:
            case "Stream":
                services.append(read_stream(child))
            case "Transcription":
                services.append(read_transcription(child))
            case "Recording":
                services.append(read_recording(child))
            case _:
                refuse_nested(child, node)
    if not services:
        node.warn("<Start> holds neither <Stream>, <Transcription> nor <Recording>, and starts nothing")
    return Start(tuple(services), line=node.line, column=node.column)


def read_stop(node: ElementNode) -> Stop:
    """`<Stop>` as written; attributes other than `name` are those of `<Start>`, and have no effect."""
    Attributes(node).finish()
    refuse_text(node)
    services: list[ServiceName] = []
    for child in node.children:
        if child.name in set(ServiceKind):
            name = Attributes(child).text("name")
            services.append(ServiceName(ServiceKind(child.name), name, line=child.line, column=child.column))
        else:
            refuse_nested(child, node)
    if not services:
        node.warn("<Stop> names neither <Stream>, <Transcription> nor <Recording>, and stops nothing")
    return Stop(tuple(services), line=node.line, column=node.column)
