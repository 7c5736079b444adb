"""Whom a call can be placed to: a SIP URI, a registered client, a number through a trunk; and as whom."""

import re
from collections.abc import Sequence
from typing import Final, Protocol

from msgspec import Struct
from msgspec.structs import replace

from callapi.base.ids import AccountSid
from callapi.base.values import SrtpPolicy
from callapi.calls.errors import (
    CLIENT_NOT_REGISTERED,
    INVALID_SIP_URI,
    NO_TRUNK,
    NUMBER_BLOCKED,
    NotPlaceable,
)
from callapi.calls.parties import ANONYMOUS, party_name, user_of
from callapi.calls.placing.addresses import SipAddress, custom_headers, sip_address
from callapi.calls.placing.placement import Placement
from callapi.sip import Credentials, NameAddr, ParseError, SipUri, flow_of
from callapi.store import BindingRecord, TrunkRecord

_CALLABLE: Final = re.compile(r"[A-Za-z0-9+\-_.*#]+")
_NUMBER: Final = re.compile(r"\+?[0-9]+")
_PUNCTUATION: Final = re.compile(r"[\s().-]")
MAX_TRUNKS: Final = 8
"""How many are tried for one call."""


class Directory(Protocol):
    """Who is registered, and where numbers go. Answered from memory: a call does not wait for a database."""

    async def bindings(self, account: AccountSid, login: str) -> Sequence[BindingRecord]:
        """The live registrations of a client, without phones that ceased to answer, the preferred first."""
        ...

    async def srtp_of(self, login: str) -> SrtpPolicy | None:
        """Whether media of a client is encrypted; None: as the node is configured."""
        ...

    async def trunks(self, account: AccountSid, number: str) -> Sequence[TrunkRecord]:
        """The trunks that carry `number`, in the order in which this one call tries them."""
        ...


class Destination(Struct, frozen=True):
    """One phone to ring: its address, and how it is called towards applications."""

    address: SipAddress
    name: str
    codecs: tuple[str, ...] | None = None
    from_: NameAddr | None = None
    """The caller that must be shown there; None: the one that calls."""
    srtp: SrtpPolicy | None = None
    """Whether its media is encrypted; None: as the node is configured."""
    serial: tuple["Destination", ...] = ()
    """Other ways to it, tried in turn while the one before cannot serve the call."""

    def complete(self, placement: Placement) -> Placement:
        """`placement`, made for this destination, with its caller and its serial attempts."""
        first = replace(placement, from_=self.from_ or placement.from_, srtp=placement.srtp or self.srtp)
        others = tuple(
            replace(
                placement,
                address=each.address,
                codecs=each.codecs,
                from_=each.from_ or placement.from_,
                srtp=placement.srtp or each.srtp,
            )
            for each in self.serial
        )
        return replace(first, serial=others)


class Identity(Struct, frozen=True):
    """As whom a call is placed: the From, and how it is called towards applications."""

    from_: NameAddr
    name: str


