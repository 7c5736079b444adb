"""Who called and who was dialled, as SIP writes it and as applications read it (`From`, `To`, `ForwardedFrom`).

A number may arrive as a `tel:` URI (RFC 3966) or as the user part of a SIP URI (RFC 3261 §19.1.6), with visual
separators and parameters (`npdi`, `rn`: RFC 4694; `phone-context`, `ext`, `cic`, `tgrp`, `verstat`). The number is
what remains without them: `+15550100`.
"""

import re
from collections.abc import Iterator
from typing import Final

from msgspec import Struct

from callapi.calls.parameters import Parameters
from callapi.sip import Headers, NameAddr, OtherUri, ParseError, SipUri, Uri, split_list

ANONYMOUS: Final = NameAddr("Anonymous", SipUri("sip", "anonymous", None, "anonymous.invalid", None))
"""The From of a caller that withholds its identity (RFC 3323 §4.1.1.3)."""

_SEPARATORS: Final = re.compile(r"[().\-\s]+")  # RFC 3966 §3, visual-separator; white space besides
_GLOBAL: Final = re.compile(r"\+[0-9]{1,32}")
_LOCAL: Final = re.compile(r"[0-9*#]{1,32}")
_E164_DIGITS: Final = 15
_NAMELESS: Final = frozenset({"anonymous", "restricted", "private", "unavailable", "unknown", "withheld"})
_PASSED_ON: Final = ("P-Asserted-Identity", "Privacy")
_MAX_HISTORY: Final = 64


class TelephoneNumber(Struct, frozen=True):
    """A number without separators and parameters."""

    digits: str
    """`+` and digits, or the digits (with `*` and `#`) of a local number."""
    context: str | None = None
    """The `phone-context` of a local number: `+1`, or a domain."""

    @property
    def is_global(self) -> bool:
        """Whether it is a number of E.164, whole."""
        return self.digits.startswith("+")

    @property
    def completed(self) -> str:
        """The number itself; a local one behind its context, if both make a number of E.164 (RFC 3966 §5.1.5)."""
        whole = f"{self.context or ''}{self.digits}"
        is_number = not self.is_global and _GLOBAL.fullmatch(whole) and len(whole) <= _E164_DIGITS + 1
        return whole if is_number else self.digits


def telephone_number(uri: Uri) -> TelephoneNumber | None:
    """The number that `uri` names; None: it names a user.

    In a SIP URI a number without `+` is one only with `user=phone`: else `100-1` is a user of that name.
    """
    if isinstance(uri, OtherUri):
        return _subscriber(uri.text.partition(":")[2], is_phone=True) if uri.scheme == "tel" else None
    if uri.user is None:
        return None
    is_phone = bool(uri.parameters) and (uri.parameter("user") or "").lower() == "phone"
    return _subscriber(uri.user, is_phone=is_phone) if is_phone or uri.user[0] == "+" else None


def _subscriber(text: str, *, is_phone: bool) -> TelephoneNumber | None:
    """Read `telephone-subscriber` (RFC 3966 §3)."""
    number, *parameters = text.split(";")
    digits = _SEPARATORS.sub("", number)
    if _GLOBAL.fullmatch(digits):
        return TelephoneNumber(digits)
    if not is_phone or _LOCAL.fullmatch(digits) is None:
        return None
    context = next((each[14:] for each in parameters if each[:14].lower() == "phone-context="), None)
    return TelephoneNumber(digits, _SEPARATORS.sub("", context) if context and context[0] == "+" else context)


def dialled(uri: Uri) -> tuple[str, ...]:
    """What a Request-URI may be known by here, the most likely first: its number, else its user."""
    user = uri.user if isinstance(uri, SipUri) else None
    number = telephone_number(uri)
    if number is None:
        return (user or "",)
    forms = [number.completed, number.digits]
    if user is not None:
        forms.append(user)
    return tuple(dict.fromkeys(forms))


def party_name(uri: Uri, *, is_client: bool = False) -> str:
    """The name of a party in requests to applications: a number, `client:name`, else a SIP URI `sip:user@host`."""
    number = telephone_number(uri)
    if number is not None and not is_client:
        if (completed := number.completed)[0] == "+" or not isinstance(uri, SipUri):
            return completed
        return str(SipUri(uri.scheme, number.digits, None, uri.host, None))
    if not isinstance(uri, SipUri):
        return str(uri)
    if is_client and uri.user is not None:
        return f"client:{uri.user}"
    return str(SipUri(uri.scheme, uri.user, None, uri.host, None))


