"""Writes docs/twilio.md: what becomes here of each element, attribute, resource and parameter of Twilio's library.

The rows come from the installed package `twilio`, the verdicts from this server's own reader of documents and table of
operations. A test compares the page with what this prints. `python scripts/twilio_table.py` writes it anew.
"""

import importlib
import inspect
import pkgutil
import re
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Final, NamedTuple

import twilio
import twilio.rest.api.v2010.account as accounts
from twilio.twiml import TwiML, lower_camel, voice_response
from twilio.twiml.voice_response import VoiceResponse

from callapi.api.resources.table import OPERATIONS
from callapi.rcml import check

PAGE: Final = Path(__file__).parents[1] / "docs" / "twilio.md"
WORKS, NO_EFFECT, IGNORED, REFUSED = "works", "no effect", "ignored", "refused"
REASONS: Final = {
    "Pay": "card payments need a certified environment",
    "Prompt": "a part of `<Pay>`",
    "Sms": "messages are not carried",
    "Sim": "a product of Twilio as a carrier",
    "WhatsApp": "a product of another company",
    "Room": "Twilio Video",
    "Autopilot": "discontinued by Twilio",
    "VirtualAgent": "a connector of Twilio's to another company",
    "Conversation": "a service of Twilio's",
    "ConversationRelaySession": "a service of Twilio's",
    "AiSession": "a service of Twilio's",
    "AgentSession": "a service of Twilio's",
    "Siprec": "use `<Stream>`",
    "Task": "TaskRouter",
    "Parameter": "a part of what it stands in",
    "Config": "a part of what it stands in",
    "Play": "a part of `<Pay>`",
    "Say": "a part of `<Pay>`",
    "Pause": "a part of `<Pay>`",
}
REFUSED_RESOURCES: Final = {
    "Payments": "card payments need a certified environment",
    "Siprec": "use `Streams`",
    "AddOnResults": "a marketplace of Twilio's",
}
IN_SILENCE: Final = {
    ("Conference", "region"),
    ("Conference", "recordingConfigurationId"),
    ("Queue", "reservationSid"),
    ("Queue", "postWorkActivitySid"),
    ("Enqueue", "workflowSid"),
    ("Participants", "Region"),
}
"""What is accepted without a warning: it asks for nothing that a caller or an application could miss."""
WHY: Final = {
    "a room is on the node that has its calls": "region Region",
    "TaskRouter is a product of Twilio's": "reservationSid postWorkActivitySid workflowSid",
    "recording configurations are a product of Twilio's": "recordingConfigurationId RecordingConfigurationId",
    "deprecated by Twilio: `statusCallback` and `recordingStatusCallback` say more": "eventCallbackUrl",
    "the document goes on at once, there is nothing to request": "Start:action Start:method",
    "the voices and recognisers are the node's own (`[speech]`): providers and their settings do not apply": (
        "ttsProvider transcriptionProvider speechModel enhanced transcriptionEngine debug "
        "elevenlabsTextNormalization elevenlabsLanguageTextNormalization deepgramSmartFormat asrSmartFormat "
        "ttsTextNormalization ttsLanguageTextNormalization enableAutomaticPunctuation backgroundNoiseReduction"
    ),
    "prompts reach the application as they were understood": "ConversationRelay:profanityFilter includeInPrompt",
    "turns end by `speechTimeout`, and speech interrupts as `interruptible` says": (
        "interruptSensitivity ignoreBackchannel partialPromptOnHangup eagerEotThreshold turnDetection "
        "reportInputDuringAgentSpeech echoPromptFiltering"
    ),
    "services of Twilio's": "intelligenceService customerName connectorName applicationReconnect",
    "not documented by Twilio; `codec` is the attribute here": "audioFormat sampleRate",
    "not documented by Twilio": "Dial:events",
    "of Twilio as a carrier: signed caller identity, branded calls, its trunks": (
        "passports Passports byoc Byoc ByocTrunkSid CallReason CallToken VoiceCallerIdLookup"
    ),
    "push messages to Twilio's own clients": "ClientNotificationUrl",
    "emergency calls need a carrier that is obliged to take them": (
        "EmergencyCallerPosition EmergencyCallerLocation EmergencyName EmergencyAddress EmergencyZipCode "
        "EmergencyCity EmergencyState EmergencyCountry EmergencyStatus EmergencyAddressSid "
        "EmergencyCallingEnabled EmergencyCallerSid"
    ),
    "there is one address, so nothing to choose by it": "priority weight",
    "the application answers for the called party: nothing would hear a document of its own": (
        "Application:url Application:method"
    ),
    "messages are not carried": (
        "SmsUrl SmsMethod SmsFallbackUrl SmsFallbackMethod SmsStatusCallback MessageStatusCallback SmsApplicationSid"
    ),
    "there is one version": "ApiVersion",
    "an application is dialled by its own account alone": "PublicApplicationConnectEnabled",
    "numbers are entered, not bought: no regulation, origin or area applies to them": (
        "Beta Origin IdentitySid AddressSid BundleSid AreaCode"
    ),
    "a number's calls go where `VoiceUrl` or `VoiceApplicationSid` says; `Trunks` are here for calls out": "TrunkSid",
    "fax is not received": "VoiceReceiveMode",
    "a number stays in the account that it was entered in": "AccountSid",
    "what is deleted is gone": "IncludeSoftDeleted",
    "clients are a resource of their own, and may register": "SipRegistration",
    "`srtp` of clients and trunks, and `media.srtp`, say what is encrypted": "Secure",
    "a domain keeps its name": "DomainName",
}
"""Why a word has no effect: those of every place, or of one (`place:word`)."""
CONTENT: Final = {"Sip": "sip:a@example.com", "Application": "AP" + "0" * 32}
_NEST: Final = re.compile(r"return self\.nest\(\s*(\w+)\((.*?)\)\s*\)\s*$", re.DOTALL)
_KEYWORD: Final = re.compile(r"(\w+)=")
_URI: Final = re.compile(r'self\._uri = "([^"]+)"')
_FIELD: Final = re.compile(r'"([A-Za-z][A-Za-z0-9.<>]*)":')
_METHODS: Final = {"create": "POST", "update": "POST", "fetch": "GET", "page": "GET", "delete": "DELETE"}


