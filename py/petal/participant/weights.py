"""What a local model and its scalar must look like, and what masking will cut off."""

import math
from fractions import Fraction

import numpy as np

from petal.errors import WeightsError
from petal.mask import MaskConfigPair, Masker
from petal.participant.events import Scalar
from petal.participant.notices import WeightsClamped


def check_weights(weights: object, length: int, config: MaskConfigPair) -> np.ndarray:
    """The weights, contiguous and of shape (length,); WeightsError says what is wrong with them."""
    dtype = config.vect.data.dtype
    if not isinstance(weights, np.ndarray):
        raise WeightsError(
            f"training returned a {type(weights).__name__}; a numpy array of "
            f"{length} {dtype.name} weights is needed"
        )
    if weights.size == 0:
        raise WeightsError(f"training returned no weights; the round asks for {length}")
    if weights.shape != (length,):
        raise WeightsError(
            f"training returned weights of shape {weights.shape}; the round asks for ({length},): "
            "flatten the model into one vector"
        )
    if weights.dtype != dtype:
        raise WeightsError(
            f"training returned {weights.dtype.name} weights; the masking configuration "
            f"{config} asks for {dtype.name}: convert with weights.astype('{dtype.name}')"
        )
    return np.ascontiguousarray(weights)


def check_scalar(scalar: object) -> Scalar:
    """The scalar as int, float or Fraction; WeightsError unless finite and not negative."""
    if isinstance(scalar, np.generic):
        scalar = scalar.item()
    if isinstance(scalar, bool) or not isinstance(scalar, int | float | Fraction):
        raise WeightsError(f"the scalar is a {type(scalar).__name__}, not a number")
    if (isinstance(scalar, float) and not math.isfinite(scalar)) or scalar < 0:
        raise WeightsError(f"the scalar is {scalar}; it must be finite and not negative")
    return scalar


def clamped(weights: np.ndarray, scalar: Scalar, config: MaskConfigPair) -> WeightsClamped | None:
    """What masking will change about these weights; None where all of them and the scalar fit."""
    found = Masker(config).clamping(weights, scalar)
    cut_scalar = scalar > config.unit.add_shift
    if not (found.altered or cut_scalar):
        return None
    bound = float(config.vect.add_shift)
    return WeightsClamped(found.clamped, found.not_a_number, found.total, bound, cut_scalar)
