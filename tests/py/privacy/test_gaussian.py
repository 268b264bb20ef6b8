"""The sampler: against exact probabilities, against OpenDP's, and where floats cannot decide."""

import math
from bisect import bisect_right

import mpmath
import numpy as np
import opendp.prelude as opendp
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from petal.privacy import LocalPrivacy, discrete_gaussian, gaussian

SEED = bytes(range(32))
SIGMA = 256
mpmath.mp.prec = 400


def draws(log2_sigma, count, number=0):
    return discrete_gaussian(bytes([number]) + bytes(31), log2_sigma, count)


def probabilities():
    """Those of N_Z(0, 256^2), for -14 sigma to 14 sigma."""
    integers = np.arange(-14 * SIGMA, 14 * SIGMA + 1)
    weights = [math.exp(-(n * n) / (2 * SIGMA**2)) for n in integers.tolist()]
    return integers, np.array(weights) / math.fsum(weights)


def bins(values, edges):
    return np.bincount(np.searchsorted(edges, values), minlength=len(edges) + 1)


def test_draws_have_the_exact_probabilities():
    """Chi-squared over single integers around zero and bins further out; zero counts too."""
    integers, chances = probabilities()
    edges = np.concatenate((np.arange(-1000, -40, 20), np.arange(-40, 40), np.arange(40, 1000, 20)))
    expected = np.bincount(np.searchsorted(edges, integers), chances, len(edges) + 1)
    got = bins(draws(8, 2_000_000), edges)
    assert stats.chisquare(got, expected * got.sum()).pvalue > 1e-4


@pytest.mark.parametrize("log2_sigma", [9, 13, 26, 48])
def test_wide_draws_are_gaussian_down_to_their_last_bits(log2_sigma):
    values = draws(log2_sigma, 400_000, log2_sigma)
    edges = np.linspace(-3.5, 3.5, 141)
    # The integer n stands for the interval around it.
    scaled = (values + 0.5) / 2.0**log2_sigma
    expected = np.diff(stats.norm.cdf(np.concatenate(([-np.inf], edges, [np.inf]))))
    if log2_sigma > 9:
        assert stats.chisquare(bins(scaled, edges), expected * len(values)).pvalue > 1e-4
    last = np.bincount(values & 15, minlength=16)
    assert stats.chisquare(last).pvalue > 1e-4


def test_opendp_draws_from_the_same_distribution():
    """Two samples in one table. OpenDP takes no seed, hence the very small error of the test."""
    opendp.enable_features("contrib")
    theirs = opendp.m.make_gaussian(
        opendp.vector_domain(opendp.atom_domain(T=opendp.i64)),
        opendp.l2_distance(T=opendp.f64),
        scale=float(SIGMA),
    )
    edges = np.linspace(-2.5 * SIGMA, 2.5 * SIGMA, 41)
    table = [bins(np.array(theirs([0] * 30_000)), edges), bins(draws(8, 300_000), edges)]
    assert stats.chi2_contingency(table).pvalue > 1e-9


def test_opendp_counts_the_same_cost():
    theirs = opendp.m.make_gaussian(
        opendp.vector_domain(opendp.atom_domain(T=opendp.i64)),
        opendp.l2_distance(T=opendp.f64),
        scale=float(SIGMA),
    )
    asked = LocalPrivacy(clip=SIGMA, noise_multiplier=1, epsilon=1000)
    assert theirs.map(2.0 * SIGMA) == pytest.approx(asked.rho, rel=1e-12)


def test_neighbouring_draws_have_nothing_in_common():
    values = draws(8, 500_000) / SIGMA
    for lag in (1, 2, 3, 1 << 14):
        assert abs(np.mean(values[lag:] * values[:-lag])) < 5 / math.sqrt(len(values))


