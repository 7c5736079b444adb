"""Lists, parameters and quoted strings (RFC 3261 §7.3.1, §25.1)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callapi.sip.errors import ParseError
from callapi.sip.messages.parameters import (
    find_parameter,
    format_parameters,
    parse_parameters,
    quote,
    quote_if_needed,
    split_list,
    unquote,
)
from tests.sip.strategies import header_parameters, texts


class TestLists:
    @pytest.mark.parametrize(
        ("text", "items"),
        [
            ("a", ["a"]),
            (" a , b,c ", ["a", "b", "c"]),
            ('"x, y" <sip:a,b@h>;p="1,2", <sip:c>', ['"x, y" <sip:a,b@h>;p="1,2"', "<sip:c>"]),
        ],
    )
    def test_items(self, text: str, items: list[str]) -> None:
        assert split_list(text) == items

    @pytest.mark.parametrize("text", ["a,", ",a", "a,,b", 'a,"b', "a,<b", ","])
    def test_what_is_no_list(self, text: str) -> None:
        with pytest.raises(ParseError):
            split_list(text)

    @pytest.mark.parametrize("text", ['",' * 20000, "<," * 20000, '"\\' * 20000 + ",", "a" * 40000 + ",<"])
    def test_long_lists_take_linear_time(self, text: str) -> None:
        for _ in range(10):
            with pytest.raises(ParseError):
                split_list(text)

    def test_long_parameters_take_linear_time(self) -> None:
        for _ in range(5):
            with pytest.raises(ParseError):
                parse_parameters(";a=1" * 15000 + '"')


@given(texts)
def test_quoting(text: str) -> None:
    assert unquote(quote(text)) == text


@given(st.lists(st.sampled_from(["a", '"x, y"', "<sip:a,b>", '"\\""', "c;d=e"]), min_size=1, max_size=6))
def test_joined_lists_are_split_again(items: list[str]) -> None:
    assert split_list(", ".join(items)) == items


@given(header_parameters)
def test_parameters_are_read_back(parameters: tuple[tuple[str, str | None], ...]) -> None:
    assert parse_parameters(format_parameters(parameters)) == parameters


@pytest.mark.parametrize(
    ("value", "text"), [("a-b", "a-b"), ("[::1]:5060", "[::1]:5060"), ("", '""'), ("a b", '"a b"')]
)
def test_quoting_where_it_must_be(value: str, text: str) -> None:
    assert quote_if_needed(value) == text
    assert find_parameter((("x", text),), "x") == value
