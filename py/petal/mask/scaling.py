"""floor(w * steps) + top, exactly, for arrays of weights and an exact fraction `steps`.

A float is mantissa * 2^exponent, so this is a product, a division and a shift of integers.
`_narrow` does them in int64 where all fits, `_wide` in 32-bit digits where the result fits two
limbs, `_exact` in Python's integers for the rest: the Bmax floats, and weights so large that
their exponent is positive.
"""

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from petal.mask import digits, group

# Columns of this many weights stay in the second-level cache through all passes over them.
_BLOCK = 1 << 14


@dataclass(frozen=True)
class _Scale:
    """w * steps = mantissa * factor / divisor * 2^(exponent + twos), `divisor` odd."""

    factor: int
    divisor: int
    twos: int

    @classmethod
    def of(cls, steps: Fraction, exponents: np.ndarray) -> "_Scale":
        """Twos move from the factor to the exponents while that keeps them from rising over 0."""
        over, under = steps.numerator, steps.denominator
        room = max(0, -int(exponents.max(initial=-1074)))
        twos = min(_trailing_zeros(over), room)
        down = _trailing_zeros(under)
        return cls(over >> twos, under >> down, twos - down)


def floor_scaled(weights: np.ndarray, steps: Fraction, top: int, limbs: int) -> np.ndarray:
    """uint64[n, limbs] of floor(w * steps) + top, which must be within 0 .. 2 * top."""
    scaled = np.empty((len(weights), limbs), np.uint64)
    for start in range(0, len(weights), _BLOCK):
        block = slice(start, start + _BLOCK)
        scaled[block] = _scale_block(weights[block], steps, top, limbs)
    return scaled


def _scale_block(weights: np.ndarray, steps: Fraction, top: int, limbs: int) -> np.ndarray:
    mantissas, exponents = _mantissas(weights)
    scale = _Scale.of(steps, exponents)
    exponents += scale.twos
    if limbs > 2 or scale.divisor >= 2**32:
        return _exact(weights, steps, top, limbs)
    large = exponents > 0
    if large.any():
        scaled = np.empty((len(weights), limbs), np.uint64)
        scaled[large] = _exact(weights[large], steps, top, limbs)
        scaled[~large] = _scale_block(weights[~large], steps, top, limbs)
        return scaled
    largest = max(int(mantissas.max(initial=0)), -int(mantissas.min(initial=0)), 1)
    if largest * scale.factor < 2**62 and top < 2**62:
        return _narrow(mantissas, exponents, scale, top, limbs)
    return _wide(mantissas, exponents, scale, top, limbs)


def _mantissas(weights: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """int64 mantissas and exponents: w = mantissa * 2^exponent, exactly."""
    if weights.dtype.kind == "i":
        return weights.astype(np.int64), np.zeros(len(weights), np.int64)
    width = np.finfo(weights.dtype).nmant + 1
    fraction, exponents = np.frexp(weights)
    mantissas = np.ldexp(fraction.astype(np.float64), width).astype(np.int64)
    return mantissas, exponents.astype(np.int64) - width


def _narrow(
    mantissas: np.ndarray, exponents: np.ndarray, scale: _Scale, top: int, limbs: int
) -> np.ndarray:
    product = mantissas * scale.factor
    if scale.divisor != 1:
        product //= scale.divisor
    # An arithmetic shift rounds down too, and floors of floors are the floor of the whole.
    product >>= np.minimum(-exponents, 63)
    product += top
    scaled = np.zeros((len(product), limbs), np.uint64)
    scaled[:, 0] = product.astype(np.uint64)
    return scaled


def _wide(
    mantissas: np.ndarray, exponents: np.ndarray, scale: _Scale, top: int, limbs: int
) -> np.ndarray:
    """On magnitudes; what rounding down cuts off a negative number makes it one smaller."""
    negative = mantissas < 0
    magnitudes = np.where(negative, -mantissas, mantissas).astype(np.uint64)
    product = digits.multiply(digits.from_words(magnitudes), scale.factor)
    rest = digits.divide(product, scale.divisor) if scale.divisor != 1 else False
    words, lost = digits.shift_right(product, -exponents, limbs)
    # -(m + 1) is ~m and -m is ~m + 1.
    np.invert(words, out=words, where=negative[:, None])
    whole = (negative & ~(lost | rest)).astype(np.uint64)
    group.add_words(words, group.limbs_of(top, limbs))
    group.add_words(words, [whole, *[np.uint64(0)] * (limbs - 1)])
    return words


def _exact(weights: np.ndarray, steps: Fraction, top: int, limbs: int) -> np.ndarray:
    mantissas, exponents = _mantissas(weights)
    over, under = steps.numerator, steps.denominator
    values = []
    for mantissa, exponent in zip(mantissas.tolist(), exponents.tolist(), strict=True):
        up, down = max(exponent, 0), max(-exponent, 0)
        values.append((mantissa * over << up) // (under << down) + top)
    return group.from_ints(values, limbs)


def _trailing_zeros(number: int) -> int:
    return (number & -number).bit_length() - 1 if number else 0
