"""Reduced fractions by the thousand: the fast way gives what Python's own integers give."""

import math

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st

from petal.mask import Ratios
from petal.wire import encode_model
from petal.wire.reduction import Divisor

PRIMES = [2, 3, 5, 7, 65521, 65537, 4294967291, 4294967311]
# With factors in common far more often than chance has it.
DIVISORS = st.lists(st.sampled_from(PRIMES), min_size=1, max_size=12).map(math.prod) | st.integers(
    1, 2**63 - 1
)


@given(DIVISORS.filter(lambda n: n < 2**63), st.lists(st.integers(0, 2**62), min_size=1), st.data())
def test_common_divisors_are_the_greatest(number, numbers, data):
    multiples = data.draw(st.lists(st.sampled_from([0, 1, *PRIMES]), max_size=5))
    numbers += [number * each for each in multiples if number * each < 2**63]
    numbers += [math.prod(PRIMES[:4]), number // PRIMES[0]]
    common = Divisor.of(number).common(np.array(numbers, np.uint64))
    assert common.tolist() == [math.gcd(each, number) for each in numbers]


@given(
    st.lists(st.integers(-(2**62), 2**62), min_size=1),
    DIVISORS.filter(lambda n: n < 2**63),
)
@example([0, 1, -1, 2**32 - 1, 2**32, -(2**32)], 1)
@example([0, 5, -(10**10), 2**32 * 10], 10**11)
def test_a_model_of_ratios_is_encoded_like_its_fractions(numerators, denominator):
    ratios = Ratios(np.array(numerators, np.int64), denominator)
    assert encode_model(ratios) == encode_model(ratios.fractions())


def test_blocks_of_a_long_model_follow_one_another():
    numerators = np.arange(-40_000, 40_000, dtype=np.int64) * 10**7
    ratios = Ratios(numerators, 3 * 10**10)
    assert encode_model(ratios) == encode_model(ratios.fractions())
