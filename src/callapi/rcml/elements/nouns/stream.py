"""`<Stream>`: the audio of the call over a WebSocket to the application. A noun of `<Connect>`, `<Start>`, `<Stop>`.

`codec` and `reconnect` are extensions of CallAPI, and so is `track` inside `<Connect>`.
"""

from dataclasses import dataclass
from enum import StrEnum

from callapi.rcml.attributes import Attributes, Method
from callapi.rcml.elements.element import Element, refuse_text
from callapi.rcml.elements.nested_parameters import Parameters, read_parameters
from callapi.rcml.tree import ElementNode


class Track(StrEnum):
    """Whose audio: the party's own (inbound), what the party hears (outbound), or both."""

    INBOUND = "inbound_track"
    OUTBOUND = "outbound_track"
    BOTH = "both_tracks"


class StreamCodec(StrEnum):
    """The audio of a stream. L16: signed 16-bit little-endian samples."""

    PCMU = "PCMU"
    PCMA = "PCMA"
    L16_8000 = "L16@8000h"
    L16_16000 = "L16@16000h"
    L16_24000 = "L16@24000h"
    L16_48000 = "L16@48000h"


@dataclass(frozen=True, slots=True)
class Stream(Element):
    """Stream audio to `url`."""

    url: str = ""
    """As written: ws, wss, or relative to the document. Empty: the stream fails."""
    name: str | None = None
    """By which `<Stop>` and REST find it; unique on the call."""
    track: Track = Track.INBOUND
    status_callback: str | None = None
    status_callback_method: Method = Method.POST
    codec: StreamCodec = StreamCodec.PCMU
    reconnect: bool = False
    """Open the socket again after it broke."""
    parameters: Parameters = ()
    """What `start.customParameters` holds."""


def read_stream(node: ElementNode) -> Stream:
    """`<Stream>` inside `<Connect>` or `<Start>`, as written."""
    given = Attributes(node)
    stream = Stream(
        url=given.text("url") or "",
        name=given.text("name"),
        track=given.word("track", Track.INBOUND),
        status_callback=given.url("statusCallback"),
        status_callback_method=given.method("statusCallbackMethod"),
        codec=given.word("codec", StreamCodec.PCMU),
        reconnect=given.flag("reconnect", default=False),
        parameters=read_parameters(node),
        line=node.line,
        column=node.column,
    )
    given.without_effect("connectorName", "audioFormat", "sampleRate")
    given.finish()
    refuse_text(node)
    if not stream.url:
        node.warn("<Stream> has no url: this stream will fail")
    return stream
