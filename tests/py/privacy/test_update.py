"""Clipped, laid on the lattice, noised: exact where privacy rests on it, in every configuration."""

import random
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from petal.errors import PrivacyError
from petal.mask import Aggregation, MaskConfig, MaskConfigPair, Masker, derive_mask, group
from petal.privacy import Noise, discrete_gaussian, encode_noised, lattice_for
from petal.privacy.update import update_steps

from ..strategies import configs, weights

F32 = MaskConfig.parse("Prime/F32/B0/M3")
SEED = bytes(range(32))
multipliers = st.floats(0.01, 50)
scalars = st.sampled_from([Fraction(1), Fraction(1, 3), Fraction(9, 10)])
# From what the rounding just carries to noise as large as the bound.
shares = st.floats(0, 1)


def drawn_lattice(data, config):
    """Settings that this configuration can carry: clip, multiplier, scalar and the lattice."""
    scalar, multiplier = data.draw(scalars), data.draw(multipliers)
    least, most = Fraction(2**15, config.exp_shift), Fraction(config.add_shift)
    share = Fraction(data.draw(shares))
    sigma = min(least * (most / least) ** int(share * 2) * (1 + share), most * Fraction(99, 100))
    clip = float(min(max(sigma / scalar / Fraction(multiplier), 10**-30), 10**30))
    return scalar, clip, multiplier, lattice_for(config, scalar, clip, multiplier)


@settings(deadline=None)
@given(st.data(), configs)
def test_no_update_is_longer_than_the_clip_exactly(data, config):
    scalar, clip, multiplier, lattice = drawn_lattice(data, config)
    trained, base = data.draw(weights(config, 6)), data.draw(weights(config, 6))
    steps = update_steps(trained, base, clip, lattice).tolist()
    squares = sum(step * step for step in steps)
    limit = scalar * config.exp_shift * Fraction(clip)
    assert squares * lattice.grain**2 <= limit**2
    assert squares <= lattice.radius**2
    # The noise is at least what was asked for, and at most a little more.
    sigma = lattice.grain << lattice.log2_sigma
    assert limit * Fraction(multiplier) <= sigma <= limit * Fraction(multiplier) * Fraction(65, 64)


@settings(deadline=None)
@given(st.data(), configs)
def test_the_model_is_the_base_and_update_and_noise_cut_off_at_the_bound(data, config):
    scalar, clip, multiplier, lattice = drawn_lattice(data, config)
    trained, base = data.draw(weights(config, 6)), data.draw(weights(config, 6))
    pair = MaskConfigPair.of(config)
    got = encode_noised(trained, scalar, pair, Noise(clip, multiplier, SEED, base))
    steps = update_steps(trained, base, clip, lattice).tolist()
    noise = discrete_gaussian(SEED, lattice.log2_sigma, 6).tolist()
    below = Masker(pair).encode(base, scalar).vect
    top = 2 * config.add_shift * config.exp_shift
    want = [
        min(max(b + lattice.grain * (d + n), 0), top)
        for b, d, n in zip(below, steps, noise, strict=True)
    ]
    assert got.vect == want
    assert got.unit == Masker(pair).encode(base, scalar).unit
    assert not group.at_least(got.limbs, config.order).any()


@settings(deadline=None)
@given(st.integers(1, 30), st.floats(1e-3, 1e3), st.floats(0.05, 0.9))
def test_short_updates_pass_as_they_are_and_long_ones_keep_their_direction(seed, length, clip):
    update = np.random.default_rng(seed).normal(size=50)
    update *= length / np.linalg.norm(update)
    lattice = lattice_for(MaskConfig.parse("Prime/F64/B6/M3"), Fraction(1), clip, 1.0)
    got = update_steps(update, np.zeros(50), clip, lattice) / lattice.scale
    np.testing.assert_allclose(got, update * min(1, clip / length), rtol=2e-6, atol=1e-9)


def test_numbers_that_are_none_and_enormous_ones_do_no_harm():
    lattice = lattice_for(F32, Fraction(1), 0.5, 1.0)
    nothing = np.full(4, np.nan, "f4")
    assert not update_steps(nothing, np.zeros(4, "f4"), 0.5, lattice).any()
    huge = np.array([np.inf, -np.inf, 3e38, 0], "f4")
    assert (np.abs(update_steps(huge, np.zeros(4, "f4"), 0.5, lattice)) <= lattice.radius).all()
    doubles = np.array([1.7e308, -1.7e308])
    assert (update_steps(doubles, -doubles, 0.5, lattice)[:1] > 0).all()


@pytest.mark.parametrize("base", [None, "model"])
def test_the_mean_of_many_is_the_mean_of_their_updates_up_to_noise(base):
    """Through masking and unmasking, as a coordinator does it."""
    model = None if base is None else np.linspace(-0.3, 0.3, 200).astype("f4")
    pair, total, sums = MaskConfigPair.of(F32), Aggregation(F32, 200), Aggregation(F32, 200)
    start = np.zeros(200, "f4") if model is None else model
    update = np.random.default_rng(1).normal(size=200).astype("f4") / 300
    for number in range(100):
        noise = Noise(0.1, 0.5, random.Random(number).randbytes(32), model)
        mask = derive_mask(bytes([number]) * 32, 200, pair)
        total.add(encode_noised(start + update, 1, pair, noise).plus(mask))
        sums.add(mask)
    error = total.unmask(sums.object()) - (start + update)
    assert np.abs(error).max() < 5 * 0.05 / 10
    assert 0.8 < error.std() / (0.05 / 10) < 1.2


def test_a_lattice_that_cannot_be_says_what_to_do():
    with pytest.raises(
        PrivacyError, match=r"noise of 2 a weight.*beyond the bound 1 .*Prime/F32/B0"
    ):
        lattice_for(F32, Fraction(1), 1.0, 2.0)
    with pytest.raises(PrivacyError, match="lost in the rounding"):
        lattice_for(F32, Fraction(1), 1e-9, 2.0)


def test_the_noise_has_no_readable_seed():
    assert "seed" not in repr(Noise(1.0, 1.0, SEED, np.zeros(3)))