class Element(NamedTuple):
    """An element where it may stand, with its attributes."""

    path: tuple[str, ...]
    attributes: tuple[str, ...]


class RestOperation(NamedTuple):
    """An operation of Twilio's API, with its parameters."""

    method: str
    path: str
    parameters: tuple[str, ...]


def elements(kind: type[TwiML] = VoiceResponse, path: tuple[str, ...] = ()) -> Iterator[Element]:
    """Every element that the library can nest, from the verbs on; each place once, SSML left out."""
    for name, method in sorted(inspect.getmembers(kind, inspect.isfunction)):
        found = _NEST.search(inspect.getsource(method)) if not name.startswith("_") else None
        child = getattr(voice_response, found[1], None) if found else None
        if found is None or child is None:
            continue
        content = inspect.signature(child.__init__).parameters
        named = [each for each in content.values() if each.kind is each.POSITIONAL_OR_KEYWORD]
        needed = [each for each in named if each.default is each.empty]
        tag = child(*["x"] * (len(needed) - 1)).name  # without `self`
        if tag[0].islower() or tag in path:
            continue
        attributes = [lower_camel(each) for each in _KEYWORD.findall(found[2]) if each not in content]
        here = (*path, tag)
        yield Element(here, tuple(dict.fromkeys(attributes)))
        yield from elements(child, here)


def verdict_on_element(element: Element, attribute: str = "") -> str:
    """What the reader of documents says of an element, or of one attribute of it."""
    *parents, name = element.path
    written = f' {attribute}="1"' if attribute else ""
    text = f"<{name}{written}>{CONTENT.get(name, '')}</{name}>"
    for parent in reversed(parents):
        text = f"<{parent}>{text}</{parent}>"
    if (name, attribute) in IN_SILENCE:
        return NO_EFFECT
    messages = [each.message for each in check(f"<Response>{text}</Response>".encode())]
    if any(f"unknown verb <{each}>" in message for each in element.path for message in messages):
        return REFUSED
    if any(f"<{each}> cannot stand" in message for each in element.path for message in messages):
        return REFUSED
    if any(f"unknown element <{each}>" in message for each in element.path for message in messages):
        return IGNORED
    if attribute and any(
        message.startswith(f"unknown attribute {attribute} on <{name}>") for message in messages
    ):
        return IGNORED
    if attribute and any(message.startswith(f"{attribute} on <{name}> is accepted") for message in messages):
        return NO_EFFECT
    return WORKS


def operations() -> Iterator[RestOperation]:
    """Every operation of the voice and account API of the library, in the order of its paths."""
    found: dict[tuple[str, str], list[str]] = {}
    for module in _modules():
        for name, kind in inspect.getmembers(module, inspect.isclass):
            if kind.__module__ != module.__name__ or not name.endswith(("List", "Context")):
                continue
            source = inspect.getsource(kind)
            uri = _URI.search(source)
            if uri is None:
                continue
            path = re.sub(r"\{\w+\}", "{}", uri[1].removesuffix(".json"))
            for method, verb in _METHODS.items():
                functions = [kind.__dict__[each] for each in (method, f"_{method}") if each in kind.__dict__]
                if functions:
                    text = "".join(map(inspect.getsource, functions))
                    body = re.search(r"data = values\.of\(\s*\{(.*?)\}\s*\)", text, re.DOTALL)
                    fields = _FIELD.findall(body[1]) if body else []
                    found.setdefault((path, verb), []).extend(fields)
    for (path, verb), fields in sorted(found.items()):
        yield RestOperation(verb, path, tuple(dict.fromkeys(each for each in fields if each not in _PAGING)))


_PAGING: Final = frozenset({"PageToken", "Page", "PageSize"})
_OTHER_PRODUCTS: Final = re.compile(
    r"address|authorized_connect_app|available_phone|balance|connect_app|message|outgoing_caller|short_code|usage"
    r"|validation_request|assigned_add_on|\.local$|\.mobile$|toll_free"
)


