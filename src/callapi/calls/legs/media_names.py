"""Looks up the host names that a session description gives instead of addresses (RFC 8866 §5.7)."""

import asyncio
import logging
import socket
from typing import Final

from callapi.media import host_names, with_addresses

log = logging.getLogger(__name__)

LOOKUP_S: Final = 2.0
"""For all names of one description; what is not found by then stays as it is, and is refused like any bad address."""


async def resolved(body: bytes) -> bytes:
    """The description with addresses for its names. It is returned as it is, at once, if it holds none."""
    if not body or not (names := host_names(body)):
        return body
    loop = asyncio.get_running_loop()
    addresses: dict[str, str] = {}
    try:
        async with asyncio.timeout(LOOKUP_S):
            for name, version in names:
                family = socket.AF_INET6 if version == 6 else socket.AF_INET
                found = await loop.getaddrinfo(name, None, family=family, type=socket.SOCK_DGRAM)
                addresses[name] = str(found[0][4][0])
    except (OSError, TimeoutError, UnicodeError) as error:
        log.info("a host name in c= cannot be resolved: %s: %s", ", ".join(name for name, _ in names), error)
    return with_addresses(body, addresses)
