"""How large the rows' work is, and how often it is done."""

from collections.abc import Callable
from dataclasses import dataclass

from petal.mask import MaskConfig, MaskConfigPair

CONFIG = MaskConfigPair.of(MaskConfig.parse("Prime/F32/B0/M3"))
"""Xaynet's default."""

CORES = 2
"""What the targets are for."""


@dataclass(frozen=True)
class Scale:
    """Sizes in weights; `repeats` is how many samples are taken of what is quick."""

    name: str
    masks: tuple[int, ...]
    weights: int
    seeds: int
    updates: int
    round_weights: int
    repeats: int
    tab_repeats: int
    idlers: int

    def target(self, value: float) -> float | None:
        """`value`, where the sizes are those that the targets are for."""
        return value if self.name == "full" else None


FULL = Scale("full", (10_000, 100_000, 1_000_000), 1_000_000, 20, 40, 100_000, 7, 5, 10_000)
QUICK = Scale("quick", (10_000, 100_000), 200_000, 8, 16, 20_000, 3, 1, 2000)
TINY = Scale("tiny", (1000,), 2000, 3, 4, 500, 1, 1, 40)
"""For tests: everything runs, and the numbers mean nothing."""


@dataclass(frozen=True)
class Run:
    """What a row is given: how much to do, and where to say how far it is."""

    scale: Scale
    tell: Callable[[str], None]
