"""Numbers to group elements, exactly.

A weight w becomes floor((v + A) * E) with v = clamp(s * w, -A, A), by rational arithmetic. A * E
is an integer, so that is floor(v * E) + A * E.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from petal.errors import WeightsError
from petal.mask import group
from petal.mask.config import MaskConfig
from petal.mask.scaling import floor_scaled

Scalar = int | float | Fraction
_DTYPES = ("float32", "float64", "int32", "int64")


@dataclass(frozen=True)
class Clamping:
    """How many of a model's weights do not reach the aggregate as they are."""

    total: int
    not_a_number: int
    clamped: int

    @property
    def altered(self) -> int:
        """Weights that became 0 or the bound."""
        return self.not_a_number + self.clamped

    def __str__(self) -> str:
        share = 100 * self.altered / self.total
        return (
            f"{self.altered} of {self.total} weights ({share:.3g} %) were cut off: "
            f"{self.clamped} beyond the bound, {self.not_a_number} not a number"
        )


def checked(weights: np.ndarray) -> np.ndarray:
    """A model as it can be masked: one dimension, not empty, of one of the four dtypes."""
    if not isinstance(weights, np.ndarray) or weights.dtype.name not in _DTYPES:
        got = weights.dtype if isinstance(weights, np.ndarray) else type(weights).__name__
        raise WeightsError(f"weights must be a numpy array of {', '.join(_DTYPES)}, not {got}")
    if weights.ndim != 1 or not len(weights):
        raise WeightsError(f"weights must be one flat, filled array, not of shape {weights.shape}")
    return weights


def exact_scalar(scalar: Scalar) -> Fraction:
    """The scalar as a fraction; WeightsError unless it is finite and not negative."""
    try:
        exact = Fraction(scalar)
    except (TypeError, ValueError, OverflowError):
        raise WeightsError(f"the scalar must be a finite number, not {scalar!r}") from None
    if exact < 0:
        raise WeightsError(f"the scalar must not be negative: {scalar!r}")
    return exact


def encode_scalar(scalar: Fraction, config: MaskConfig) -> int:
    """floor((min(s, A) + A) * E)."""
    shift = config.add_shift
    return int((min(scalar, shift) + shift) * config.exp_shift // 1)


def clamping(weights: np.ndarray, scalar: Fraction, config: MaskConfig) -> Clamping:
    """Which weights `encode` will change: NaN to 0, beyond the bound to the bound."""
    nan = int(np.count_nonzero(weights != weights))
    beyond = _beyond(_finite(weights), scalar, config) | np.isinf(weights)
    return Clamping(len(weights), nan, int(np.count_nonzero(beyond)))


def encode(weights: np.ndarray, scalar: Fraction, config: MaskConfig) -> np.ndarray:
    """floor((clamp(s * w, -A, A) + A) * E) for each weight: uint64[n, limbs], not yet masked."""
    weights = _finite(weights)
    beyond = _beyond(weights, scalar, config)
    inside = np.where(beyond, weights.dtype.type(0), weights) if beyond.any() else weights
    top = config.add_shift * config.exp_shift
    encoded = floor_scaled(inside, scalar * config.exp_shift, top, config.limbs)
    encoded[beyond & (weights > 0)] = group.limbs_of(2 * top, config.limbs)
    encoded[beyond & (weights < 0)] = 0
    return encoded


def _finite(weights: np.ndarray) -> np.ndarray:
    """NaN as 0, infinities as the dtype's extremes."""
    return weights if np.isfinite(weights).all() else np.nan_to_num(weights, nan=0.0)


def _beyond(weights: np.ndarray, scalar: Fraction, config: MaskConfig) -> np.ndarray:
    """bool[n]: |s * w| > A, compared exactly."""
    if not scalar:
        return np.zeros(len(weights), bool)
    least, most = _range(config.add_shift / scalar, weights.dtype)
    return (weights > most) | (weights < least)


def _range(limit: Fraction, dtype: np.dtype) -> tuple[np.generic, np.generic]:
    """The smallest and the largest number of that dtype within +-limit."""
    if dtype.kind == "i":
        whole, info = limit.numerator // limit.denominator, np.iinfo(dtype)
        return dtype.type(max(-whole, info.min)), dtype.type(min(whole, info.max))
    most = _largest_float(limit, dtype)
    return -most, most


def _largest_float(limit: Fraction, dtype: np.dtype) -> np.floating:
    largest = np.finfo(dtype).max
    if limit >= Fraction(float(largest)):
        return largest
    near = dtype.type(float(limit))
    return near if Fraction(float(near)) <= limit else np.nextafter(near, dtype.type(0))
