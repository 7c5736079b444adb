"""`advertised_address = "auto"`: the public address of this machine, as a STUN server sees it."""

import asyncio
import logging
import os
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address
from typing import Final

from callapi.base.errors import SettingsError
from callapi.base.settings import AUTO, Settings
from callapi.media.stun import TRANSACTION_ID_OCTETS, binding_request, mapped_address

log = logging.getLogger(__name__)

WAITS_S: Final = (0.5, 1.0, 2.0)
"""How long each request waits for its answer before the next is sent (RFC 8489 §6.2.1, cut short)."""


class _Asking(asyncio.DatagramProtocol):
    def __init__(self, transaction_id: bytes) -> None:
        self._transaction_id = transaction_id
        self.answer: asyncio.Future[IPv4Address | IPv6Address] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002 - of the interface
        """Take the first answer to this request; anything else is dropped."""
        address = mapped_address(data, self._transaction_id)
        if address is not None and not self.answer.done():
            self.answer.set_result(address)


async def find_public_address(host: str, port: int, local: str) -> str:
    """Ask the STUN server at `host` and `port` from the address `local` (an unspecified one: the system's choice).

    Raises:
        SettingsError: the server cannot be reached, or does not answer within 3.5 s.
    """
    transaction_id = os.urandom(TRANSACTION_ID_OCTETS)
    loop = asyncio.get_running_loop()
    source = None if local in {"0.0.0.0", "::", ""} else (local, 0)  # noqa: S104 - compared, not bound
    try:
        transport, asking = await loop.create_datagram_endpoint(
            lambda: _Asking(transaction_id), local_addr=source, remote_addr=(host, port)
        )
    except OSError as error:
        raise SettingsError(f"media.stun_server: {host}:{port} cannot be reached: {error}") from error
    try:
        for wait_s in WAITS_S:
            transport.sendto(binding_request(transaction_id))
            done, _ = await asyncio.wait({asking.answer}, timeout=wait_s)
            if done:
                return str(asking.answer.result())
    finally:
        transport.close()
    raise SettingsError(
        f"media.stun_server: {host}:{port} does not answer; name another server, or write the address instead of auto"
    )


def _automatic(settings: Settings) -> Iterator[str]:
    if settings.sip.advertised_address == AUTO:
        yield "sip"
    if settings.media.advertised_address == AUTO:
        yield "media"


async def with_public_address(settings: Settings) -> Settings:
    """`settings` with the public address in place of each `auto`; unchanged where there is none.

    Raises:
        SettingsError: `media.stun_server` is not set, or does not answer.
    """
    sections = tuple(_automatic(settings))
    if not sections:
        return settings
    if not settings.media.stun_server:
        raise SettingsError(
            'advertised_address = "auto" needs media.stun_server, for example "stun.example.com:3478"'
        )
    host, _, port = settings.media.stun_server.rpartition(":")
    address = await find_public_address(host.strip("[]"), int(port), settings.media.address)
    log.info("the public address is %s, as %s sees it", address, settings.media.stun_server)
    found = {
        name: getattr(settings, name).model_copy(update={"advertised_address": address}) for name in sections
    }
    return settings.model_copy(update=found)
