"""Mask models, add them, and take the sum of the masks off again."""

import os
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from functools import reduce
from threading import Lock

import numpy as np

from petal.crypto import SEED_SIZE, RandomBytes, sized
from petal.errors import (
    ConfigMismatchError,
    ElementOutOfRangeError,
    LengthMismatchError,
    ScalarSumError,
    TooManyModelsError,
)
from petal.mask import fixed_point, group
from petal.mask.config import MaskConfigPair
from petal.mask.object import Config, MaskObject
from petal.mask.ratios import Ratios
from petal.mask.sampling import Sampler


def derive_mask(seed: bytes, length: int, config: Config) -> MaskObject:
    """The mask of a 32-byte seed for a model of `length` weights."""
    pair = MaskConfigPair.of(config)
    sampler = Sampler(sized("mask seed", seed, SEED_SIZE))
    unit = group.to_ints(sampler.draw(pair.unit.order, 1))[0]
    return MaskObject(pair, sampler.draw(pair.vect.order, length), unit)


def sum_masks(seeds: Iterable[bytes], length: int, config: Config, threads: int = 1) -> MaskObject:
    """The sum of the masks of all seeds: what a sum participant hands in.

    Holds two vectors a thread, however many the seeds are. With more than one thread they share
    the seeds; the key stream and numpy let go of the interpreter lock.
    """
    pair, pending = MaskConfigPair.of(config), _Pending(seeds)
    if threads == 1:
        return _sum_pending(pending, length, pair)
    with ThreadPoolExecutor(threads) as pool:
        futures = [pool.submit(_sum_pending, pending, length, pair) for _ in range(threads)]
        return reduce(MaskObject.plus, (future.result() for future in futures))


class _Pending:
    """Seeds that several threads take turns to draw from."""

    def __init__(self, seeds: Iterable[bytes]):
        self._seeds, self._lock = iter(seeds), Lock()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        with self._lock:
            return next(self._seeds)


def _sum_pending(seeds: Iterable[bytes], length: int, pair: MaskConfigPair) -> MaskObject:
    config, unit = pair.vect, 0
    total = group.Accumulator(length, config.limbs, config.order)
    scratch = np.empty((length, config.limbs), np.uint64)
    for seed in seeds:
        sampler = Sampler(sized("mask seed", seed, SEED_SIZE))
        unit += group.to_ints(sampler.draw(pair.unit.order, 1))[0]
        sampler.draw_into(scratch, config.order)
        total.add(scratch)
    return MaskObject(pair, total.value(), unit % pair.unit.order)


class Masker:
    """Masks models under one configuration.

    With `seed` None each call draws a fresh one: a seed must never mask two models.
    """

    def __init__(
        self, config: Config, seed: bytes | None = None, *, random: RandomBytes = os.urandom
    ):
        self.config = MaskConfigPair.of(config)
        self._seed = None if seed is None else sized("mask seed", seed, SEED_SIZE)
        self._random = random

    def mask(self, weights: np.ndarray, scalar: fixed_point.Scalar = 1) -> tuple[bytes, MaskObject]:
        """The seed and the masked model.

        `weights` is a flat float32, float64, int32 or int64 array; the scalar, its weight in the
        mean, a non-negative int, float or Fraction. Both are cut at the configuration's bounds;
        `clamping()` counts the weights this hits. WeightsError for anything else.
        """
        return self.cover(self.encode(weights, scalar))

    def cover(self, encoded: MaskObject) -> tuple[bytes, MaskObject]:
        """The seed and the model masked that `encode`, or noise after it, made."""
        seed = self._seed or self._random(SEED_SIZE)
        return seed, encoded.plus(derive_mask(seed, len(encoded), self.config))

    def encode(self, weights: np.ndarray, scalar: fixed_point.Scalar = 1) -> MaskObject:
        """The model as group elements, NOT yet masked: never let this leave the machine."""
        exact = fixed_point.exact_scalar(scalar)
        used = min(exact, Fraction(self.config.unit.add_shift))
        vect = fixed_point.encode(fixed_point.checked(weights), used, self.config.vect)
        return MaskObject(self.config, vect, fixed_point.encode_scalar(exact, self.config.unit))

    def clamping(self, weights: np.ndarray, scalar: fixed_point.Scalar = 1) -> fixed_point.Clamping:
        """How many weights `mask` will cut off."""
        used = min(fixed_point.exact_scalar(scalar), Fraction(self.config.unit.add_shift))
        return fixed_point.clamping(fixed_point.checked(weights), used, self.config.vect)


