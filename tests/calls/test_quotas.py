"""What one account may take of a node."""

from callapi.base.ids import AccountSid
from callapi.calls.quotas import CALLS, MAX_ACCOUNTS, RATE, Quotas

ONE, OTHER = AccountSid("AC" + "1" * 32), AccountSid("AC" + "2" * 32)


def test_without_limits_nothing_is_refused() -> None:
    quotas = Quotas()
    for _ in range(1000):
        assert quotas.refusal(ONE) is None
        quotas.began(ONE)
    assert not quotas.is_full(ONE)


def test_calls_at_once_are_counted_by_account() -> None:
    quotas = Quotas(calls=2)
    quotas.began(ONE)
    assert quotas.refusal(ONE) is None
    quotas.began(ONE)
    assert (quotas.refusal(ONE), quotas.refusal(OTHER)) == (CALLS, None)
    quotas.ended(ONE)
    assert quotas.refusal(ONE) is None


def test_the_rate_is_that_of_the_account() -> None:
    now = 100.0
    quotas = Quotas(calls_per_second=2, clock=lambda: now)
    assert [quotas.refusal(ONE) for _ in range(3)] == [None, None, RATE]
    assert quotas.refusal(OTHER) is None
    now += 0.5
    assert [quotas.refusal(ONE) for _ in range(2)] == [None, RATE]


def test_memory_is_bounded() -> None:
    quotas = Quotas(calls_per_second=1, clock=lambda: 0.0)
    for number in range(MAX_ACCOUNTS + 10):
        quotas.refusal(AccountSid(f"AC{number}"))
    assert len(quotas._buckets) == MAX_ACCOUNTS
    quotas.began(ONE)
    quotas.ended(ONE)
    assert not quotas._live
