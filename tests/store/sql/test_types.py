"""What the columns hold: text that other programs read, and that earlier versions wrote."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy.dialects import sqlite

from callapi.store import EventRecord
from callapi.store.sql.types import Events, Pairs, Texts

AT = datetime(2026, 11, 17, 10, 0, 0, 123_456, tzinfo=UTC)
DIALECT = sqlite.dialect()


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        (
            Events(),
            (EventRecord(0, AT, "sip", {"message": 'a\r\n"ü"', "none": None, "of": {"a": [1.5]}}),),
            '[[0,"2026-11-17T10:00:00.123456Z","sip",{"message":"a\\r\\n\\"ü\\"","none":null,"of":{"a":[1.5]}}]]',
        ),
        (Events(), (), "[]"),
        (Pairs(), (("From", "ü"), ("To", "")), '[["From","ü"],["To",""]]'),
        (Texts(), ("a", "b"), '["a","b"]'),
        (Texts(), (), "[]"),
    ],
)
def test_a_column_holds_this_text_and_gives_the_value_back(kind: Any, value: object, text: str) -> None:
    assert kind.bind_processor(DIALECT)(value) == text
    assert kind.process_result_value(text, DIALECT) == value


def test_what_is_no_json_in_an_event_is_text_or_nothing() -> None:
    data: dict[str, Any] = {"octets": b"ab", "endless": float("inf"), "odd": complex(1, 2)}
    text = Events().bind_processor(DIALECT)((EventRecord(0, AT, "odd", data),))
    assert text.endswith('{"octets":"YWI=","endless":null,"odd":"(1+2j)"}]]')


def test_a_lone_surrogate_is_refused_so_that_the_writer_scrubs_it() -> None:
    with pytest.raises(ValueError, match="surrogates"):
        Pairs().bind_processor(DIALECT)((("From", "\ud800"),))
