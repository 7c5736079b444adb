"""Cache-Control, Expires, Age, ETag and Last-Modified, as RFC 9111 reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callapi.media.prompts.freshness import Freshness

NOW = 1_800_000_000.0
DATE = "Fri, 15 Jan 2027 08:00:00 GMT"


@pytest.mark.parametrize(
    ("headers", "lifetime_s"),
    [
        ((), 0),
        ((("ETag", '"1"'),), 0),
        ((("Last-Modified", DATE),), 0),
        ((("Cache-Control", "max-age=60"),), 60),
        ((("cache-control", 'public, MAX-AGE="60"'),), 60),
        ((("Cache-Control", "max-age=60"), ("Age", "45")), 15),
        ((("Cache-Control", "max-age=60"), ("Age", "90")), 0),
        ((("Cache-Control", "max-age=soon"),), 0),
        ((("Cache-Control", "max-age=-1"),), 0),
        ((("Cache-Control", "no-cache, max-age=60"),), 0),
        ((("Cache-Control", "no-store, max-age=60"),), 0),
        ((("Cache-Control", "max-age=99999999999"),), 7 * 86_400),
        ((("Date", DATE), ("Expires", "Fri, 15 Jan 2027 08:02:00 GMT")), 120),
        ((("Expires", "Fri, 15 Jan 2027 08:02:00 GMT"),), 120),
        ((("Expires", "0"),), 0),
        ((("Cache-Control", "max-age=5"), ("Expires", "Fri, 15 Jan 2027 09:00:00 GMT")), 5),
    ],
)
def test_lifetime(headers: tuple[tuple[str, str], ...], lifetime_s: float) -> None:
    assert Freshness.of(headers, NOW).fresh_until == NOW + lifetime_s


def test_no_store_is_not_kept() -> None:
    assert not Freshness.of((("Cache-Control", "no-store"),), NOW).is_storable
    assert Freshness.of((("Cache-Control", "no-cache"),), NOW).is_storable


def test_conditions_are_what_the_server_gave() -> None:
    kept = Freshness.of((("ETag", 'W/"7"'), ("Last-Modified", DATE)), NOW)
    assert kept.conditions() == (("If-None-Match", 'W/"7"'), ("If-Modified-Since", DATE))
    assert Freshness.of((), NOW).conditions() == ()


def test_a_304_renews_and_need_not_repeat() -> None:
    kept = Freshness.of((("ETag", '"7"'), ("Cache-Control", "max-age=1")), NOW)
    renewed = kept.renewed((("Cache-Control", "max-age=60"),), NOW + 10)
    assert renewed == Freshness(NOW + 70, etag='"7"')
    assert renewed.is_fresh(NOW + 69)
    assert not renewed.is_fresh(NOW + 70)


names = st.sampled_from(["Cache-Control", "Expires", "Date", "Age", "ETag", "Last-Modified"])


@given(st.lists(st.tuples(names, st.text(max_size=30)), max_size=6).map(tuple))
def test_any_fields_are_read(headers: tuple[tuple[str, str], ...]) -> None:
    assert NOW <= Freshness.of(headers, NOW).fresh_until <= NOW + 7 * 86_400
