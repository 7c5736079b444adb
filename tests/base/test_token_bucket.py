"""Token buckets."""

from callapi.base.token_bucket import TokenBucket, TokenBuckets


def test_a_burst_then_the_rate() -> None:
    bucket = TokenBucket(rate=2.0, burst=3.0, now=10.0)
    assert [bucket.take(10.0) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(10.4)
    assert bucket.take(10.5)
    assert bucket.level(1000.0) == 3.0


def test_a_clock_that_goes_back_adds_nothing() -> None:
    bucket = TokenBucket(rate=1.0, burst=1.0, now=10.0)
    assert bucket.take(10.0)
    assert not bucket.take(5.0)
    assert bucket.take(11.0)


def test_keys_have_buckets_of_their_own_in_bounded_memory() -> None:
    buckets: TokenBuckets[str] = TokenBuckets(rate=0.1, burst=1.0, max_keys=2)
    assert buckets.take("a", 0.0)
    assert not buckets.take("a", 1.0)
    assert buckets.take("b", 1.0)
    assert buckets.level("c", 1.0) == 1.0
    assert len(buckets) == 2
    assert buckets.take("c", 1.0)
    assert len(buckets) == 2
    assert buckets.take("a", 2.0)  # the one that was used longest ago was forgotten
