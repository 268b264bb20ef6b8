"""Greatest common divisors of many integers with one, for reducing fractions to lowest terms."""

from dataclasses import dataclass

import numpy as np

# Trial division up to here takes milliseconds; what is left below its square is a prime.
_TRIED = 1 << 16


@dataclass(frozen=True)
class Divisor:
    """A positive integer below 2^63 as powers of primes, and `rest`, in which nothing is known.

    Euclid's algorithm takes dozens of divisions a number. With the primes known it takes about
    one a prime, since few numbers are divisible twice; only `rest`, mostly 1, is left to it.
    """

    powers: tuple[tuple[int, int], ...]
    rest: int

    @classmethod
    def of(cls, number: int) -> "Divisor":
        powers, prime = [], 2
        while prime < _TRIED and prime * prime <= number:
            power = 0
            while number % prime == 0:
                number, power = number // prime, power + 1
            powers.append((prime, power))
            prime += 1 if prime == 2 else 2
        if 1 < number < _TRIED**2:
            powers.append((number, 1))
            number = 1
        return cls(tuple(each for each in powers if each[1]), number)

    def common(self, numbers: np.ndarray) -> np.ndarray:
        """uint64[n] of gcd(number, divisor), for uint64[n]; gcd(0, divisor) is the divisor."""
        found = np.gcd(numbers, np.uint64(self.rest)) if self.rest > 1 else np.ones_like(numbers)
        for prime, power in self.powers:
            _multiply_by_common_power(found, numbers, np.uint64(prime), power)
        return found


def _multiply_by_common_power(
    found: np.ndarray, numbers: np.ndarray, prime: np.uint64, power: int
) -> None:
    rows, left = slice(None), numbers
    for _ in range(power):
        quotients = left // prime
        divisible = (quotients * prime == left).nonzero()[0]
        if not len(divisible):
            return
        rows = divisible if isinstance(rows, slice) else rows[divisible]
        found[rows] *= prime
        left = quotients[divisible]
