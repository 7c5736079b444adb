"""How instants are written and read."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

from callapi.base.clock import rfc2822


def test_an_instant_is_written_in_utc_to_the_second() -> None:
    instant = datetime(2026, 11, 17, 10, 0, 0, 999_999, UTC)
    assert rfc2822(instant) == "Tue, 17 Nov 2026 10:00:00 +0000"
    assert rfc2822(instant + timedelta(microseconds=1)) == "Tue, 17 Nov 2026 10:00:01 +0000"
    assert rfc2822(instant.astimezone(timezone(timedelta(hours=5)))) == "Tue, 17 Nov 2026 10:00:00 +0000"


def test_the_hour_that_comes_twice_is_distinguished() -> None:
    """Both are the same to `==`."""
    first = datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    assert rfc2822(first) == "Sun, 25 Oct 2026 00:30:00 +0000"
    assert rfc2822(first.replace(fold=1)) == "Sun, 25 Oct 2026 01:30:00 +0000"
