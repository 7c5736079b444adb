"""Which of our addresses a peer can send its media to: of which version of IP, and whether it is a public one."""

import re
from functools import lru_cache
from ipaddress import ip_address, ip_network
from typing import Final

ADDRESS_PRIVATE: Final = 60_063
"""Warning: the peer is on the public internet, and our descriptions name a private address."""

QUIET_S: Final = 3600.0
"""The warning comes once in so long for each network of peers."""
MAX_NETWORKS: Final = 1024
_PREFIX: Final = {4: 24, 6: 48}

_CONNECTION: Final = re.compile(rb"^c=IN IP([46]) ", re.MULTILINE)


def is_ipv6(offer: bytes, host: str) -> bool:
    """Whether a peer's media is IPv6: as the first `c=` of its offer says, without one as its `host` (a literal) is."""
    found = _CONNECTION.search(offer)
    return found[1] == b"6" if found is not None else ":" in host


class WarnedNetworks:
    """Which networks of peers were warned of, for whom, and when; the oldest are forgotten beyond `MAX_NETWORKS`."""

    def __init__(self) -> None:
        self._warned: dict[tuple[str, str], float] = {}

    def is_due(self, account_sid: str, peer: str, now: float) -> bool:
        """Whether `peer` (an IP literal) is to be warned of now; so are none of its network (/24, /48) for an hour.

        `now` are seconds of a clock that does not go back.
        """
        address = ip_address(peer.strip("[]"))
        network = ip_network((address, _PREFIX[address.version]), strict=False)
        key = (account_sid, str(network))
        before = self._warned.get(key)
        if before is not None and now - before < QUIET_S:
            return False
        self._warned.pop(key, None)
        self._warned[key] = now
        if len(self._warned) > MAX_NETWORKS:
            del self._warned[next(iter(self._warned))]
        return True


@lru_cache(1024)
def unreachable(advertised: str, peer: str) -> str | None:
    """What is wrong if `peer` (a host) is to send to `advertised`; None: nothing that the addresses show.

    A name shows nothing: only IP literals are compared. A few pairs repeat from call to call: their answers are kept.
    """
    try:
        ours, theirs = ip_address(advertised.strip("[]")), ip_address(peer.strip("[]"))
    except ValueError:
        return None
    if not theirs.is_global or ours.is_global or ours.is_unspecified:
        return None
    return (
        f"the peer is at {peer}, on the public internet, and is sent the private address {advertised} for its media: "
        'set media.advertised_address to the public one, or to "auto"'
    )
