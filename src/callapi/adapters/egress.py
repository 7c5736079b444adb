"""Where WebSockets to applications may connect to: the guard of webhooks, for the room of streams."""

from collections.abc import Sequence
from socket import AF_UNSPEC, AddressFamily

from callapi.streams import Address
from callapi.webhooks.client.guard import GuardedResolver, NotPublicError, is_public
from callapi.webhooks.client.resolver import ThreadResolver


class GuardedEgress:
    """Fills `streams.Egress`. `allow_private_networks` as the setting of [webhooks]; close it when done."""

    def __init__(self, *, allow_private_networks: bool) -> None:
        self._threads = ThreadResolver()
        self._is_guarded = not allow_private_networks
        self._resolver = GuardedResolver(self._threads) if self._is_guarded else self._threads

    async def addresses(self, host: str, port: int) -> Sequence[Address]:
        """As Egress."""
        try:
            found = await self._resolver.resolve(host.strip("[]"), port, AF_UNSPEC)
        except NotPublicError as error:
            text = f"{error}, and webhooks.allow_private_networks is false"
            raise OSError(text) from error
        addresses = [Address(AddressFamily(family), str(where[0]), port) for family, _, _, _, where in found]
        if self._is_guarded:
            addresses = [each for each in addresses if is_public(each.host)]
        if not addresses:
            raise OSError("the host has no address")
        return addresses

    async def close(self) -> None:
        """Look up no more names."""
        await self._resolver.close()
