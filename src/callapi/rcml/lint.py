"""Advice about documents that are valid: what is written and will hardly do what was meant."""

import re
from collections.abc import Iterator, Sequence
from typing import assert_never
from urllib.parse import unquote, urlsplit

from callapi.rcml.elements import (
    Client,
    Connect,
    Dial,
    Echo,
    Element,
    Gather,
    Hangup,
    Number,
    Play,
    Record,
    Redirect,
    Reject,
    Say,
    Sip,
    Stream,
    Target,
    Track,
    Verb,
)
from callapi.rcml.elements.nouns.sip import HEADERS_LIMIT, URI_LIMIT
from callapi.rcml.findings import Severity
from callapi.rcml.report import Report
from callapi.rcml.tree import ElementNode

_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")  # RFC 3261 §25.1
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_TELEPHONE = re.compile(r"\+?[0-9*#][0-9*# ().\-]*")
_SIP = re.compile(r"sips?:(?:[^@\s]+@)?[^@\s;]+(?:;[^@\s]*)?", re.IGNORECASE)
_TRANSPORT = re.compile(r";transport=([^;]*)", re.IGNORECASE)

_URLS = (
    "action",
    "url",
    "statusCallback",
    "statusCallbackUrl",
    "dialMusic",
    "recordingStatusCallback",
    "partialResultCallback",
    "transcribeCallback",
    "waitUrl",
    "referUrl",
)
_SOCKETS = frozenset({"Stream", "ConversationRelay"})
_NOUN_NEEDS = {
    "method": "url",
    "statusCallbackMethod": "statusCallback",
    "statusCallbackEvent": "statusCallback",
}
_SIP_NEEDS = {**_NOUN_NEEDS, "username": "password", "password": "username"}
# Attributes that do nothing without another one beside them.
_NEEDS = {
    "Conference": {
        "statusCallback": "statusCallbackEvent",
        "statusCallbackEvent": "statusCallback",
        "statusCallbackMethod": "statusCallback",
        "recordingStatusCallback": "record",
        "recordingStatusCallbackMethod": "recordingStatusCallback",
        "recordingStatusCallbackEvent": "recordingStatusCallback",
    },
    "Enqueue": {"method": "action"},
    "Queue": {"method": "url"},
    "Refer": {"method": "action"},
    "Dial": {
        "method": "action",
        "referMethod": "referUrl",
        "recordingStatusCallback": "record",
        "recordingStatusCallbackMethod": "recordingStatusCallback",
        "recordingStatusCallbackEvent": "recordingStatusCallback",
    },
    "Gather": {"partialResultCallbackMethod": "partialResultCallback"},
    "Record": {
        "recordingStatusCallbackMethod": "recordingStatusCallback",
        "recordingStatusCallbackEvent": "recordingStatusCallback",
    },
    "Sip": _SIP_NEEDS,
    "Uri": _SIP_NEEDS,
    "Client": _NOUN_NEEDS,
    "Number": _NOUN_NEEDS,
}


# Empty is a value here: no key ends it, and a password may be empty.
_MAY_BE_EMPTY = {"finishOnKey", "password", "value", "waitUrl"}


def advise(root: ElementNode, verbs: Sequence[Verb]) -> None:
    """Add advice about the document of `root`, whose verbs are `verbs`, to its report."""
    for node in _all_nodes(root):
        _advise_on_attributes(node)
    advisor = _Advisor(root.report)
    advisor.order(verbs)
    for verb in verbs:
        if isinstance(verb, Dial):
            advisor.dial(verb)
        elif isinstance(verb, Connect) and isinstance(verb.peer, Stream):
            advisor.bidirectional(verb.peer)


def _all_nodes(node: ElementNode) -> Iterator[ElementNode]:
    yield node
    for child in node.children:
        yield from _all_nodes(child)


def _advise_on_attributes(node: ElementNode) -> None:
    for name, value in node.attributes.items():
        if not value.strip() and name not in _MAY_BE_EMPTY:
            node.warn(f'{name}="" is empty, and counts as not written', attribute=name)
    for name, needed in _NEEDS.get(node.name, {}).items():
        if name in node.attributes and needed not in node.attributes:
            node.warn(f"{name} has no effect without {needed}", attribute=name)
    if node.name in _SOCKETS:
        _advise_on_socket(node)
    _advise_on_urls(node)
    if node.name in {"Play", "Redirect"} and (scheme := _foreign_scheme(node.text)):
        node.warn(f"the URL of <{node.name}> is asked by HTTP; {scheme}: cannot be")
    if node.name == "Uri" and node.text:
        node.warn("<Uri> is the old name of this noun; write <Sip>")
    if node.name == "Sip" and "name" not in node.attributes and any(c.name == "Video" for c in node.children):
        node.warn("beside <Video> the SIP URI belongs into the attribute name")


def _advise_on_urls(node: ElementNode) -> None:
    for name in _URLS:
        scheme = _foreign_scheme(node.attributes.get(name, ""))
        if scheme and not (name == "url" and node.name in _SOCKETS):
            node.warn(f"{name} is asked by HTTP; {scheme}: cannot be", attribute=name)


