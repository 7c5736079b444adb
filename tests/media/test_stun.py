"""STUN answers: the one of RFC 5769, those of older servers, and any bytes."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callapi.media.stun import MAGIC_COOKIE, binding_request, mapped_address

ID = bytes.fromhex("b7e7a701bc34d686fa87dfae")
RFC_5769_IPV4 = bytes.fromhex(
    "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96"
)
RFC_5769_IPV6 = bytes.fromhex(
    "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a147"
    "0113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c"
)


@pytest.mark.parametrize(
    ("answer", "address"),
    [(RFC_5769_IPV4, "192.0.2.1"), (RFC_5769_IPV6, "2001:db8:1234:5678:11:2233:4455:6677")],
)
def test_the_answers_of_rfc_5769(answer: bytes, address: str) -> None:
    assert mapped_address(answer, ID) == ip_address(address)
    assert mapped_address(answer, bytes(12)) is None, "the answer to another request"
    assert mapped_address(answer[:-1], ID) is None, "cut short"


def test_an_older_server_sends_the_address_in_the_clear() -> None:
    value = bytes.fromhex("0001 8055 c6336407")
    answer = (
        bytes.fromhex("0101 000c") + MAGIC_COOKIE.to_bytes(4, "big") + ID + bytes.fromhex("0001 0008") + value
    )
    assert mapped_address(answer, ID) == ip_address("198.51.100.7")


def test_a_request_has_no_attributes() -> None:
    assert binding_request(ID) == bytes.fromhex("000100002112a442") + ID


@given(st.binary(max_size=100))
def test_any_bytes_after_a_good_header(rest: bytes) -> None:
    answer = (
        bytes.fromhex("0101") + len(rest).to_bytes(2, "big") + MAGIC_COOKIE.to_bytes(4, "big") + ID + rest
    )
    found = mapped_address(answer, ID)
    assert found is None or found.version in {4, 6}