def user_of(party: str) -> str | None:
    """The user of a party as `party_name` writes it: the From of a call that is placed on its behalf.

    None: it has no user (`sip:host`), or is not a party.
    """
    if not party.lower().startswith(("sip:", "sips:")):
        return party
    try:
        return SipUri.parse(party).user
    except ParseError:
        return None


def is_anonymous(address: NameAddr) -> bool:
    """Whether a From withholds its caller: RFC 3323 §4.1.1.3, and what gateways write in its place."""
    uri = address.uri
    if not isinstance(uri, SipUri):
        return False
    host = uri.host.lower()
    return host == "anonymous.invalid" or (uri.user or "anonymous").lower() in _NAMELESS


def asserted_identity(headers: Headers) -> NameAddr | None:
    """The caller as the network vouches for it: P-Asserted-Identity (RFC 3325), else Remote-Party-ID.

    Of several the one that is a number. Only what a trusted peer sent may be read so.
    """
    for name in ("P-Asserted-Identity", "Remote-Party-ID"):
        named = [each for each in _addresses(headers, name) if not is_anonymous(each)]
        numbers = (each for each in named if telephone_number(each.uri))
        if (first := next(numbers, named[0] if named else None)) is not None:
            return first
    return None


def vouched_parameters(headers: Headers) -> Parameters:
    """What a trusted peer says of the caller beyond From, for the voice request."""
    said = [(f"SipHeader_{name}", value) for name in _PASSED_ON for value in headers.get_all(name)[:1]]
    if (verstat := _verstat(headers)) is not None:
        said.append(("StirVerstat", verstat))
    return tuple(said)


def _verstat(headers: Headers) -> str | None:
    """The verdict of STIR on the caller's number (3GPP TS 24.229 §7.2A.20), as Twilio names it."""
    for name in ("P-Asserted-Identity", "From"):
        if "verstat=" not in (headers.get(name) or ""):
            continue
        for address in _addresses(headers, name):
            uri = address.uri
            text = uri.user if isinstance(uri, SipUri) else uri.text
            found = re.search(r";verstat=([A-Za-z0-9\-]{1,64})", text or "")
            if found is None and isinstance(uri, SipUri) and (value := uri.parameter("verstat")):
                return value
            if found is not None:
                return found[1]
    return None


def forwarded_from(headers: Headers) -> str | None:
    """Who diverted the call here: Diversion (RFC 5806 §4, the latest is on top), else History-Info (RFC 7044)."""
    diverting = next(_addresses(headers, "Diversion"), None)
    uri = diverting.uri if diverting is not None else _last_diversion(headers)
    if uri is None:
        return None
    number = telephone_number(uri)
    if number is not None:
        return number.completed
    return uri.user if isinstance(uri, SipUri) else None


def _last_diversion(headers: Headers) -> Uri | None:
    """The target that the request was taken from last, by the entries of History-Info.

    An entry that came from a diversion has `cause` on its URI (RFC 4458) and names its origin with `mp` or by its
    index; the one that was left carries the embedded header `Reason` (RFC 7044 §5.1).
    """
    entries = [
        each for each, _ in zip(_addresses(headers, "History-Info"), range(_MAX_HISTORY), strict=False)
    ]
    by_index = {each.parameter("index"): each for each in entries}
    for place in range(len(entries) - 1, 0, -1):
        entry, uri = entries[place], entries[place].uri
        if not isinstance(uri, SipUri) or not uri.has_parameter("cause"):
            continue
        index = entry.parameter("mp") or (entry.parameter("index") or "").rpartition(".")[0]
        return by_index.get(index, entries[place - 1]).uri
    for entry in reversed(entries[:-1]):
        if isinstance(entry.uri, SipUri) and any(name.lower() == "reason" for name, _ in entry.uri.headers):
            return entry.uri.without_headers()
    return None


def _addresses(headers: Headers, name: str) -> Iterator[NameAddr]:
    """The addresses of a header that this server does not need: what cannot be read is left out."""
    for value in headers.get_all(name):
        try:
            items = split_list(value)
        except ParseError:
            items = [value]
        for item in items:
            try:
                yield NameAddr.parse(item)
            except ParseError:
                continue
