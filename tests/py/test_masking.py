"""Masks hide and come off again; what does not belong raises its own error."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from petal import errors, mask

from .strategies import configs, weights

M3 = mask.MaskConfig.parse("Prime/F32/B0/M3")
ones = np.ones(3, np.float32)


def aggregate(config, models, scalars):
    total, seeds = mask.Aggregation(config, len(models[0])), []
    for model, scalar in zip(models, scalars, strict=True):
        seed, masked = mask.Masker(config).mask(model, scalar)
        total.add(masked)
        seeds.append(seed)
    return total, mask.sum_masks(seeds, len(total), config)


@given(st.data(), configs)
def test_the_unmasked_sum_is_the_weighted_mean(data, config):
    count = data.draw(st.integers(1, 4))
    models = [data.draw(weights(config, 3)) for _ in range(count)]
    scalars = data.draw(
        st.lists(st.fractions("1/100", 1, max_denominator=100), min_size=count, max_size=count)
    )
    total, masks = aggregate(config, models, scalars)
    step, bound = Fraction(1, config.exp_shift), config.add_shift
    for i, got in enumerate(total.unmask_exact(masks)):
        cut = [
            min(max(s * _exact(m[i]), -bound), bound) for s, m in zip(scalars, models, strict=True)
        ]
        mean = sum(cut) / sum(scalars)
        # Each model, and each scalar, was rounded down by less than one step.
        slack = count * step * (1 + abs(mean) + 1) / (sum(scalars) - count * step)
        assert abs(got - mean) <= slack


def _exact(weight):
    number = weight.item()
    if number != number:
        return Fraction(0)
    if number in (float("inf"), float("-inf")):
        return Fraction(float(np.finfo(weight.dtype).max)) * (1 if number > 0 else -1)
    return Fraction(number)


def test_2100_participants_of_a_twentieth_average_to_a_twentieth():
    config = mask.MaskConfig.parse("Prime/F32/B0/M6")
    model = np.full(4, 0.05, np.float32)
    total, masks = aggregate(config, [model] * 2100, [1] * 2100)
    assert total.unmask(masks) == pytest.approx(model, abs=1e-9)


def test_the_1001st_model_of_an_m3_round_is_refused():
    total = mask.Aggregation(M3, 3)
    _, masked = mask.Masker(M3).mask(ones)
    for _ in range(1000):
        total.add(masked)
    before = total.object()
    with pytest.raises(errors.TooManyModelsError, match="1000 models at the most"):
        total.add(masked)
    assert (total.object(), total.nb_models) == (before, 1000)


@pytest.mark.parametrize("name", ["Prime/F32/B0/M3", "Integer/F64/B2/M12", "Prime/F64/Bmax/M3"])
def test_an_element_at_the_order_is_refused(name):
    config = mask.MaskConfig.parse(name)
    _, masked = mask.Masker(config).mask(np.ones(3, config.data.dtype))
    masked.limbs[1] = mask.group.limbs_of(config.order, config.limbs)
    for check in (mask.Aggregation(config, 3).add, mask.Aggregation(config, 3).validate_unmask):
        with pytest.raises(errors.ElementOutOfRangeError):
            check(masked)


def test_a_unit_at_the_order_is_refused():
    _, masked = mask.Masker(M3).mask(ones)
    masked.unit = M3.order
    with pytest.raises(errors.ElementOutOfRangeError):
        mask.Aggregation(M3, 3).validate(masked)


def test_another_configuration_is_refused():
    other = mask.MaskConfig.parse("Integer/F32/B0/M3")
    total, masks = aggregate(M3, [ones], [1])
    with pytest.raises(errors.ConfigMismatchError, match="Integer/F32/B0/M3"):
        total.add(mask.Masker(other).mask(ones)[1])
    with pytest.raises(errors.ConfigMismatchError):
        total.unmask(mask.derive_mask(bytes(32), 3, mask.MaskConfigPair(M3, other)))
    assert total.unmask(masks) == pytest.approx(ones)


def test_another_length_is_refused():
    total, _ = aggregate(M3, [ones], [1])
    with pytest.raises(errors.LengthMismatchError, match="2 weights, but the model has 3"):
        total.validate(mask.derive_mask(bytes(32), 2, M3))
    with pytest.raises(errors.LengthMismatchError):
        total.validate_unmask(mask.derive_mask(bytes(32), 4, M3))


def test_scalars_that_sum_to_nothing_have_no_mean():
    total, masks = aggregate(M3, [ones, ones], [0, 0])
    with pytest.raises(errors.ScalarSumError):
        total.unmask(masks)
    with pytest.raises(errors.ScalarSumError, match="no model"):
        mask.Aggregation(M3, 3).unmask(masks)


def test_pairs_may_differ():
    pair = mask.MaskConfigPair(M3, mask.MaskConfig.parse("Integer/F64/B2/M6"))
    total, masks = aggregate(pair, [ones, -ones], [3, 1])
    assert total.unmask(masks) == pytest.approx(np.zeros(3), abs=0.5)
    assert mask.MaskObject.from_bytes(masks.to_bytes()) == masks


@given(st.data(), configs)
def test_a_mask_does_not_depend_on_how_many_draws_are_made_at_once(data, config):
    seed, length = data.draw(st.binary(min_size=32, max_size=32)), data.draw(st.integers(1, 40))
    whole = mask.derive_mask(seed, length + 3, config)
    assert mask.derive_mask(seed, length, config).vect == whole.vect[:length]


def test_no_seed_masks_two_models():
    masker = mask.Masker(M3)
    assert masker.mask(ones)[0] != masker.mask(ones)[0]


@pytest.mark.parametrize("bad", [b"", bytes(31), bytes(33)])
def test_a_seed_has_32_bytes(bad):
    with pytest.raises(ValueError, match="32 bytes"):
        mask.derive_mask(bad, 1, M3)


def test_240_configurations_parse_and_print():
    kinds = (mask.GroupType, mask.DataType, mask.BoundType, mask.ModelType)
    names = [
        "/".join((g.name, d.name, b.name, m.name))
        for g in kinds[0]
        for d in kinds[1]
        for b in kinds[2]
        for m in kinds[3]
    ]
    assert len(names) == 240
    for name in names:
        config = mask.MaskConfig.parse(name)
        assert str(config) == name
        assert mask.MaskConfig.from_bytes(config.to_bytes()) == config
        assert config.order <= 256**config.bytes_per_number


@pytest.mark.parametrize("bad", ["", "Prime/F32/B0", "prime/F32/B0/M3", "Prime/F32/B1/M3", None])
def test_no_such_configuration(bad):
    with pytest.raises(errors.ConfigError, match="want Integer"):
        mask.MaskConfig.parse(bad)


@pytest.mark.parametrize("bad", [b"", bytes(3), bytes([1, 0, 1, 3]), bytes([3, 0, 0, 3])])
def test_no_such_configuration_on_the_wire(bad):
    with pytest.raises(errors.DecodeError):
        mask.MaskConfig.from_bytes(bad)


@given(st.data(), configs)
def test_threads_sum_to_the_same_mask(data, config):
    seeds = data.draw(st.lists(st.binary(min_size=32, max_size=32), max_size=7))
    total = mask.Aggregation(config, 5)
    for seed in seeds:
        total.add(mask.derive_mask(seed, 5, config))
    assert mask.sum_masks(seeds, 5, config) == total.object()
    assert mask.sum_masks(seeds, 5, config, threads=2) == total.object()


def test_a_running_sum_is_reduced_before_it_overflows():
    order = 2**62 - 57
    total = mask.group.Accumulator(1, 1, order)
    for _ in range(20):
        total.add(np.array([[order - 1]], np.uint64))
    assert mask.group.to_ints(total.value()) == [20 * (order - 1) % order]
