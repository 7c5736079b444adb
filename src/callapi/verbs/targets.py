"""From the nouns of a Dial to calls that can be placed: addresses, headers, credentials, who calls."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from callapi.base.ids import AccountSid
from callapi.calls.addresses import SipAddress, custom_headers, party_name, sip_address
from callapi.calls.call import Call
from callapi.calls.errors import CLIENT_NOT_REGISTERED, NO_TRUNK, NotPlaceable
from callapi.calls.live import Placement, Subscription
from callapi.rcml import Client, Number, Sip, Target
from callapi.sip import Credentials, NameAddr, ParseError, SipUri
from callapi.store import BindingRecord, TrunkRecord

_USER: Final = re.compile(r"[A-Za-z0-9+\-_.]+")


class Directory(Protocol):
    """Who is registered, and where numbers go. Answered from memory: a Dial does not wait for a database."""

    async def bindings(self, account: AccountSid, login: str) -> Sequence[BindingRecord]:
        """The live registrations of a client, the preferred first."""
        ...

    async def trunks(self, account: AccountSid, number: str) -> Sequence[TrunkRecord]:
        """The trunks that carry `number`, the preferred first."""
        ...


@dataclass(frozen=True, slots=True)
class Targets:
    """Makes placements out of nouns. `domain` is the host (and port) of the callers' own addresses."""

    directory: Directory
    domain: str

    async def placements(
        self, noun: Target, caller: Call, caller_id: str | None, callbacks: Subscription | None
    ) -> list[Placement]:
        """One for each phone that `noun` rings; they ring together.

        Raises:
            NotPlaceable: nothing can be rung, with the sentence for the notification.
        """
        addresses = await self._addresses(noun, caller.record.account_sid)
        from_, from_name = self._caller(caller, caller_id)
        return [
            Placement(
                account_sid=caller.record.account_sid,
                direction="outbound-dial",
                address=address,
                from_=from_,
                from_name=from_name,
                to_name=f"client:{noun.name}" if isinstance(noun, Client) else party_name(address.uri),
                parent_sid=caller.sid,
                caller_name=from_.display_name,
                forwarded_from=caller.record.forwarded_from,
                codecs=noun.codecs if isinstance(noun, Sip) else None,
                callbacks=callbacks,
            )
            for address in addresses
        ]

    async def _addresses(self, noun: Target, account: AccountSid) -> list[SipAddress]:
        match noun:
            case Sip():
                wants_digest = noun.username is not None and noun.password is not None
                credentials = Credentials(noun.username or "", noun.password or "") if wants_digest else None
                return [sip_address(noun.uri, credentials)]
            case Client():
                return await self._client(noun, account)
            case Number():
                return await self._number(noun, account)

    async def _client(self, noun: Client, account: AccountSid) -> list[SipAddress]:
        login, _, query = noun.name.partition("?")
        headers = custom_headers(query)
        bindings = await self.directory.bindings(account, login)
        if not bindings:
            raise NotPlaceable(CLIENT_NOT_REGISTERED, f"the client {login!r} is not registered")
        try:
            return [
                SipAddress(
                    SipUri.parse(each.contact),
                    headers,
                    routes=tuple(NameAddr.parse(path) for path in each.path),
                )
                for each in bindings
            ]
        except ParseError as error:
            raise NotPlaceable(
                CLIENT_NOT_REGISTERED, f"the binding of {login!r} is not usable: {error}"
            ) from error

    async def _number(self, noun: Number, account: AccountSid) -> list[SipAddress]:
        number, _, query = noun.number.partition("?")
        number = re.sub(r"[\s().-]", "", number)
        trunks = await self.directory.trunks(account, number)
        if not trunks:
            raise NotPlaceable(NO_TRUNK, f"no trunk carries the number {number}")
        trunk = trunks[0]
        credentials = Credentials(trunk.username, trunk.password or "") if trunk.username else None
        gateway = sip_address(trunk.uri, credentials)
        uri = SipUri.parse(
            f"{gateway.uri.scheme}:{number}@{str(gateway.uri).partition(':')[2].rpartition('@')[2]}"
        )
        return [SipAddress(uri, custom_headers(query) + gateway.headers, credentials)]

    def _caller(self, caller: Call, caller_id: str | None) -> tuple[NameAddr, str]:
        """The From of the callee's leg, and how it is called towards applications; the caller's own by default."""
        record = caller.record
        wanted = caller_id or record.from_
        if wanted.startswith("client:"):
            user, name = wanted.removeprefix("client:"), wanted
        elif wanted.startswith(("sip:", "sips:")):
            uri = SipUri.parse(wanted)
            if caller_id:
                return NameAddr(None, uri.without_headers(), ()), party_name(uri)
            user, name = uri.user or "anonymous", wanted
        else:
            user, name = wanted, ""
        user = user if _USER.fullmatch(user) else "anonymous"
        uri = SipUri.parse(f"sip:{user}@{self.domain}")
        display_name = user if caller_id else record.caller_name
        return NameAddr(display_name, uri, ()), name or party_name(uri)
