"""The slow-down of those who guess passwords."""

from callapi.sip.authentication.throttle import FORGIVEN_AFTER_S, MAX_FAILURES, MAX_SOURCES, LoginThrottle


def test_ten_failures_at_once_then_one_in_six_seconds() -> None:
    throttle = LoginThrottle()
    for _ in range(MAX_FAILURES):
        assert not throttle.is_slowed("192.0.2.1", 100.0)
        throttle.failed("192.0.2.1", 100.0)
    assert throttle.is_slowed("192.0.2.1", 100.0)
    assert not throttle.is_slowed("192.0.2.2", 100.0)
    assert throttle.is_slowed("192.0.2.1", 100.0 + FORGIVEN_AFTER_S / 2)
    assert not throttle.is_slowed("192.0.2.1", 100.0 + FORGIVEN_AFTER_S)
    throttle.failed("192.0.2.1", 100.0 + FORGIVEN_AFTER_S)
    assert throttle.is_slowed("192.0.2.1", 100.0 + FORGIVEN_AFTER_S)
    assert not throttle.is_slowed("192.0.2.1", 100.0 + 100 * FORGIVEN_AFTER_S)


def test_one_network_of_ipv6_is_one_source() -> None:
    throttle = LoginThrottle()
    for number in range(MAX_FAILURES):
        throttle.failed(f"2001:db8::{number}", 0.0)
    assert throttle.is_slowed("2001:db8::ffff", 0.0)
    assert not throttle.is_slowed("2001:db8:0:1::1", 0.0)


def test_memory_is_bounded() -> None:
    throttle = LoginThrottle()
    for number in range(MAX_SOURCES + 10):
        throttle.failed(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}", 0.0)
    assert len(throttle) == MAX_SOURCES
