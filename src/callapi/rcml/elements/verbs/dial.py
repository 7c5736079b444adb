"""`<Dial>`: call one or several parties and join the caller with the first that accepts.

The target is plain text (with an `@` a SIP URI, with `client:` before it a registered user, else a number)
or up to ten of the nouns `<Sip>`, `<Client>`, `<Number>`, in any mixture. They ring together, or, with
`sequential`, one after the other. Or, alone, one `<Conference>` (a room to join) or `<Queue>` (callers to serve),
or `<Application>` (documents of another application).
Without `action` the document goes on with the next verb.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from callapi.rcml.attributes import Attributes, Method
from callapi.rcml.elements.copied_text import read_target, without_invisible
from callapi.rcml.elements.element import Element, RecordingEvent, refuse_nested
from callapi.rcml.elements.nouns.application import Application, read_application
from callapi.rcml.elements.nouns.client import PREFIX, Client, read_client
from callapi.rcml.elements.nouns.conference import Conference, read_conference
from callapi.rcml.elements.nouns.number import Number, read_number
from callapi.rcml.elements.nouns.queue import Queue, read_queue
from callapi.rcml.elements.nouns.recording import RecordingTrack
from callapi.rcml.elements.nouns.sip import Sip, read_sip, sip_uri
from callapi.rcml.elements.verbs.record import Trim
from callapi.rcml.tree import ElementNode

Target: TypeAlias = Sip | Number | Client

MAX_TARGETS = 10
MAX_TIMEOUT_S = 600
MAX_TALK_S = 86_400
# fmt: off
RING_TONES = frozenset({
    "at", "au", "be", "bg", "br", "ch", "cl", "cn", "cz", "de", "dk", "ee", "es", "fi", "fr",
    "gr", "hu", "il", "in", "it", "jp", "lt", "mx", "my", "nl", "no", "nz", "ph", "pl", "pt",
    "ru", "se", "sg", "th", "tw", "uk", "us", "us-old", "ve", "za",
})
# fmt: on
_TELEPHONE = re.compile(r"\+?[0-9](?:[0-9().\- ]{0,30}[0-9])?")
_CLIENT = re.compile(r"client:[A-Za-z0-9+\-_.@]{1,256}")
_SIP_USER = re.compile(r"[A-Za-z0-9+\-_.]{1,256}")
# With a user as `From` spells it (RFC 3261 §25.1, unreserved, user-unreserved and escaped).
_SIP_URI = re.compile(
    r"""sips?:(?:[A-Za-z0-9+\-_.!~*'()&=$,;?/]|%[0-9A-Fa-f]{2}){1,256}
    @(?:[A-Za-z0-9][A-Za-z0-9.\-]{0,252}|\[[0-9A-Fa-f:.]{2,45}\])(?::[0-9]{1,5})?""",
    re.VERBOSE,
)


class RecordMode(StrEnum):
    """What is recorded, from when on, and on how many channels."""

    DO_NOT_RECORD = "do-not-record"
    FROM_ANSWER = "record-from-answer"
    FROM_ANSWER_DUAL = "record-from-answer-dual"
    FROM_RINGING = "record-from-ringing"
    FROM_RINGING_DUAL = "record-from-ringing-dual"

    @property
    def records(self) -> bool:
        """Whether anything is recorded at all."""
        return self is not RecordMode.DO_NOT_RECORD

    @property
    def is_dual(self) -> bool:
        """Caller and callee on a channel each."""
        return self in {RecordMode.FROM_ANSWER_DUAL, RecordMode.FROM_RINGING_DUAL}

    @property
    def is_from_ringing(self) -> bool:
        """Recorded from the first ringing, not only once joined."""
        return self in {RecordMode.FROM_RINGING, RecordMode.FROM_RINGING_DUAL}


@dataclass(frozen=True, slots=True)
class Dial(Element):
    """Call `targets`, join the caller with the first to accept."""

    targets: tuple[Target, ...] = ()
    """At most ten. None, and neither a conference nor a queue: the outcome is `failed`."""
    action: str | None = None
    """URL that receives the outcome and answers with the next document; None: the next verb."""
    method: Method = Method.POST
    timeout: int = 30
    """Seconds to wait for an answer, 1 to 600."""
    time_limit: int = 14_400
    """Seconds of joined talk, 1 to 86400."""
    caller_id: str | None = None
    """The caller shown to the callee: a number, `client:name`, `sip:user@host`, or a SIP user; None: the caller."""
    record: RecordMode = RecordMode.DO_NOT_RECORD
    hangup_on_star: bool = False
    """The caller's `*` ends the callee's call, and the document goes on."""
    dial_music: str | None = None
    """URL of audio that the caller hears instead of ringing."""
    ring_tone: str = "us"
    """Country of the ringing tone, one of `RING_TONES`."""
    answer_on_bridge: bool = False
    """The caller is answered only when the parties are joined."""
    sequential: bool = False
    """One target after the other, each for up to `timeout`."""
    recording_status_callback: str | None = None
    recording_status_callback_method: Method = Method.POST
    recording_status_callback_events: frozenset[RecordingEvent] = frozenset({RecordingEvent.COMPLETED})
    trim: bool = False
    """Cut silence off at both ends of the recording."""
    recording_track: RecordingTrack = RecordingTrack.BOTH
    """Whom the recording has: `inbound` is the caller, `outbound` the callee."""
    refer_url: str | None = None
    """Requested when either party asks by SIP REFER to be transferred; None: the node does it itself."""
    refer_method: Method = Method.POST
    conference: Conference | None = None
    """The room to join, in place of `targets`."""
    queue: Queue | None = None
    """The queue to serve, in place of `targets`."""
    application: Application | None = None
    """The application to run, in place of `targets`."""


def read_dial(node: ElementNode) -> Dial:
    """`<Dial>` as written."""
    given = Attributes(node)
    application = _read_application(node)
    conference, queue = (None, None) if application else _read_place(node)
    targets = () if conference or queue or application else _read_targets(node)
    dial = Dial(
        targets=targets,
        action=given.url("action"),
        method=given.method(code=13210),
        timeout=given.whole("timeout", 30, (1, MAX_TIMEOUT_S), code=13212),
        time_limit=given.whole("timeLimit", 14_400, (1, MAX_TALK_S), code=13216),
        caller_id=_read_caller_id(node, given, targets),
        record=_read_record_mode(given),
        hangup_on_star=given.flag("hangupOnStar", default=False, code=13213),
        dial_music=given.url("dialMusic"),
        ring_tone=_read_ring_tone(given),
        answer_on_bridge=given.flag("answerOnBridge", default=False),
        sequential=given.flag("sequential", default=False),
        recording_status_callback=given.url("recordingStatusCallback"),
        recording_status_callback_method=given.method("recordingStatusCallbackMethod"),
        recording_status_callback_events=given.events(
            "recordingStatusCallbackEvent", RecordingEvent.COMPLETED
        ),
        trim=given.word("trim", Trim.DO_NOT_TRIM) is Trim.TRIM_SILENCE,
        recording_track=given.word("recordingTrack", RecordingTrack.BOTH),
        refer_url=given.url("referUrl"),
        refer_method=given.method("referMethod"),
        conference=conference,
        queue=queue,
        application=application,
        line=node.line,
        column=node.column,
    )
    given.without_effect("recordingConfigurationId", "events", "passports", "callReason")
    given.finish()
    return dial


def _read_application(node: ElementNode) -> Application | None:
    """The application that `<Dial>` holds; nothing else may stand beside it."""
    found = next((child for child in node.children if child.name == "Application"), None)
    if found is None:
        return None
    for child in node.children:
        if child is not found:
            child.error(f"<{child.name}> cannot stand beside <Application> in <Dial>", 13215)
    if node.text:
        node.warn("<Dial> holds text beside <Application>: the text is ignored")
    return read_application(found)


def _read_place(node: ElementNode) -> tuple[Conference | None, Queue | None]:
    """The conference or queue that `<Dial>` holds; nothing else may stand beside it."""
    places = [child for child in node.children if child.name in {"Conference", "Queue"}]
    if not places:
        return None, None
    for child in node.children:
        if child is not places[0]:
            child.error(f"<{child.name}> cannot stand beside <{places[0].name}> in <Dial>", 13215)
    if node.text:
        node.warn(f"<Dial> holds text beside <{places[0].name}>: the text is ignored")
    if places[0].name == "Conference":
        return read_conference(places[0]), None
    return None, read_queue(places[0])


def _read_targets(node: ElementNode) -> tuple[Target, ...]:
    targets: list[Target] = []
    for child in node.children:
        match child.name:
            case "Sip" | "Uri":
                targets.append(read_sip(child))
            case "Client":
                targets.append(read_client(child))
            case "Number":
                targets.append(read_number(child))
            case _:
                refuse_nested(child, node, 13215)
    if len(targets) > MAX_TARGETS:
        node.error(f"<Dial> calls {len(targets)} at once; at most {MAX_TARGETS} are allowed", 13250)
    text = read_target(node, node.text)
    if text and targets:
        node.warn("<Dial> holds text beside its nouns: only the nouns are called")
    elif text:
        targets.append(_read_plain_target(node, text))
    return tuple(targets)


def _read_plain_target(node: ElementNode, text: str) -> Target:
    """The target that the text of `<Dial>` names."""
    if text.startswith(PREFIX):
        return Client(text.removeprefix(PREFIX), line=node.line, column=node.column)
    if "@" in text or text.lower().startswith(("sip:", "sips:")):
        return Sip(sip_uri(text), line=node.line, column=node.column)
    return Number(text, line=node.line, column=node.column)


def _read_caller_id(node: ElementNode, given: Attributes, targets: tuple[Target, ...]) -> str | None:
    caller_id = given.text("callerId")
    if caller_id is not None:
        caller_id = without_invisible(node, caller_id, attribute="callerId") or None
    if caller_id is None or any(form.fullmatch(caller_id) for form in (_TELEPHONE, _CLIENT)):
        return caller_id
    if any(isinstance(target, Number) for target in targets):
        given.refuse("callerId", "a number or client:name, where a number is called", 13214)
    elif not any(form.fullmatch(caller_id) for form in (_SIP_USER, _SIP_URI)):
        given.refuse(
            "callerId", "a number, client:name, sip:user@host, or made of A-Z a-z 0-9 + - _ .", 13214
        )
    return caller_id


def _read_record_mode(given: Attributes) -> RecordMode:
    match (given.text("record") or "").lower():
        case "true":
            return RecordMode.FROM_ANSWER
        case "false" | "":
            return RecordMode.DO_NOT_RECORD
        case _:
            return given.word("record", RecordMode.DO_NOT_RECORD, code=13217)


def _read_ring_tone(given: Attributes) -> str:
    country = (given.text("ringTone") or "us").lower()
    if country not in RING_TONES:
        given.refuse("ringTone", f"one of {' '.join(sorted(RING_TONES))}")
        return "us"
    return country
