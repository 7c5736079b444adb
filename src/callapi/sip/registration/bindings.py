"""Bindings of one address-of-record, and what a REGISTER does to them (RFC 3261 §10.3), pure.

All or nothing: a REGISTER either changes every contact that it names or none. Contacts match by the rules of URI
equivalence (§19.1.4), and a device that registers again (same `+sip.instance` and `reg-id`, RFC 5626 §6) replaces its
binding whatever its new Contact. Path is kept (RFC 3327). Not here: GRUU (RFC 5627).
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from msgspec import Struct

from callapi.sip.errors import ParseError
from callapi.sip.messages.parameters import quote, split_list
from callapi.sip.messages.uri import SipUri, parse_uri

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from callapi.sip.messages.headers import NameAddr
    from callapi.sip.messages.message import Request
    from callapi.sip.transport.hop import Hop

MAX_INSTANCE = 256
_Q = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")
_MALFORMED_EXPIRES_S = 3600  # RFC 3261 §20.19: what a malformed value stands for


class Binding(Struct, frozen=True):
    """One contact at which the address-of-record can be reached."""

    contact: str
    """A SIP URI, as it was registered."""
    expires_at: float
    """On the clock of the `now` that is passed in."""
    call_id: str
    cseq: int
    q: float = 1.0
    source: str = ""
    """The hop that the REGISTER came from, as text."""
    user_agent: str = ""
    path: tuple[str, ...] = ()
    """Path values, the first to be visited first (RFC 3327 §5.3)."""
    instance: str = ""
    """`+sip.instance` of the device, in lower case without quotes (RFC 5626 §4.1); empty: it named none."""
    reg_id: int = 0
    """`reg-id` of the flow (RFC 5626 §4.2); 0: it named none."""

    @property
    def contact_value(self) -> str:
        """The Contact as a 200 lists it, without `expires` and `q`."""
        value = f"<{self.contact}>"
        if self.instance:
            value += f";+sip.instance={quote(self.instance)}"
        return f"{value};reg-id={self.reg_id}" if self.reg_id else value


class RegistrationLimits(Struct, frozen=True):
    """What a registrar grants."""

    min_expires_s: int = 30
    max_expires_s: int = 3600
    default_expires_s: int = 3600
    max_contacts: int = 10


class Registered(Struct, frozen=True):
    """The REGISTER succeeded: every binding that is in force now, the most wanted first."""

    bindings: tuple[Binding, ...]

    def headers(self, now: float) -> list[tuple[str, str]]:
        """The Contact values of the 200 (RFC 3261 §10.3, step 8)."""
        return [
            ("Contact", f"{each.contact_value};expires={max(0, round(each.expires_at - now))};q={each.q:.3g}")
            for each in self.bindings
        ]


class RegistrationRefused(Struct, frozen=True):
    """The REGISTER changed nothing."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...] = ()


_TOO_MANY = RegistrationRefused(403, "Too Many Contacts")


def register(
    request: Request,
    bindings: Iterable[Binding],
    *,
    source: Hop,
    now: float,
    limits: RegistrationLimits | None = None,
) -> Registered | RegistrationRefused:
    """Apply a REGISTER of a user who may register to the bindings that exist (RFC 3261 §10.3, steps 6 and 7)."""
    limits = limits or RegistrationLimits()
    current = [each for each in bindings if each.expires_at > now]
    if request.has_wildcard_contact:
        return _remove_all(request, current)
    if len(request.contacts) > limits.max_contacts:
        return _TOO_MANY
    for contact in request.contacts:
        outcome = _apply(request, contact, current, source=str(source), now=now, limits=limits)
        if isinstance(outcome, RegistrationRefused):
            return outcome
        current = outcome
    if len(current) > limits.max_contacts:
        return _TOO_MANY
    return Registered(by_preference(current))


def by_preference(bindings: Iterable[Binding]) -> tuple[Binding, ...]:
    """Greatest q first, then the one that was refreshed last."""
    return tuple(sorted(bindings, key=lambda each: (-each.q, -each.expires_at)))


def _remove_all(request: Request, current: Sequence[Binding]) -> Registered | RegistrationRefused:
    # RFC 3261 §10.3, step 6: `*` stands alone and only with Expires: 0.
    if request.contacts or request.expires != 0 or len(request.headers.get_all("Contact")) > 1:
        return RegistrationRefused(400, "Invalid Wildcard Contact")
    if any(_is_outdated(request, each) for each in current):
        return RegistrationRefused(500, "CSeq Out Of Order")
    return Registered(())


def _apply(
    request: Request,
    contact: NameAddr,
    current: list[Binding],
    *,
    source: str,
    now: float,
    limits: RegistrationLimits,
) -> list[Binding] | RegistrationRefused:
    if not isinstance(contact.uri, SipUri):
        return RegistrationRefused(400, "Contact Is Not A SIP URI")
    instance, reg_id = _device(contact)
    same = [
        each
        for each in current
        if _is_same_contact(each, contact.uri)
        or (instance and (each.instance, each.reg_id) == (instance, reg_id))
    ]
    if any(_is_outdated(request, each) for each in same):
        # RFC 3261 §10.3, step 7: the whole request fails; a retransmission never gets here
        return RegistrationRefused(500, "CSeq Out Of Order")
    others = [each for each in current if each not in same]
    seconds = _expires_s(request, contact, limits)
    if seconds == 0:
        return others
    if seconds < limits.min_expires_s:
        return RegistrationRefused(423, "Interval Too Brief", (("Min-Expires", str(limits.min_expires_s)),))
    binding = Binding(
        contact=str(contact.uri),
        expires_at=now + min(seconds, limits.max_expires_s),
        call_id=request.call_id,
        cseq=request.cseq.number,
        q=_q(contact),
        source=source,
        user_agent=request.headers.get("User-Agent") or "",
        path=_path(request),
        instance=instance,
        reg_id=reg_id,
    )
    return [*others, binding]


def _is_outdated(request: Request, binding: Binding) -> bool:
    return binding.call_id == request.call_id and request.cseq.number <= binding.cseq


def _is_same_contact(binding: Binding, uri: SipUri) -> bool:
    try:
        known = parse_uri(binding.contact)
    except ParseError:
        return False
    return isinstance(known, SipUri) and known.is_equivalent(uri)


def _expires_s(request: Request, contact: NameAddr, limits: RegistrationLimits) -> int:
    text = contact.parameter("expires")
    if text is not None:
        return _seconds(text)
    header = request.headers.get("Expires")
    return _seconds(header) if header is not None else limits.default_expires_s


def _seconds(text: str) -> int:
    is_valid = text.isascii() and text.isdigit() and len(text) <= 10 and int(text) < 2**32
    return int(text) if is_valid else _MALFORMED_EXPIRES_S


def _device(contact: NameAddr) -> tuple[str, int]:
    """`+sip.instance` and `reg-id`; one that is too long or malformed counts as absent."""
    instance, reg_id = contact.parameter("+sip.instance") or "", contact.parameter("reg-id") or ""
    is_number = reg_id.isascii() and reg_id.isdigit() and len(reg_id) < 10
    return instance.lower() if len(instance) <= MAX_INSTANCE else "", int(reg_id) if is_number else 0


def _q(contact: NameAddr) -> float:
    text = contact.parameter("q")
    return float(text) if text is not None and _Q.fullmatch(text) else 1.0


def _path(request: Request) -> tuple[str, ...]:
    try:
        return tuple(item for value in request.headers.get_all("Path") for item in split_list(value))
    except ParseError:
        return ()