def _advise_on_socket(node: ElementNode) -> None:
    """A WebSocket is connected to by ws or wss, or by the document's own scheme."""
    scheme, colon, _ = node.attributes.get("url", "").strip().partition(":")
    if colon and "/" not in scheme and scheme.lower() not in {"ws", "wss"}:
        message = f"a WebSocket begins with ws:// or wss://, or is relative; {scheme}: cannot be connected to"
        node.warn(message, 31922, attribute="url")


def _foreign_scheme(url: str) -> str:
    """The scheme of `url`, unless it is relative or one that is asked by HTTP."""
    try:
        scheme = urlsplit(url.strip()).scheme
    except ValueError:
        return "this"
    return "" if scheme in {"http", "https"} else scheme


class _Advisor:
    """Advice about elements."""

    def __init__(self, report: Report) -> None:
        self._report = report

    def order(self, verbs: Sequence[Verb]) -> None:
        """The order of the verbs."""
        answered: Verb | None = None
        for position, verb in enumerate(verbs, 1):
            match verb:
                case Reject() if answered is not None:
                    by = f"{_name(answered)} of line {answered.line}"
                    self._warn(verb, f"{by} has answered the call: <Reject> can only hang up")
                case Dial(answer_on_bridge=True) if answered is not None:
                    by = f"{_name(answered)} of line {answered.line}"
                    self._warn(verb, f"{by} has answered the call: answerOnBridge has no effect")
                case Say() | Play() | Gather() | Record() | Echo() | Connect() | Dial(answer_on_bridge=False):
                    answered = answered or verb
            reason = _why_last(verb)
            if reason and position < len(verbs):
                self._warn(verbs[position], f"never reached: {reason} (line {verb.line})")
                return

    def dial(self, dial: Dial) -> None:
        """The targets."""
        if not (dial.targets or dial.conference or dial.queue or dial.application):
            self._warn(dial, "<Dial> names nothing to call: its outcome will be failed")
        if dial.sequential and len(dial.targets) == 1:
            self._warn(dial, "sequential has no effect on one target alone")
        screened = [target for target in dial.targets if target.url]
        if screened and len(screened) < len(dial.targets) and not dial.sequential:
            for target in dial.targets:
                if not target.url:
                    message = "has no url, and wins by merely answering while the others are still screened"
                    self._warn(target, f"{_name(target)} {message}")
        for target in dial.targets:
            self._target(target)

    def bidirectional(self, stream: Stream) -> None:
        """What only makes sense here, and not at Twilio."""
        if stream.track is not Track.INBOUND:
            self._warn(
                stream,
                f"track={stream.track} inside <Connect> is an extension: Twilio knows inbound_track alone",
            )

    def _target(self, target: Target) -> None:
        match target:
            case Sip(uri):
                target_text, _, headers = uri.partition("?")
                self._sip_uri(target, target_text, headers)
            case Number(number):
                target_text, _, headers = number.partition("?")
                if target_text and not _TELEPHONE.fullmatch(target_text):
                    self._warn(target, f"{target_text!r} is not a telephone number", 13223)
            case Client(name):
                _, _, headers = name.partition("?")
            case _:
                assert_never(target)
        self._headers(target, headers)

    def _sip_uri(self, sip: Sip, uri: str, headers: str) -> None:
        if len(uri) >= URI_LIMIT:
            message = (
                f"the SIP URI has {len(uri)} characters and must be under {URI_LIMIT}; this leg will fail"
            )
            self._warn(sip, message, 13243)
        elif uri and _SIP.fullmatch(uri) is None:
            self._warn(
                sip, f"{uri!r} is not a SIP URI such as sip:alice@example.com; this leg will fail", 13243
            )
        transport = _TRANSPORT.search(uri)
        if transport and transport[1].lower() not in {"udp", "tcp", "tls"}:
            self._warn(
                sip, f"transport={transport[1]} is not known: udp, tcp or tls; this leg will fail", 13243
            )
        if len(headers) >= HEADERS_LIMIT:
            length = f"have {len(headers)} characters and must be under {HEADERS_LIMIT}"
            self._warn(sip, f"the headers of the SIP URI {length}; this leg will fail", 13253)

    def _headers(self, target: Target, headers: str) -> None:
        for header in filter(None, headers.split("&")):
            name, _, value = header.partition("=")
            if _TOKEN.fullmatch(unquote(name)) is None:
                self._warn(target, f"{unquote(name)!r} is not a header name; this leg will fail", 13252)
            if _CONTROL.search(unquote(value)):
                message = f"the header {name} has a control character in its value; this leg will fail"
                self._warn(target, message, 13252)

    def _warn(self, element: Element, message: str, code: int | None = None) -> None:
        self._report.remark(Severity.WARNING, (element.line, element.column), None, message, code)


def _name(element: Element) -> str:
    return f"<{type(element).__name__}>"


def _why_last(verb: Verb) -> str | None:
    """Why nothing after `verb` is executed."""
    match verb:
        case Redirect():
            return "<Redirect> goes on with another document"
        case Echo():
            return "<Echo> lasts until the caller hangs up"
        case Hangup() | Reject():
            return f"{_name(verb)} ends the call"
        case Dial(action=str()) | Connect(action=str()):
            return f"what the action of {_name(verb)} answers takes the place of this document"
        case Say(loop=0) | Play(loop=0):
            return f'{_name(verb)} with loop="0" lasts until the caller hangs up'
    return None
