"""`<Transcription>`: what is said on the call, as text, to a callback while the call goes on. A noun of `<Start>`."""

from dataclasses import dataclass

from callapi.rcml.attributes import Attributes, Method
from callapi.rcml.elements.element import Element, refuse_text
from callapi.rcml.elements.nouns.stream import Track
from callapi.rcml.tree import ElementNode

_WITHOUT_EFFECT = (
    "transcriptionEngine",
    "speechModel",
    "enableAutomaticPunctuation",
    "intelligenceService",
    "conversationConfiguration",
    "conversationId",
    "transcriptionConfigurationId",
    "enableProviderData",
)


@dataclass(frozen=True, slots=True)
class Transcription(Element):
    """Transcribe the call."""

    name: str | None = None
    track: Track = Track.BOTH
    status_callback: str | None = None
    """`statusCallbackUrl`."""
    status_callback_method: Method = Method.POST
    inbound_label: str | None = None
    outbound_label: str | None = None
    partial_results: bool = False
    language: str | None = None
    hints: str | None = None
    profanity_filter: bool = True


def read_transcription(node: ElementNode) -> Transcription:
    """`<Transcription>` inside `<Start>`, as written."""
    given = Attributes(node)
    transcription = Transcription(
        name=given.text("name"),
        track=given.word("track", Track.BOTH),
        status_callback=given.url("statusCallbackUrl"),
        status_callback_method=given.method("statusCallbackMethod"),
        inbound_label=given.text("inboundTrackLabel"),
        outbound_label=given.text("outboundTrackLabel"),
        partial_results=given.flag("partialResults", default=False),
        language=given.text("languageCode"),
        hints=given.text("hints"),
        profanity_filter=given.flag("profanityFilter", default=True),
        line=node.line,
        column=node.column,
    )
    given.without_effect(*_WITHOUT_EFFECT)
    given.finish()
    refuse_text(node)
    for child in node.children:
        child.warn(f"<{child.name}> inside <Transcription> is accepted, and has no effect here")
    return transcription