class Destinations:
    """Finds destinations; `domain` is the host (and port) of this node's own addresses."""

    __slots__ = ("_blocked", "_directory", "_own")

    def __init__(self, directory: Directory, domain: str, blocked_prefixes: tuple[str, ...] = ()) -> None:
        self._blocked = blocked_prefixes
        self._directory = directory
        self._own = SipUri.parse(f"sip:{domain}")

    def is_own(self, uri: SipUri) -> bool:
        """Whether `uri` is in this node's own domain."""
        return uri.host.lower() == self._own.host.lower() and uri.port == self._own.port

    async def find(
        self, text: str, account: AccountSid, credentials: Credentials | None = None
    ) -> list[Destination]:
        """The phones behind plain text: with an `@` a SIP URI, with `client:` a client, else a number.

        Raises:
            NotPlaceable: there is none, with the reason.
        """
        if text.startswith("client:"):
            return await self.client(text.removeprefix("client:"), account)
        if "@" in text or text.lower().startswith(("sip:", "sips:")):
            return [self.sip(text, credentials)]
        return await self.number(text, account)

    def sip(self, text: str, credentials: Credentials | None = None) -> Destination:
        """A SIP URI with its headers. Raises NotPlaceable."""
        address = sip_address(text, credentials)
        srtp = SrtpPolicy.REQUIRED if address.is_secure else None
        return Destination(address, party_name(address.uri), srtp=srtp)

    async def client(self, text: str, account: AccountSid) -> list[Destination]:
        """Every registered phone of a client; headers may follow the name. Raises NotPlaceable if there is none."""
        login, _, query = text.partition("?")
        headers = custom_headers(query)
        bindings = await self._directory.bindings(account, login)
        if not bindings:
            raise NotPlaceable(CLIENT_NOT_REGISTERED, f"the client {login!r} is not registered")
        try:
            srtp = await self._directory.srtp_of(login)
            return [Destination(_address(each, headers), f"client:{login}", srtp=srtp) for each in bindings]
        except ParseError as error:
            raise NotPlaceable(
                CLIENT_NOT_REGISTERED, f"the binding of {login!r} is not usable: {error}"
            ) from error

    async def number(self, text: str, account: AccountSid) -> list[Destination]:
        """A number, through the trunks that carry it, the preferred first. Raises NotPlaceable if there is none."""
        written, _, query = text.partition("?")
        written = written.removeprefix("tel:").partition(";")[0]
        number = _PUNCTUATION.sub("", written)
        if (f"+{number[2:]}" if number.startswith("00") else number).startswith(self._blocked):
            raise NotPlaceable(NUMBER_BLOCKED, f"{number!r} may not be called (limits.blocked_prefixes)")
        trunks = await self._directory.trunks(account, number)
        if not trunks:
            raise NotPlaceable(NO_TRUNK, f"no trunk carries the number {number!r}")
        if not _CALLABLE.fullmatch(number):
            raise NotPlaceable(INVALID_SIP_URI, f"{number!r} is not a number that can be called")
        headers = custom_headers(query)
        first, *others = (self._through(trunk, number, headers) for trunk in trunks[:MAX_TRUNKS])
        return [replace(first, serial=tuple(others))]

    def _through(self, trunk: TrunkRecord, number: str, headers: tuple[tuple[str, str], ...]) -> Destination:
        credentials = Credentials(trunk.username, trunk.password or "") if trunk.username else None
        gateway = sip_address(trunk.uri, credentials)
        address = SipAddress(gateway.uri.with_user(number), headers + gateway.headers, credentials)
        from_ = self.identity(trunk.caller_id).from_ if trunk.caller_id else None
        srtp = SrtpPolicy.REQUIRED if gateway.is_secure else SrtpPolicy(trunk.srtp) if trunk.srtp else None
        return Destination(address, number, trunk.codecs or None, from_, srtp)

    def identity(self, wanted: str, display_name: str | None = None) -> Identity:
        """The caller as `wanted`: `client:name`, a SIP URI (taken as it is), a number or a SIP user.

        Raises:
            NotPlaceable: it is none of these.
        """
        if wanted.lower().startswith(("sip:", "sips:")):
            try:
                uri = SipUri.parse(wanted).without_headers()
            except ParseError as error:
                raise NotPlaceable(INVALID_SIP_URI, f"the caller cannot be shown: {error}") from error
            return Identity(NameAddr(display_name, uri, ()), party_name(uri))
        user = wanted.removeprefix("client:")
        if _NUMBER.fullmatch(digits := _PUNCTUATION.sub("", user)):
            user = digits
        if not user:
            return Identity(ANONYMOUS, str(ANONYMOUS.uri))
        uri = self._own.with_user(user)
        return Identity(
            NameAddr(display_name, uri, ()), party_name(uri, is_client=wanted.startswith("client:"))
        )

    def on_behalf_of(self, party: str, display_name: str | None) -> Identity:
        """The caller `party` (see `party_name`) as a user of this node: the From of a call placed for it."""
        return replace(self.identity(user_of(party) or "", display_name), name=party)


def _address(binding: BindingRecord, headers: tuple[tuple[str, str], ...]) -> SipAddress:
    """By the Path if the REGISTER had one (RFC 3327), else where it came from if need be, else the Contact."""
    contact = SipUri.parse(binding.contact)
    if binding.path:
        return SipAddress(contact, headers, routes=tuple(NameAddr.parse(each) for each in binding.path))
    return SipAddress(contact, headers, flow=flow_of(contact, binding.source))
