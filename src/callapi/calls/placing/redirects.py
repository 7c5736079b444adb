"""Redirections of a call (RFC 3261 §8.1.3.4): where a 3xx leads, within bounds.

Followed are 300, 301 and 302, to SIP URIs, the most preferred first; at most `MAX_REDIRECTS` INVITEs a call, none to an
address that was tried already, none to a number that may not be called. Credentials go to the host that they were given
for and to no other. Pure.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from msgspec.structs import replace

from callapi.calls.placing.addresses import TRANSPORTS, SipAddress
from callapi.calls.placing.placement import Placement
from callapi.sip import NameAddr, SipUri

MAX_REDIRECTS: Final = 5
FOLLOWED: Final = frozenset({300, 301, 302})
_PUNCTUATION: Final = re.compile(r"[\s().-]")
_Q: Final = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


class Redirects:
    """The redirections of one call."""

    __slots__ = ("_blocked", "_tried", "followed")

    def __init__(self, first: SipUri, blocked_prefixes: Sequence[str]) -> None:
        self._blocked = tuple(blocked_prefixes)
        self._tried = [first]
        self.followed: list[str] = []
        """The addresses that INVITEs were sent to because of a redirection, in their order."""

    def targets(self, contacts: Sequence[NameAddr], placement: Placement) -> Iterator[Placement]:
        """What to place in turn after a 3xx to `placement` with these Contacts; each is counted when it is taken."""
        for contact in sorted(contacts, key=_preference, reverse=True):
            if len(self.followed) >= MAX_REDIRECTS:
                return
            uri = contact.uri
            if not isinstance(uri, SipUri) or not self._may_be_called(uri):
                continue
            uri = uri.without_headers()
            self._tried.append(uri)
            self.followed.append(str(uri))
            yield _redirected(placement, uri)

    def _may_be_called(self, uri: SipUri) -> bool:
        transport = (uri.parameter("transport") or "udp").lower()
        number = _PUNCTUATION.sub("", uri.user or "")
        number = f"+{number[2:]}" if number.startswith("00") else number
        is_blocked = bool(self._blocked) and number.startswith(self._blocked)
        is_new = not any(_is_same(uri.without_headers(), each) for each in self._tried)
        return transport in TRANSPORTS and is_new and not is_blocked


def _is_same(uri: SipUri, tried: SipUri) -> bool:
    """Whether a Contact leads to an address that was tried, if need be by writing out what is understood there.

    One without a user is the phone's own address, which many write into every response.
    """
    return uri.user in {None, tried.user} and _where(uri) == _where(tried)


def _where(uri: SipUri) -> tuple[str, int | None, str]:
    transport = "tls" if uri.is_secure else (uri.parameter("transport") or "udp").lower()
    return uri.host.lower(), uri.port or (5061 if transport == "tls" else 5060), transport


def _redirected(placement: Placement, uri: SipUri) -> Placement:
    before = placement.address
    is_same_host = before.uri.host.lower() == uri.host.lower()
    address = SipAddress(
        uri,
        before.headers,
        before.credentials if is_same_host else None,
        is_secure=before.is_secure,
    )
    to = placement.to or NameAddr(None, before.uri, ())
    return replace(placement, address=address, to=to, serial=(), parallel=())


def _preference(contact: NameAddr) -> float:
    text = contact.parameter("q")
    return float(text) if text is not None and _Q.fullmatch(text) else 1.0
