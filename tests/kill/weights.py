"""What each participant trains: a function of its number and the round, so that anybody can check.

Multiples of 1/1024 survive the fixed point exactly, and so does their mean as a fraction.
"""

import random
from fractions import Fraction

import numpy as np

LENGTH = 1500
"""Weights: 9 kB masked, three parts for whoever sends as little at a time as Xaynet's client."""

_ONE = 1024


def _numerators(number: int, seed: bytes) -> list[int]:
    rng = random.Random(f"{number}/{seed.hex()}")
    return [rng.randint(-_ONE, _ONE) for _ in range(LENGTH)]


def trained(number: int, seed: bytes) -> np.ndarray:
    """float32[LENGTH]: the update of the participant with this number in the round of this seed."""
    return (np.array(_numerators(number, seed)) / _ONE).astype(np.float32)


def mean(numbers: list[int], seed: bytes) -> list[Fraction]:
    """The global model that exactly these participants make."""
    columns = zip(*(_numerators(number, seed) for number in numbers), strict=True)
    return [Fraction(sum(column), _ONE * len(numbers)) for column in columns]
