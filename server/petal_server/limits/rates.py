"""How many requests an address may make: so many a second, and a store of them for bursts."""

from collections import OrderedDict

MOST_ADDRESSES = 65_536
"""Addresses that are remembered; the one not seen for longest is forgotten first."""


class Rates:
    """A token bucket for each address: ``rate`` tokens a second, ``burst`` at the most."""

    def __init__(self, rate: float, burst: float) -> None:
        self._rate, self._burst = rate, burst
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, address: str, now: float) -> float:
        """Take a token; 0, or the seconds until there is one. ``now`` is in seconds."""
        tokens, before = self._buckets.pop(address, (self._burst, now))
        tokens = min(self._burst, tokens + (now - before) * self._rate)
        wait = 0.0 if tokens >= 1 else (1 - tokens) / self._rate
        self._buckets[address] = (tokens if wait else tokens - 1, now)
        if len(self._buckets) > MOST_ADDRESSES:
            self._buckets.popitem(last=False)
        return wait
