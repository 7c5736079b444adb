"""The guard of webhooks holds for WebSockets too."""

import pytest

from callapi.adapters.egress import GuardedEgress


async def test_private_addresses_are_refused_if_the_operator_says_so() -> None:
    """`webhooks.allow_private_networks = false`: neither by address nor by name."""
    egress = GuardedEgress(allow_private_networks=False)
    for host in ("127.0.0.1", "localhost", "10.1.2.3", "169.254.169.254", "[::1]"):
        with pytest.raises(OSError, match="allow_private_networks"):
            await egress.addresses(host, 80)
    assert [each.host for each in await egress.addresses("93.184.216.34", 80)] == ["93.184.216.34"]
    await egress.close()


async def test_private_addresses_are_allowed_by_default() -> None:
    """An application on the same machine is the usual case."""
    egress = GuardedEgress(allow_private_networks=True)
    assert ("127.0.0.1", 80) in [(each.host, each.port) for each in await egress.addresses("127.0.0.1", 80)]
    with pytest.raises(OSError, match=r"not known|resolution"):
        await egress.addresses("unknown.invalid", 80)
    await egress.close()