class Aggregation:
    """A running sum of masked models, or of masks, of one configuration and length."""

    def __init__(self, config: Config, length: int):
        self.config = MaskConfigPair.of(config)
        self.nb_models = 0
        vect = self.config.vect
        self._vect = group.Accumulator(length, vect.limbs, vect.order)
        self._unit = 0

    def __len__(self) -> int:
        return len(self._vect)

    def validate(self, other: MaskObject) -> None:
        """Return if `other` can be added, else raise what is wrong with it."""
        self._check_shape(other)
        most = min(self.config.vect.max_models, self.config.unit.max_models)
        if self.nb_models >= most:
            raise TooManyModelsError(f"{self.config} adds {most} models at the most")

    def add(self, other: MaskObject) -> None:
        """Add a validated object; the sum stays as it was if that raises."""
        self.validate(other)
        self._vect.add(other.limbs)
        self._unit = (self._unit + other.unit) % self.config.unit.order
        self.nb_models += 1

    def object(self) -> MaskObject:
        """A copy of the running sum."""
        return MaskObject(self.config, self._vect.value().copy(), self._unit)

    def validate_unmask(self, mask: MaskObject) -> None:
        """Return if `mask` can be the sum of the masks, else raise what is wrong with it."""
        self._check_shape(mask)
        if not self.nb_models:
            raise ScalarSumError("no model was added, so there is no mean")
        if self._scalar_sum(mask) <= 0:
            raise ScalarSumError("the scalars of the added models sum to nothing: no mean")

    def unmask(self, mask: MaskObject) -> np.ndarray:
        """The weighted mean of the models: [length] of the data type's dtype."""
        return self.unmask_ratios(mask).to_array(self.config.vect.data)

    def unmask_exact(self, mask: MaskObject) -> list[Fraction]:
        """The weighted mean as exact fractions."""
        return self.unmask_ratios(mask).fractions()

    def unmask_ratios(self, mask: MaskObject) -> Ratios:
        """The weighted mean before rounding: ((sum - mask) / E - k A) / (sum of scalars)."""
        self.validate_unmask(mask)
        config = self.config.vect
        shift = self.nb_models * config.add_shift * config.exp_shift
        encoded = group.subtract(self._vect.value(), mask.limbs, config.order)
        scale = 1 / (config.exp_shift * self._scalar_sum(mask))
        if scale.numerator == 1 and shift < 2**62 and config.order < 2**63:
            return Ratios(encoded[:, 0].astype(np.int64) - shift, scale.denominator)
        numbers = [(n - shift) * scale.numerator for n in group.to_ints(encoded)]
        return Ratios(numbers, scale.denominator)

    def _scalar_sum(self, mask: MaskObject) -> Fraction:
        config = self.config.unit
        encoded = (self._unit - mask.unit) % config.order
        return Fraction(encoded, config.exp_shift) - self.nb_models * config.add_shift

    def _check_shape(self, other: MaskObject) -> None:
        if other.config != self.config:
            raise ConfigMismatchError(f"masked as {other.config}, but {self.config} is in force")
        if len(other) != len(self):
            raise LengthMismatchError(f"{len(other)} weights, but the model has {len(self)}")
        if not other.in_range():
            raise ElementOutOfRangeError(f"an element is not below the order of {self.config}")