def test_a_draw_is_a_function_of_the_seed_alone():
    assert (draws(20, 50_000)[:1000] == draws(20, 1000)).all()
    assert (draws(20, 1000) != draws(20, 1000, 1)).mean() > 0.99
    with pytest.raises(ValueError, match="log2 of sigma is 49, not 8 to 48"):
        draws(49, 1)


def test_the_table_is_exact_to_120_bits():
    weights = [mpmath.exp(-mpmath.mpf(x * x) / (2 * SIGMA**2)) for x in range(20 * SIGMA)]
    total, sums = mpmath.fsum(weights), mpmath.mpf(0)
    for each, weight in zip(gaussian._table(), weights, strict=False):
        sums += weight
        assert abs(each - sums / total * 2**128) < 2**8


@settings(deadline=None)
@given(st.integers(0, 3584), st.integers(0, 40), st.data())
def test_the_chance_to_be_kept_is_exact_to_120_bits_and_floats_err_less_than_is_feared(
    x, log2_k, data
):
    y = data.draw(st.integers(0, (1 << log2_k) - 1))
    true = mpmath.exp(-mpmath.mpf(y * (y + (2 * x << log2_k))) / (2 * (SIGMA << log2_k) ** 2))
    assert abs(gaussian._chance(x, y, log2_k) - true * 2**128) < 2**8
    part = np.array([y]) * 2.0**-log2_k
    floats = np.exp(part * (part + 2 * np.array([x])) * (-0.5 / SIGMA**2))[0]
    assert abs(mpmath.mpf(float(floats)) - true) < gaussian._UNSURE / 4


def block(log2_k=0, first=0, second=0, third=0):
    words = np.array([[first], [second], [third]], "<u8")
    return gaussian._Draws(SEED, words, log2_k)


@pytest.mark.parametrize("place", [0, 1, 255, 1000, 2000])
def test_where_64_bits_of_x_cannot_decide_128_do(place):
    head = int(gaussian._heads()[place])
    drawn = block(first=head)
    exact = drawn._exact(0, 0)
    assert exact >> 64 == head
    assert drawn._x()[0] == bisect_right(gaussian._table(), exact)
    assert block(first=head - 1)._x()[0] == bisect_right(gaussian._table(), (head - 1) << 64)
    # The other 64 bits fall on either side as the hash has it, not always on the same.
    seeds = (bytes([i]) * 32 for i in range(64))
    found = {int(gaussian._Draws(seed, drawn._words, 0)._x()[0]) for seed in seeds}
    assert found == {place, place + 1}


def test_in_the_tail_64_bits_tell_only_that_it_is_the_tail():
    drawn = block(first=2**64 - 1)
    assert (gaussian._heads()[-100:] == 2**64 - 1).all()
    assert drawn._x()[0] == bisect_right(gaussian._table(), drawn._exact(0, 0))


@pytest.mark.parametrize("distance", [-3, -1, 0, 1, 3])
def test_where_floats_cannot_decide_integers_do(distance):
    x, y, log2_k = 300, 5, 4
    chance = gaussian._chance(x, y, log2_k)
    drawn = block(log2_k, third=(chance >> 64) + distance)
    accepted = drawn._accepted(drawn._words[2], np.array([x]), np.array([y]))[0]
    assert accepted == (drawn._exact(2, 0) < chance)
    if distance:
        assert accepted == (distance < 0)


def test_what_is_not_kept_leaves_no_trace_and_zero_has_one_sign():
    # y = 0 is kept for sure; x = 0 with the sign bit set is not.
    assert block(first=0, second=0).kept().tolist() == [0]
    assert block(first=0, second=1).kept().tolist() == []
    one = int(gaussian._heads()[0]) + 1
    assert block(first=one, second=1).kept().tolist() == [-1]
    # The largest third word is kept by a chance of 1 alone.
    most = 2**64 - 1
    assert block(4, one, (5 << 60) | 1, most).kept().tolist() == []
    assert block(4, one, (5 << 60) | 1, 0).kept().tolist() == [-(16 + 5)]
