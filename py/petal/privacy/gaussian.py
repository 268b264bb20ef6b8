"""The discrete Gaussian, exactly, a million at a time.

N_Z(0, s^2) gives the integer n the probability exp(-n^2 / (2 s^2)) / sum: the distribution of
Canonne, Kamath and Steinke (2020). Floating-point Gaussians betray through their rounding what
they were added to (Mironov 2012); here each comparison that floats cannot decide for sure is
decided by integers of 128 bits. What remains is below 2^-110 in total variation for each draw.

s is a power of two, 256 k. As in Ducas and others, "Lattice Signatures and Bimodal Gaussians"
(2013): x >= 0 is drawn from the half of N_Z(0, 256^2) by a table, y below k uniformly; k x + y is
kept with the probability exp(-y (y + 2 k x) / (2 s^2)), and gets a sign, zero half as often.
"""

import hashlib
from bisect import bisect_right
from functools import cache
from itertools import accumulate

import numpy as np

from petal.crypto import key_stream

LOG2_LEAST = 8
LOG2_MOST = 48
WIDEST = 15  # no draw is beyond so many s
_SIGMA = 1 << LOG2_LEAST
_TAIL = 14 * _SIGMA  # what lies beyond weighs 2^-141
_BITS = 128
_GUARD = 192
_DRAWS = 1 << 14
# exp in doubles errs by less than 2^-50; below this distance the integers decide.
_UNSURE = 2.0**-47


def discrete_gaussian(seed: bytes, log2_sigma: int, count: int) -> np.ndarray:
    """int64[count] of N_Z(0, 4^log2_sigma), a function of the 32-byte seed in either runtime.

    `log2_sigma` is from 8 to 48. Takes time that depends on the draws.
    """
    if not LOG2_LEAST <= log2_sigma <= LOG2_MOST:
        raise ValueError(f"log2 of sigma is {log2_sigma}, not {LOG2_LEAST} to {LOG2_MOST}")
    stream, words = key_stream(seed), np.empty((3, _DRAWS), "<u8")
    drawn, filled = np.empty(count, np.int64), 0
    while filled < count:
        stream.fill(words.reshape(-1).view(np.uint8))
        kept = _Draws(seed, words, log2_sigma - LOG2_LEAST).kept()[: count - filled]
        drawn[filled : filled + len(kept)] = kept
        filled += len(kept)
    return drawn


class _Draws:
    """One block of draws. Of three words each, the first gives x, the second y and the sign, and
    the third whether they are kept."""

    def __init__(self, seed: bytes, words: np.ndarray, log2_k: int):
        self._seed, self._words, self._log2_k = seed, words, log2_k

    def kept(self) -> np.ndarray:
        """int64: the draws that are kept, in order."""
        x, (_, second, third) = self._x(), self._words
        y = ((second >> np.uint64(1)) >> np.uint64(63 - self._log2_k)).astype(np.int64)
        kept = self._accepted(third, x, y)
        drawn, negative = (x << self._log2_k) + y, (second & np.uint64(1)) == 1
        kept &= ~(negative & (drawn == 0))
        return np.where(negative, -drawn, drawn)[kept]

    def _x(self) -> np.ndarray:
        heads, table = _heads(), _table()
        x = np.searchsorted(heads, self._words[0], side="right").astype(np.int64)
        for i in np.flatnonzero((x > 0) & (heads[x - 1] == self._words[0])):
            x[i] = bisect_right(table, self._exact(0, i))
        return x

    def _accepted(self, third: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        part = y * 2.0**-self._log2_k
        chance = np.exp(part * (part + 2 * x) * (-0.5 / _SIGMA**2))
        margin = chance - third * 2.0**-64
        accepted = margin > 0
        for i in np.flatnonzero(np.abs(margin) < _UNSURE):
            accepted[i] = self._exact(2, i) < _chance(int(x[i]), int(y[i]), self._log2_k)
        return accepted

    def _exact(self, row: int, i: int) -> int:
        """The word with 64 more bits; a hash gives them, so that the stream goes on as if not."""
        draw = self._words[:, i].tobytes()
        more = hashlib.blake2b(draw, key=self._seed, person=bytes([row]), digest_size=8).digest()
        return int(self._words[row, i]) << 64 | int.from_bytes(more, "little")


def _chance(x: int, y: int, log2_k: int) -> int:
    """2^128 exp(-y (y + 2 k x) / (2 s^2))."""
    k = 1 << log2_k
    return _exp(y * (y + 2 * k * x), 2 * (k * _SIGMA) ** 2) >> (_GUARD - _BITS)


def _exp(over: int, under: int) -> int:
    """2^192 exp(-over / under), to a few units, for exponents below 1: Taylor's series."""
    total = term = 1 << _GUARD
    n = 0
    while term:
        n += 1
        term = -(term * over // (under * n))
        total += term
    return total


@cache
def _table() -> list[int]:
    """2^128 P(X <= x) for x = 0, 1, ... of the half Gaussian, without the last, which is 2^128."""
    ratio = _exp(1, 2 * _SIGMA**2)
    square = ratio * ratio >> _GUARD
    weights = [1 << _GUARD]
    for _ in range(_TAIL):
        weights.append(weights[-1] * ratio >> _GUARD)
        ratio = ratio * square >> _GUARD
    sums = list(accumulate(weights))
    return [(each << _BITS) // sums[-1] for each in sums[:-1]]


@cache
def _heads() -> np.ndarray:
    """The upper 64 bits of the table, uint64."""
    return np.array([min(each >> 64, 2**64 - 1) for each in _table()], np.uint64)
