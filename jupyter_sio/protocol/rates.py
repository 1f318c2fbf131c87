"""A token bucket: so many per second, so many at once."""

from __future__ import annotations


class Bucket:
    """Holds up to ``burst`` tokens, refilled by ``per_second``; ``now`` in monotonic seconds."""

    __slots__ = ("_burst", "_now", "_per_second", "_tokens")

    def __init__(self, *, per_second: float, burst: int, now: float) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._tokens = float(burst)
        self._now = now

    def empty(self, *, now: float) -> bool:
        """Whether ``take`` would fail."""
        refill = (now - self._now) * self._per_second
        self._tokens = min(self._burst, self._tokens + refill)
        self._now = now
        return self._tokens < 1.0

    def take(self, *, now: float) -> bool:
        """Take one token; False if there is none."""
        if self.empty(now=now):
            return False
        self._tokens -= 1.0
        return True
