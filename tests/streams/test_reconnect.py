"""When a broken socket is opened again."""

from callapi.streams.reconnect import MAX_ATTEMPTS, WINDOW_S, ReconnectPolicy


def test_five_attempts_within_ten_seconds() -> None:
    """The fifth comes before ten seconds are over, a sixth does not come."""
    policy, now = ReconnectPolicy(), 100.0
    for _ in range(MAX_ATTEMPTS):
        delay = policy.next_delay(now)
        assert delay is not None
        now += delay
    assert now <= 100.0 + WINDOW_S
    assert policy.next_delay(now) is None


def test_attempts_of_long_ago_do_not_count() -> None:
    """A socket that broke once an hour is opened again every time, and soon."""
    policy = ReconnectPolicy()
    for hour in range(20):
        assert policy.next_delay(hour * 3600.0) == 0.1
