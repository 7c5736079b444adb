"""`<ConversationRelay>`: a conversation in text over a WebSocket; CallAPI speaks and listens. A noun of `<Connect>`."""

from dataclasses import dataclass
from enum import StrEnum

from callapi.rcml.attributes import Attributes
from callapi.rcml.elements.element import Element, refuse_content, refuse_text
from callapi.rcml.elements.nested_parameters import Parameters, read_parameters
from callapi.rcml.tree import ElementNode

MAX_SPEECH_TIMEOUT_MS = 60_000
_WITHOUT_EFFECT = (
    "ttsProvider",
    "transcriptionProvider",
    "speechModel",
    "interruptSensitivity",
    "ignoreBackchannel",
    "profanityFilter",
    "deepgramSmartFormat",
    "asrSmartFormat",
    "elevenlabsTextNormalization",
    "ttsTextNormalization",
    "ttsLanguageTextNormalization",
    "elevenlabsLanguageTextNormalization",
    "backgroundNoiseReduction",
    "echoPromptFiltering",
    "includeInPrompt",
    "customerName",
    "partialPromptOnHangup",
    "applicationReconnect",
    "debug",
    "intelligenceService",
    "conversationConfiguration",
    "eotThreshold",
    "eagerEotThreshold",
    "turnDetection",
    "reportInputDuringAgentSpeech",
)
_LANGUAGE_WITHOUT_EFFECT = (
    "ttsProvider",
    "transcriptionProvider",
    "speechModel",
    "asrSmartFormat",
    "ttsTextNormalization",
    "ttsLanguageTextNormalization",
)


class Interruptible(StrEnum):
    """What of the caller interrupts speech."""

    NONE = "none"
    DTMF = "dtmf"
    SPEECH = "speech"
    ANY = "any"
    TRUE = "true"
    FALSE = "false"

    @property
    def by_speech(self) -> bool:
        """Whether speech interrupts."""
        return self in {Interruptible.SPEECH, Interruptible.ANY, Interruptible.TRUE}

    @property
    def by_digits(self) -> bool:
        """Whether a key interrupts."""
        return self in {Interruptible.DTMF, Interruptible.ANY, Interruptible.TRUE}


class RelayEvent(StrEnum):
    """What `info` messages can report."""

    SPEAKER_EVENTS = "speaker-events"
    TOKENS_PLAYED = "tokens-played"


@dataclass(frozen=True, slots=True)
class Language(Element):
    """Voice and hints of one language."""

    code: str = ""
    voice: str | None = None
    hints: str | None = None


@dataclass(frozen=True, slots=True)
class ConversationRelay(Element):
    """Hold a conversation through `url`."""

    url: str = ""
    """As written: ws, wss, or relative to the document. Empty: the session fails."""
    welcome_greeting: str | None = None
    welcome_greeting_interruptible: Interruptible = Interruptible.ANY
    interruptible: Interruptible = Interruptible.ANY
    preemptible: bool = False
    dtmf_detection: bool = False
    partial_prompts: bool = False
    language: str | None = None
    tts_language: str | None = None
    transcription_language: str | None = None
    voice: str | None = None
    hints: str | None = None
    speech_timeout_ms: int | None = None
    """Silence that ends a prompt; None: `auto`."""
    events: frozenset[RelayEvent] = frozenset()
    languages: tuple[Language, ...] = ()
    parameters: Parameters = ()


def read_conversation_relay(node: ElementNode) -> ConversationRelay:
    """`<ConversationRelay>` inside `<Connect>`, as written."""
    given = Attributes(node)
    relay = ConversationRelay(
        url=given.text("url") or "",
        welcome_greeting=given.text("welcomeGreeting"),
        welcome_greeting_interruptible=given.word("welcomeGreetingInterruptible", Interruptible.ANY),
        interruptible=given.word("interruptible", Interruptible.ANY),
        preemptible=given.flag("preemptible", default=False),
        dtmf_detection=given.flag("dtmfDetection", default=False),
        partial_prompts=given.flag("partialPrompts", default=False),
        language=given.text("language"),
        tts_language=given.text("ttsLanguage"),
        transcription_language=given.text("transcriptionLanguage"),
        voice=given.text("voice"),
        hints=given.text("hints"),
        speech_timeout_ms=_read_speech_timeout(given),
        events=given.words("events", RelayEvent.SPEAKER_EVENTS) if given.text("events") else frozenset(),
        languages=tuple(_read_language(child) for child in node.children if child.name == "Language"),
        parameters=read_parameters(node, "Language"),
        line=node.line,
        column=node.column,
    )
    given.without_effect(*_WITHOUT_EFFECT)
    given.finish()
    refuse_text(node)
    if not relay.url:
        node.warn("<ConversationRelay> has no url: this session will fail")
    return relay


def _read_speech_timeout(given: Attributes) -> int | None:
    if (given.text("speechTimeout") or "auto").lower() == "auto":
        return None
    return given.whole("speechTimeout", 0, (0, MAX_SPEECH_TIMEOUT_MS))


def _read_language(node: ElementNode) -> Language:
    given = Attributes(node)
    language = Language(
        code=given.text("code") or "",
        voice=given.text("voice"),
        hints=given.text("hints"),
        line=node.line,
        column=node.column,
    )
    given.without_effect(*_LANGUAGE_WITHOUT_EFFECT)
    given.finish()
    refuse_content(node)
    if not language.code:
        node.warn("<Language> has no code, and is overlooked")
    return language
