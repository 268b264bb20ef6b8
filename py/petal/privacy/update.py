"""One update: clipped, rounded to a lattice, noised there, and laid on the global model.

The coordinator and a sum participant who collude see the group elements of this participant's
model. These are G (D + N) steps of the masking grid on top of the global model, which they know:
D is the update as integers of L2 norm at most R, N the discrete Gaussian. So D's norm is all that
privacy rests on, and the integers are exact; how D was computed does not matter. Rounding to the
lattice is towards zero, which makes no norm longer. Cutting off what is beyond the masking
bound comes after the noise and gives nothing away.
"""

import math
from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from petal.errors import PrivacyError
from petal.mask import MaskConfig, MaskConfigPair, MaskObject, digits, fixed_point, group
from petal.privacy.gaussian import LOG2_LEAST, LOG2_MOST, WIDEST, discrete_gaussian

# The bits of G: enough that rounding it up adds at most 1.6 % of noise.
_GRAIN_BITS = 6
# Doubles sum the squares of 2^28 weights with a relative error below 2^-25.
_SAFE = 1 - 2.0**-20


@dataclass(frozen=True, slots=True)
class Noise:
    """How one round's update is to be noised.

    `seed` (32) belongs to this update alone; `base` is the round's global model, None while there
    is none: then the weights themselves are clipped.
    """

    clip: float
    multiplier: float
    seed: bytes = field(repr=False, compare=False)
    base: np.ndarray | None = field(repr=False, compare=False)


@dataclass(frozen=True, slots=True)
class Lattice:
    """Where updates are noised: multiples of `grain` steps of the masking grid.

    The noise's standard deviation is 2^log2_sigma of those, `radius` the largest norm; `scale` is
    how many make up a weight of 1.
    """

    grain: int
    log2_sigma: int
    radius: int
    scale: float


def lattice_for(config: MaskConfig, scalar: Fraction, clip: float, multiplier: float) -> Lattice:
    """The lattice for updates that count `scalar`-fold; PrivacyError where the grid has none."""
    steps = scalar * config.exp_shift
    sigma = steps * Fraction(clip) * Fraction(multiplier)
    if sigma > config.add_shift * config.exp_shift:
        raise PrivacyError(
            f"noise of {clip * multiplier:g} a weight, times the scalar, is beyond the bound "
            f"{float(config.add_shift):g} of the masking configuration {config}: take a smaller "
            "clip or scalar, or a coordinator with a higher bound"
        )
    log2_sigma = min(math.floor(sigma).bit_length() - 1 - _GRAIN_BITS, LOG2_MOST)
    if log2_sigma < LOG2_LEAST:
        raise PrivacyError(
            f"noise of {clip * multiplier:g} a weight, times the scalar, is lost in the "
            "rounding of the masking configuration: take a larger clip or scalar"
        )
    grain = math.ceil(sigma / 2**log2_sigma)
    radius = math.ceil(2**log2_sigma / Fraction(multiplier))
    return Lattice(grain, log2_sigma, radius, float(steps / grain))


def encode_noised(
    weights: np.ndarray, scalar: fixed_point.Scalar, config: MaskConfigPair, noise: Noise
) -> MaskObject:
    """The noised model as group elements, not yet masked; shapes and dtypes as for `Masker`."""
    exact = fixed_point.exact_scalar(scalar)
    used = min(exact, Fraction(config.unit.add_shift))
    lattice = lattice_for(config.vect, used, noise.clip, noise.multiplier)
    base = np.zeros_like(weights) if noise.base is None else noise.base
    steps = update_steps(fixed_point.checked(weights), base, noise.clip, lattice)
    steps += discrete_gaussian(noise.seed, lattice.log2_sigma, len(weights))
    encoded = fixed_point.encode(base, used, config.vect)
    _add(encoded, steps, lattice, 2 * config.vect.add_shift * config.vect.exp_shift)
    return MaskObject(config, encoded, fixed_point.encode_scalar(exact, config.unit))


def update_steps(
    weights: np.ndarray, base: np.ndarray, clip: float, lattice: Lattice
) -> np.ndarray:
    """int64[n]: weights - base, of norm at most `clip`, on the lattice: D above."""
    direction, norm = _direction(weights, base)
    direction *= min(norm, clip * _SAFE) * lattice.scale
    return np.trunc(direction).astype(np.int64)


def update_norm(weights: np.ndarray, base: np.ndarray | None) -> float:
    """The L2 norm of weights - base, before any clipping."""
    return _direction(weights, np.zeros_like(weights) if base is None else base)[1]


def _direction(weights: np.ndarray, base: np.ndarray) -> tuple[np.ndarray, float]:
    """float64[n] of norm 1 (or 0), and the update's norm."""
    update = _doubles(weights) - _doubles(base)
    peak = float(np.abs(update).max())
    if not peak:
        return update, 0.0
    update /= peak
    length = math.sqrt(update @ update)
    update /= length
    return update, peak * length


def _doubles(weights: np.ndarray) -> np.ndarray:
    """float64, NaN as 0, and small enough that differences and norms are finite."""
    return np.nan_to_num(weights.astype(np.float64), nan=0.0).clip(-1e300, 1e300)


def _add(encoded: np.ndarray, steps: np.ndarray, lattice: Lattice, top: int) -> None:
    """encoded + grain * steps, in place, cut off at 0 and `top`.

    Neither side can overflow: an order has room for a thousand models, and steps stay within 115
    times the bound.
    """
    if encoded.shape[1] == 1:
        moved = encoded[:, 0].astype(np.int64) + steps * lattice.grain
        encoded[:, 0] = moved.clip(0, top).astype(np.uint64)
        return
    lift = lattice.radius + (WIDEST << lattice.log2_sigma)
    product = digits.multiply(digits.from_words((steps + lift).astype(np.uint64)), lattice.grain)
    limbs, none = encoded.shape[1], np.zeros(len(steps), np.int64)
    words = digits.shift_right(product, none, limbs)[0]
    group.add_words(encoded, list(words.T))
    floor = lift * lattice.grain
    above = group.at_least(encoded, floor + top)
    below = ~group.at_least(encoded, floor)
    group.add_words(encoded, group.limbs_of(-floor, limbs))
    encoded[above], encoded[below] = group.limbs_of(top, limbs), 0
