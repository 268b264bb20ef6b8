"""The protocol's arithmetic once more, in Python's integers and fractions, to check petal by.

Written from docs and vectors, apart from petal.mask: only the draws of a mask come from there.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from petal.mask import MaskConfigPair, derive_mask


@dataclass(frozen=True)
class Elements:
    """A vector of group elements and one for the scalar, as Python integers."""

    vect: tuple[int, ...]
    unit: int

    @classmethod
    def of(cls, found) -> "Elements":
        """From a petal MaskObject."""
        return cls(tuple(found.vect), found.unit)

    def plus(self, other: "Elements", config: MaskConfigPair, sign: int = 1) -> "Elements":
        order = config.vect.order
        pairs = zip(self.vect, other.vect, strict=True)
        unit = (self.unit + sign * other.unit) % config.unit.order
        return Elements(tuple((a + sign * b) % order for a, b in pairs), unit)


def total(parts, length: int, config: MaskConfigPair) -> Elements:
    """The sum of all parts in the group."""
    found = Elements((0,) * length, 0)
    for part in parts:
        found = found.plus(part, config)
    return found


def mask_of(seed: bytes, length: int, config: MaskConfigPair) -> Elements:
    return Elements.of(derive_mask(seed, length, config))


def encode(weights: np.ndarray, scalar, config: MaskConfigPair) -> tuple[Elements, bool]:
    """The model before masking, and whether rounding down lost nothing of it."""
    vect, unit = config.vect, config.unit
    scalar = min(Fraction(scalar), unit.add_shift)
    coded = [_encode(weight, scalar, vect) for weight in finite(weights)]
    coded_unit, rest = divmod(
        (scalar + unit.add_shift).numerator * unit.exp_shift, scalar.denominator
    )
    exact = not rest and not any(lost for _, lost in coded)
    return Elements(tuple(whole for whole, _ in coded), coded_unit), exact


def _encode(weight: tuple[int, int], scalar: Fraction, vect) -> tuple[int, int]:
    over, under = weight[0] * scalar.numerator, weight[1] * scalar.denominator
    if abs(over) > vect.add_shift * under:
        over, under = vect.add_shift if over > 0 else -vect.add_shift, 1
    whole, lost = divmod(over * vect.exp_shift, under)
    return whole + vect.add_shift * vect.exp_shift, lost


def finite(weights: np.ndarray) -> list[tuple[int, int]]:
    """Each weight as a ratio; NaN as 0, infinities as the dtype's extremes."""
    if weights.dtype.kind == "i":
        return [(number, 1) for number in weights.tolist()]
    most = float(np.finfo(weights.dtype).max)
    kept = (0.0 if math.isnan(w) else min(max(w, -most), most) for w in weights.tolist())
    return [weight.as_integer_ratio() for weight in kept]


def scalar_sum(coded: Elements, models: int, config: MaskConfigPair) -> Fraction:
    return Fraction(coded.unit, config.unit.exp_shift) - models * config.unit.add_shift


def mean(coded: Elements, models: int, config: MaskConfigPair) -> list[Fraction]:
    """The weighted mean that a sum of encoded models stands for."""
    vect, scalars = config.vect, scalar_sum(coded, models, config)
    shift = models * vect.add_shift * vect.exp_shift
    under = vect.exp_shift * scalars.numerator
    return [Fraction((whole - shift) * scalars.denominator, under) for whole in coded.vect]


def as_array(weights: list[Fraction], dtype: np.dtype) -> np.ndarray:
    """The mean in the data type: the nearest double for floats, cut toward zero for integers."""
    if dtype.kind == "i":
        limits = np.iinfo(dtype)
        return np.array([min(max(int(w), limits.min), limits.max) for w in weights], dtype)
    most = Fraction(float(np.finfo(dtype).max))
    return np.array([float(min(max(weight, -most), most)) for weight in weights], dtype)