def _modules() -> Iterator[ModuleType]:
    for found in pkgutil.walk_packages(accounts.__path__, accounts.__name__ + "."):
        if not _OTHER_PRODUCTS.search(found.name.removeprefix(accounts.__name__)):
            yield importlib.import_module(found.name)


def verdicts_on_operation(operation: RestOperation) -> dict[str, list[str]] | None:
    """The parameters by what becomes of them; None: there is no such operation here."""
    known: set[str] | None = None
    for each in OPERATIONS:
        if each.method == operation.method and re.sub(r"\{\w+\}", "{}", each.path) == operation.path:
            known = (known or set()) | {name for one in each.parameters for name in (one.name, *one.aliases)}
    if known is None:
        return None
    verdicts: dict[str, list[str]] = {}
    for name in operation.parameters:
        resource = operation.path.rstrip("/{}").rpartition("/")[2]
        if operation.method == "POST" and (resource, name) in IN_SILENCE:
            verdicts.setdefault(NO_EFFECT, []).append(name)
            continue
        is_known = name in known or name.replace("<", "").replace(">", "") in known
        missing = NO_EFFECT if operation.method == "POST" else IGNORED
        verdicts.setdefault(WORKS if is_known else missing, []).append(name)
    return verdicts


def reason_for(place: str, word: str) -> str:
    """Why a word has no effect in that place. Raises LookupError: a reason is to be written."""
    for reason, words in WHY.items():
        if word in words.split() or f"{place}:{word}" in words.split():
            return reason
    raise LookupError(f"{word} of {place} has no effect, and WHY does not say why")


def page() -> str:
    """The whole page."""
    reasons: dict[str, dict[str, None]] = {}
    lines = [
        "# Twilio's surface, word for word",
        "",
        f"Generated by `scripts/twilio_table.py` from version {twilio.__version__} of the package `twilio`, and from",
        "this server's own reader of documents and table of operations; a test holds the page to both.",
        "",
        "- **works**: as Twilio's documentation has it; what differs is in [rcml.md](rcml.md) and [rest.md](rest.md);",
        "- **no effect**: accepted, and a warning notification names it; [a table](#without-effect) says why;",
        "- **ignored**: overlooked with a warning (elements with all that is in them; filters of lists without one);",
        "- **refused**: an unknown verb makes the document an error, an unknown resource is 404.",
        "",
        "## TwiML",
        "",
        "SSML inside `<Say>` is in [rcml.md](rcml.md#say).",
        "",
        "| element | | works | no effect | ignored |",
        "| --- | --- | --- | --- | --- |",
    ]
    for element in elements():
        verdict = verdict_on_element(element)
        by_verdict: dict[str, list[str]] = {}
        if verdict == WORKS:
            for attribute in element.attributes:
                found = verdict_on_element(element, attribute)
                by_verdict.setdefault(found, []).append(attribute)
                if found in {NO_EFFECT, IGNORED}:
                    reasons.setdefault(reason_for(element.path[-1], attribute), {})[attribute] = None
        reason = REASONS.get(element.path[-1], "") if verdict != WORKS else ""
        cells = [_names(by_verdict.get(each, [])) for each in (WORKS, NO_EFFECT, IGNORED)]
        place = " ▸ ".join(f"`<{each}>`" for each in element.path)
        lines.append(f"| {place} | {verdict}{f': {reason}' if reason else ''} | {' | '.join(cells)} |")
    lines += [
        "",
        "## REST",
        "",
        "Below `/2010-04-01`. Messages, addresses, number purchase, usage and other products of the account API are",
        "left out: each is 404.",
        "",
        "| operation | works | no effect | ignored |",
        "| --- | --- | --- | --- |",
    ]
    for operation in operations():
        verdicts = verdicts_on_operation(operation)
        shown = f"`{operation.method} {operation.path.replace('{}', '{sid}')}`"
        if verdicts is None:
            why = next(why for part, why in REFUSED_RESOURCES.items() if f"/{part}" in operation.path)
            lines.append(f"| {shown} | **refused**: {why} | | |")
        else:
            cells = [_names(verdicts.get(each, [])) for each in (WORKS, NO_EFFECT, IGNORED)]
            lines.append(f"| {shown} | {cells[0] or 'yes'} | {cells[1]} | {cells[2]} |")
            for name in (*verdicts.get(NO_EFFECT, ()), *verdicts.get(IGNORED, ())):
                resource = operation.path.rstrip("/{}").rpartition("/")[2]
                reasons.setdefault(reason_for(resource, name), {})[name] = None
    silent = ", ".join(f"`{word}` of `{place}`" for place, word in sorted(IN_SILENCE))
    lines += [
        "",
        "## Without effect",
        "",
        f"Each with a warning, but for {silent}.",
        "",
        "| | why |",
        "| --- | --- |",
    ]
    lines += [f"| {_names(list(words))} | {reason} |" for reason, words in reasons.items()]
    return "\n".join(lines) + "\n"


def _names(names: list[str]) -> str:
    return " ".join(f"`{each}`" for each in names)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE}\n")
