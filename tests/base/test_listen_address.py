"""The grammar of listening addresses."""

import pytest

from callapi.base.listen_address import ListenAddress, parse_listen_address


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("udp://127.0.0.1:5060", ListenAddress("udp", "127.0.0.1", 5060)),
        ("wss://[::1]:443", ListenAddress("wss", "::1", 443)),
        ("localhost:0", ListenAddress("", "localhost", 0)),
        ("[2001:db8::1]:8080", ListenAddress("", "2001:db8::1", 8080)),
    ],
)
def test_an_address_is_read_and_written_alike(text: str, address: ListenAddress) -> None:
    assert parse_listen_address(text) == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text", ["", "127.0.0.1", "udp://h", "h:70000", "::1:80", "://h:1", "u p://h:1", "h:1/x"]
)
def test_other_texts_are_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="must look like"):
        parse_listen_address(text)
