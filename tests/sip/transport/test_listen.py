"""Listening addresses as they are configured."""

import socket

import pytest

from callapi.sip.errors import LocalProtocolError
from callapi.sip.messages.uri import Transport
from callapi.sip.transport.listen import ListenAddress, family_of, is_unspecified, outgoing_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("udp://127.0.0.1:5060", ListenAddress(Transport.UDP, "127.0.0.1", 5060)),
        ("tls://[::1]:5061", ListenAddress(Transport.TLS, "::1", 5061)),
        ("tcp://localhost:0", ListenAddress(Transport.TCP, "localhost", 0)),
    ],
)
def test_forms(text: str, address: ListenAddress) -> None:
    assert ListenAddress.parse(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text", ["", "udp://127.0.0.1", "sctp://h:1", "udp://h:70000", "udp://::1:5060", "udp:// :1"]
)
def test_what_is_none(text: str) -> None:
    with pytest.raises(LocalProtocolError):
        ListenAddress.parse(text)


def test_families() -> None:
    assert family_of("192.0.2.1") == socket.AF_INET
    assert family_of("::1") == socket.AF_INET6
    assert is_unspecified("0.0.0.0")
    assert is_unspecified("::")
    assert not is_unspecified("127.0.0.1")
    assert not is_unspecified("localhost")


@pytest.mark.parametrize("family", [socket.AF_INET, socket.AF_INET6])
def test_an_outgoing_address_is_one_of_this_machine(family: socket.AddressFamily) -> None:
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        probe.bind((outgoing_address(family), 0))
