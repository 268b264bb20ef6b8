"""Timings taken side by side: every candidate once, then every candidate again.

Whatever else the machine does meanwhile hits all of them alike, so that ratios can be trusted
where the seconds cannot.
"""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

Candidate = Callable[[], float]
"""Does its work once and returns the seconds it took."""


@dataclass(frozen=True)
class Target:
    """What a number should be: exactly one of the two is set."""

    at_least: float | None = None
    at_most: float | None = None

    def met(self, value: float) -> bool:
        return value >= self.at_least if self.at_most is None else value <= self.at_most


@dataclass(frozen=True)
class Reading:
    """Samples of one quantity, and the number that stands for them.

    `unit` is "s", "B" or "/s"; `statistic` "best", "median", "max" or "p99.9" (of many samples, of
    which only that number is kept).
    """

    name: str
    samples: tuple[float, ...]
    unit: str = "s"
    statistic: str = "best"

    @property
    def value(self) -> float:
        if self.statistic == "median":
            return statistics.median(self.samples)
        smallest = self.statistic == "best" and self.unit != "/s"
        return min(self.samples) if smallest else max(self.samples)


@dataclass(frozen=True)
class Beside:
    """A reading of the same run to hold ours against.

    For a `rival` the ratio says how many times faster ours is, for a limit how many times as long
    ours takes as it would at the limit.
    """

    reading: Reading
    ratio: float
    rival: bool
    target: Target | None = None


@dataclass(frozen=True)
class Line:
    """One line of the table: ours, what it should be, and what stands beside it."""

    row: str
    ours: Reading
    beside: tuple[Beside, ...] = ()
    target: Target | None = None


def timed(work: Callable[[], object]) -> Candidate:
    """A candidate that takes the time of all of `work()`."""

    def run() -> float:
        begun = time.perf_counter()
        work()
        return time.perf_counter() - begun

    return run


def side_by_side(
    repeats: int,
    tell: Callable[[str], None],
    candidates: dict[str, Candidate],
    slow: tuple[str, ...] = (),
) -> dict[str, Reading]:
    """`repeats` samples of each candidate, taken in turns, after one of each for warming up.

    Those named in `slow` take so long that warming them up changes nothing, so they are not.
    """
    samples: dict[str, list[float]] = {name: [] for name in candidates}
    for turn in range(repeats + 1):
        for name, run in candidates.items():
            if name in slow and not turn:
                continue
            tell(f"{name}, {f'{turn} of {repeats}' if turn else 'warming up'}")
            seconds = run()
            if turn:
                samples[name].append(seconds)
    return {name: Reading(name, tuple(taken)) for name, taken in samples.items()}


def rival(ours: Reading, other: Reading, at_least: float | None = None) -> Beside:
    """`other` does the same work; seconds both."""
    return Beside(other, other.value / ours.value, True, at_least and Target(at_least=at_least))


def limit(ours: Reading, other: Reading, at_most: float | None = None) -> Beside:
    """`other` is what no program for this work could go below; seconds both, or rates both."""
    ratio = ours.value / other.value if ours.unit == "s" else other.value / ours.value
    return Beside(other, ratio, False, at_most and Target(at_most=at_most))
