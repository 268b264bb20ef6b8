"""Products, quotients and shifts wider than 64 bits, vectorised: schoolbook in 32-bit digits.

A column of numbers is uint64[digits, n], least significant digit first, each digit below 2^32, so
that a product of two digits and a carry fit one uint64.
"""

import numpy as np

_BASE = 32
_LOW = np.uint64((1 << _BASE) - 1)
_HALF = np.uint64(_BASE)


def from_words(words: np.ndarray) -> np.ndarray:
    """uint64[2, n] of uint64[n]."""
    return np.stack((words & _LOW, words >> _HALF))


def multiply(digits: np.ndarray, factor: int) -> np.ndarray:
    """digits * factor, for a non-negative factor of any size."""
    pieces = [(factor >> i) & int(_LOW) for i in range(0, factor.bit_length(), _BASE)]
    product = np.zeros((len(digits) + len(pieces), digits.shape[1]), np.uint64)
    for place, piece in enumerate(pieces):
        carry = np.zeros(digits.shape[1], np.uint64)
        for i, digit in enumerate(digits):
            carry += digit * np.uint64(piece) + product[place + i]
            product[place + i] = carry & _LOW
            carry >>= _HALF
        product[place + len(digits)] = carry
    return product


def divide(digits: np.ndarray, divisor: int) -> np.ndarray:
    """digits //= divisor (below 2^32), in place; which divisions left a remainder, bool[n]."""
    rest = np.zeros(digits.shape[1], np.uint64)
    for digit in digits[::-1]:
        current = (rest << _HALF) | digit
        np.floor_divide(current, np.uint64(divisor), out=digit)
        rest = current - digit * np.uint64(divisor)
    return rest != 0


def shift_right(digits: np.ndarray, shifts: np.ndarray, limbs: int) -> tuple[np.ndarray, ...]:
    """The low words of digits >> shifts, uint64[n, limbs], and which lost a set bit, bool[n]."""
    count, columns = len(digits), np.arange(digits.shape[1])
    whole = np.minimum(shifts >> 5, count)
    bits = np.where(whole < count, shifts & 31, 0).astype(np.uint64)
    padded = np.concatenate((digits, np.zeros((2 * limbs + 1, digits.shape[1]), np.uint64)))
    lost = np.logical_or.accumulate(digits != 0, axis=0)
    inexact = (whole > 0) & lost[np.maximum(whole - 1, 0), columns]
    low = padded[whole, columns]
    inexact |= (low & ((np.uint64(1) << bits) - np.uint64(1))) != 0
    words = np.empty((digits.shape[1], limbs), np.uint64)
    for limb in range(limbs):
        middle = padded[whole + (2 * limb + 1), columns]
        high = padded[np.minimum(whole + (2 * limb + 2), len(padded) - 1), columns]
        first = ((low >> bits) | (middle << (_HALF - bits))) & _LOW
        second = ((middle >> bits) | (high << (_HALF - bits))) & _LOW
        words[:, limb] = first | (second << _HALF)
        low = high
    return words, inexact
