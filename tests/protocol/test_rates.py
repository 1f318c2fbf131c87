"""The token bucket, with the clock in the test's hand."""

from __future__ import annotations

from jupyter_sio.protocol.rates import Bucket


def test_a_burst_passes_and_the_next_does_not():
    bucket = Bucket(per_second=50, burst=200, now=0.0)
    assert all(bucket.take(now=0.0) for _ in range(200))
    assert not bucket.take(now=0.0)


def test_it_refills_by_time_and_never_above_its_burst():
    bucket = Bucket(per_second=50, burst=200, now=0.0)
    for _ in range(200):
        bucket.take(now=0.0)
    assert sum(bucket.take(now=1.0) for _ in range(100)) == 50
    assert sum(bucket.take(now=3600.0) for _ in range(1000)) == 200
