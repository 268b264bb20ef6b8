"""Weights to group elements against the protocol's own formula in exact fractions."""

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petal import mask
from petal.errors import WeightsError
from petal.mask import group

from .strategies import configs, weights

scalars = st.one_of(
    st.fractions(0, 10**7, max_denominator=10**6),
    st.floats(0, 10**7, allow_subnormal=True),
    st.integers(0, 10**7),
)


def by_the_paper(weight, scalar: Fraction, config: mask.MaskConfig) -> int:
    """floor((clamp(s * w, -A, A) + A) * E), as PROTOCOL.md writes it."""
    shift = config.add_shift
    if isinstance(weight, float) and not math.isfinite(weight):
        largest = Fraction(float(np.finfo(config.data.dtype).max))
        exact = Fraction(0) if math.isnan(weight) else (largest if weight > 0 else -largest)
    else:
        exact = Fraction(weight)
    return math.floor((min(max(scalar * exact, -shift), shift) + shift) * config.exp_shift)


@given(st.data(), configs, scalars)
def test_encoding_is_exact_rational_arithmetic(data, config, scalar):
    model = data.draw(weights(config, 8))
    encoded = mask.Masker(config).encode(model, scalar)
    used = min(Fraction(scalar), Fraction(config.add_shift))
    assert encoded.vect == [by_the_paper(w, used, config) for w in model.tolist()]
    assert encoded.unit == math.floor((used + config.add_shift) * config.exp_shift)


def test_the_smallest_integer_has_no_positive_twin():
    config, scalar = mask.MaskConfig.parse("Prime/I64/B6/M3"), Fraction(3, 10**13)
    model = np.array([-(2**63), 5], np.int64)
    encoded = mask.Masker(config).encode(model, scalar)
    assert encoded.vect == [by_the_paper(w, scalar, config) for w in model.tolist()]


@given(st.data(), configs)
def test_clamping_counts_the_weights_that_change(data, config):
    model = data.draw(weights(config, 8))
    report = mask.Masker(config).clamping(model)
    shift = config.add_shift
    assert report.not_a_number == sum(w != w for w in model.tolist())
    assert report.clamped == sum(w < -shift or w > shift for w in model.tolist())


def test_clamping_reads_as_a_warning():
    model = np.array([0.5, 3.0, np.nan, -2.0], np.float32)
    report = mask.Masker(mask.MaskConfig.parse("Prime/F32/B0/M3")).clamping(model)
    assert str(report) == ("3 of 4 weights (75 %) were cut off: 2 beyond the bound, 1 not a number")


@pytest.mark.parametrize(
    "bad",
    [
        [0.5],
        np.zeros(0, np.float32),
        np.zeros((2, 2), np.float32),
        np.zeros(2, np.float16),
        np.zeros(2, np.complex64),
        np.array(["a"]),
    ],
    ids=["list", "empty", "2-d", "float16", "complex", "text"],
)
def test_what_is_no_model_is_refused(bad):
    with pytest.raises(WeightsError, match="weights must be"):
        mask.Masker(mask.MaskConfig.parse("Prime/F32/B0/M3")).mask(bad)


@pytest.mark.parametrize("bad", [-1, -0.5, float("nan"), float("inf"), "much", None])
def test_what_is_no_scalar_is_refused(bad):
    with pytest.raises(WeightsError, match="scalar must"):
        mask.Masker(mask.MaskConfig.parse("Prime/F32/B0/M3")).mask(np.ones(1, np.float32), bad)


@given(st.data(), configs)
def test_group_arithmetic_agrees_with_pythons_integers(data, config):
    order, limbs = config.order, config.limbs
    elements = st.lists(st.integers(0, order - 1), min_size=4, max_size=4)
    left, right = data.draw(elements), data.draw(elements)
    total, other = group.from_ints(left, limbs), group.from_ints(right, limbs)
    difference = group.subtract(total, other, order)
    group.add_into(total, other, order)
    assert group.to_ints(total) == [(a + b) % order for a, b in zip(left, right, strict=True)]
    assert group.to_ints(difference) == [(a - b) % order for a, b in zip(left, right, strict=True)]


@given(st.data(), configs)
def test_at_least_finds_what_is_out_of_the_group(data, config):
    order, limbs = config.order, config.limbs
    near = st.integers(max(order - 2, 0), order + 2)
    anything = st.integers(0, 256**config.bytes_per_number - 1)
    values = data.draw(st.lists(near | anything, min_size=1))
    values = [min(value, 256 ** (8 * limbs) - 1) for value in values]
    got = group.at_least(group.from_ints(values, limbs), order)
    assert got.tolist() == [value >= order for value in values]
