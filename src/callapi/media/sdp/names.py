"""Host names in `c=` (RFC 8866 §5.7): which ones a body holds, and the body with their addresses instead. Pure."""

import re
from collections.abc import Mapping
from functools import lru_cache
from ipaddress import ip_address

_CONNECTION = re.compile(rb"^(c=IN IP([46]) )([^\s/]+)", re.MULTILINE)
MAX_NAMES = 4


def host_names(body: bytes) -> tuple[tuple[str, int], ...]:
    """The names in `c=`, each once, with the version of IP that is meant (4 or 6); mostly none."""
    found: dict[tuple[str, int], None] = {}
    for _, version, host in _CONNECTION.findall(body):
        name = host.decode("ascii", "replace")
        if not _is_address(name):
            found[name, int(version)] = None
    return tuple(found)[:MAX_NAMES]


def with_addresses(body: bytes, addresses: Mapping[str, str]) -> bytes:
    """The body with the address of each name that has one."""

    def replaced(match: re.Match[bytes]) -> bytes:
        address = addresses.get(match[3].decode("ascii", "replace"))
        return match[0] if address is None else match[1] + address.encode()

    return _CONNECTION.sub(replaced, body)


@lru_cache(maxsize=1024)
def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True
