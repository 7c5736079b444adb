"""Keys of the parties of `bench.relay`: the same for every leg, since nothing here is secret."""

from callapi.media import SUITES, SrtpKeys

_PARTY, _MEASURED = 0x11, 0x22


def key(suite: str, *, of_party: bool) -> bytes:
    """Key and salt that the party, or what is measured, sends with."""
    return bytes([_PARTY if of_party else _MEASURED]) * SUITES[suite]


def engine_keys(suite: str) -> SrtpKeys | None:
    """The keys that the engine is given; None: plain."""
    if not suite:
        return None
    return SrtpKeys(suite, key(suite, of_party=False), key(suite, of_party=True))


def spoken(suite: str, measured: bytes | None = None) -> str:
    """The end of the generator's line for a leg; `measured` is the key of what is measured, if it chose one itself."""
    if not suite:
        return ""
    theirs = measured if measured is not None else key(suite, of_party=False)
    return f" {suite} {key(suite, of_party=True).hex()} {theirs.hex()}"
