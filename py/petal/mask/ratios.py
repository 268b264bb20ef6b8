"""The unmasked global model before it is rounded to any type."""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from petal.mask.config import DataType

_EXACT_IN_DOUBLE = 2**53


@dataclass(frozen=True, eq=False)
class Ratios:
    """Weights as exact ratios over one denominator.

    `numerators` is int64[n] where all fit, else a list of Python integers; `denominator` is a
    positive integer.
    """

    numerators: np.ndarray | list[int]
    denominator: int

    def __len__(self) -> int:
        return len(self.numerators)

    def fractions(self) -> list[Fraction]:
        """The weights as reduced fractions."""
        return [Fraction(number, self.denominator) for number in self.integers()]

    def integers(self) -> list[int]:
        """The numerators as Python integers."""
        whole = self.numerators
        return whole.tolist() if isinstance(whole, np.ndarray) else whole

    def to_array(self, data: DataType) -> np.ndarray:
        """The weights in the data type's dtype: floats the nearest double, integers truncated.

        A float32 is the double rounded once more; what lies beyond the type becomes its extreme.
        """
        if not data.is_float:
            limits = np.iinfo(data.dtype)
            return np.clip(self._truncated(), limits.min, limits.max).astype(data.dtype)
        limits = np.finfo(data.dtype)
        return np.clip(self._doubles(), limits.min, limits.max).astype(data.dtype)

    def _truncated(self) -> np.ndarray:
        if isinstance(self.numerators, np.ndarray) and self.denominator < 2**63:
            whole = np.abs(self.numerators) // self.denominator
            return np.where(self.numerators < 0, -whole, whole)
        cut = [abs(n) // self.denominator * (1 if n >= 0 else -1) for n in self.numerators]
        return np.array([min(max(n, -(2**63)), 2**63 - 1) for n in cut], np.int64)

    def _doubles(self) -> np.ndarray:
        numerators, denominator = self.numerators, self.denominator
        small = isinstance(numerators, np.ndarray) and denominator <= _EXACT_IN_DOUBLE
        if small and np.abs(numerators).max(initial=0) <= _EXACT_IN_DOUBLE:
            # Both sides are exact doubles, so the quotient is rounded once: correctly.
            return numerators / float(denominator)
        return np.array([_nearest(number, denominator) for number in self.integers()])


def _nearest(numerator: int, denominator: int) -> float:
    try:
        return numerator / denominator
    except OverflowError:
        return float("inf") if numerator > 0 else float("-inf")
