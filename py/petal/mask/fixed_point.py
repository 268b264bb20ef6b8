"""Numbers to group elements and back, exactly.

A weight w becomes floor((v + A) * E) with v = clamp(s * w, -A, A), by rational arithmetic. Since
A * E is an integer that is floor(v * E) + A * E, and a float is mantissa * 2^exponent, so v * E is
mantissa * numerator / denominator * 2^exponent: a product, a division and a shift of integers.
`_fast` does them in int64 where all fits; `_exact` in Python's integers where it does not.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from petal.errors import WeightsError
from petal.mask import group
from petal.mask.config import MaskConfig

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
    steps = scalar * config.exp_shift
    small = _fast(inside, steps, top) if 2 * top < 2**62 else None
    if small is None:
        encoded = _exact(inside, steps, top, config.limbs)
    else:
        encoded = np.zeros((len(weights), config.limbs), np.uint64)
        encoded[:, 0] = small
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


def _mantissas(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int64 mantissa and exponent: w = mantissa * 2^exponent, exactly."""
    if weights.dtype.kind == "i":
        return weights.astype(np.int64), np.zeros(len(weights), np.int64)
    digits = np.finfo(weights.dtype).nmant + 1
    fraction, exponent = np.frexp(weights)
    mantissa = np.ldexp(fraction.astype(np.float64), digits).astype(np.int64)
    return mantissa, exponent.astype(np.int64) - digits


def _fast(weights: np.ndarray, steps: Fraction, top: int) -> np.ndarray | None:
    """In int64 throughout, or None where an intermediate might not fit."""
    mantissa, exponent = _mantissas(weights)
    odd, twos = steps.numerator, 0
    while odd and odd % 2 == 0:
        odd, twos = odd // 2, twos + 1
    exponent += twos
    largest = int(np.abs(mantissa).max(initial=0)) * odd
    rises = exponent.max(initial=0) > 0
    if (
        max(largest, odd) >= 2**62
        or steps.denominator >= 2**62
        or (rises and steps.denominator != 1)
    ):
        return None
    product = mantissa * odd
    if steps.denominator != 1:
        product //= steps.denominator
    # A left shift cannot overflow: the result is at most A * E. A right shift rounds down.
    product <<= np.maximum(exponent, 0)
    product >>= np.minimum(-np.minimum(exponent, 0), 63)
    product += top
    return product.astype(np.uint64)


def _exact(weights: np.ndarray, steps: Fraction, top: int, limbs: int) -> np.ndarray:
    """Python's integers, one weight at a time."""
    mantissas, exponents = _mantissas(weights)
    over, under = steps.numerator, steps.denominator
    values = []
    for mantissa, exponent in zip(mantissas.tolist(), exponents.tolist(), strict=True):
        scaled = mantissa * over
        if exponent >= 0:
            values.append((scaled << exponent) // under + top)
        else:
            values.append(scaled // (under << -exponent) + top)
    return group.from_ints(values, limbs)
