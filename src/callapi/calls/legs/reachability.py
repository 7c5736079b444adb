"""Whether a peer of the public internet can send its media to the address that our descriptions name."""

from functools import lru_cache
from ipaddress import ip_address
from typing import Final

ADDRESS_PRIVATE: Final = 60_063
"""Warning: the peer is on the public internet, and our descriptions name a private address."""


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
