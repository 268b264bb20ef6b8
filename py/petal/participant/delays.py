"""How long to wait: a steady poll, and growing, capped delays while the coordinator is away."""

from collections.abc import Callable
from dataclasses import dataclass

RandomBytes = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Delays:
    """Seconds. Everything is spread at random so that many participants do not come at once.

    `poll` between two looks at a coordinator that answers; `first`, `factor` and `cap` for the
    n-th failure in a row: `min(cap, first * factor ** (n - 1))`.
    """

    poll: float = 0.5
    first: float = 0.5
    factor: float = 2.0
    cap: float = 30.0

    def __post_init__(self):
        if not (self.poll >= 0 and 0 < self.first <= self.cap and self.factor >= 1):
            raise ValueError("delays: poll >= 0, 0 < first <= cap and factor >= 1 are needed")

    def polling(self, random: RandomBytes) -> float:
        """The next poll's delay, within a quarter around `poll`."""
        return self.poll * (0.75 + 0.5 * fraction(random))

    def failing(self, attempt: int, random: RandomBytes) -> float:
        """The delay after failure number `attempt` (from 1): half of it sure, half by lot."""
        # 64 doublings pass any cap; the bound keeps the power from overflowing after weeks.
        full = min(self.cap, self.first * self.factor ** min(attempt - 1, 64))
        return full * (0.5 + 0.5 * fraction(random))


def fraction(random: RandomBytes) -> float:
    """A number drawn from [0, 1)."""
    return int.from_bytes(random(4), "little") / 2**32
