"""The weighted mean that a coordinator must come to, by rational arithmetic from the protocol."""

from fractions import Fraction

import numpy as np

from petal.mask import MaskConfig

from .official_participants import scalar_of, weights_of


def global_model(numbers, length, value, masking):
    """What unmasking gives for these update participants, in the data type's dtype."""
    config = MaskConfig.parse(masking)
    exact = [
        _mean([(scalar_of(n), weights_of(n, length, value)[i]) for n in numbers], config)
        for i in range(length)
    ]
    convert = float if config.data.is_float else int
    return np.array([convert(weight) for weight in exact], config.data.dtype)


def _mean(pairs, config):
    shift, scale = config.add_shift, config.exp_shift

    def unmasked(numbers):
        steps = sum(int((number + shift) * scale // 1) for number in numbers)
        return Fraction(steps, scale) - len(pairs) * shift

    products = [Fraction(scalar) * Fraction(weight) for scalar, weight in pairs]
    clamped = [min(max(product, -shift), shift) for product in products]
    return unmasked(clamped) / unmasked([Fraction(scalar) for scalar, _ in pairs])
