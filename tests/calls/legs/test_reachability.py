"""The warning of an address that peers cannot reach: whom it is about, and how often it comes."""

from callapi.calls.legs.reachability import (
    MAX_NETWORKS,
    QUIET_S,
    WarnedNetworks,
    is_ipv6,
    unreachable,
)


def test_only_a_private_address_for_a_public_peer_is_worth_a_warning() -> None:
    assert "media.advertised_address" in (unreachable("10.0.0.5", "11.22.33.44") or "")
    assert unreachable("[fd00::5]", "2600::1") is not None
    for ours, theirs in (
        ("10.0.0.5", "192.168.7.7"),
        ("11.22.33.1", "11.22.33.44"),
        ("0.0.0.0", "11.22.33.44"),
        ("node.example", "11.22.33.44"),
    ):
        assert unreachable(ours, theirs) is None


def test_a_network_is_warned_of_once_an_hour() -> None:
    warned = WarnedNetworks()
    assert warned.is_due("AC1", "11.22.33.44", 0.0)
    assert not warned.is_due("AC1", "11.22.33.99", 10.0), "its neighbour"
    assert warned.is_due("AC2", "11.22.33.44", 10.0), "another account"
    assert warned.is_due("AC1", "11.22.34.44", 10.0), "another network"
    assert warned.is_due("AC1", "[2600:1:2:3::4]", 10.0)
    assert not warned.is_due("AC1", "2600:1:2:9::4", 10.0)
    assert not warned.is_due("AC1", "11.22.33.44", QUIET_S - 1)
    assert warned.is_due("AC1", "11.22.33.44", QUIET_S)


def test_so_many_networks_are_kept_and_the_oldest_are_forgotten() -> None:
    warned = WarnedNetworks()
    for number in range(MAX_NETWORKS + 1):
        assert warned.is_due("AC1", f"11.{number >> 8}.{number & 255}.1", float(number))
    assert warned.is_due("AC1", "11.0.0.1", 2000.0)
    assert not warned.is_due("AC1", "11.0.9.1", 2000.0)


def test_the_version_of_ip_is_that_of_the_offer_else_of_the_host() -> None:
    assert is_ipv6(b"v=0\r\nc=IN IP6 ::1\r\n", "127.0.0.1")
    assert not is_ipv6(b"v=0\r\nc=IN IP4 127.0.0.1\r\n", "::1")
    assert is_ipv6(b"", "2001:db8::1")
    assert not is_ipv6(b"", "phone.example")
