"""What Hypothesis draws from: configurations, models, mask objects, messages."""

import numpy as np
from hypothesis import strategies as st

from petal import mask, wire
from petal.mask import group
from petal.round import RoundParameters

configs = st.builds(
    mask.MaskConfig,
    *(st.sampled_from(kind) for kind in (mask.GroupType, mask.DataType)),
    *(st.sampled_from(kind) for kind in (mask.BoundType, mask.ModelType)),
)
pairs = st.builds(mask.MaskConfigPair, configs, configs)
keys = st.binary(min_size=32, max_size=32)
signatures = st.binary(min_size=64, max_size=64)
sealed_seeds = st.binary(min_size=wire.SEALED_SEED_SIZE, max_size=wire.SEALED_SEED_SIZE)


@st.composite
def mask_objects(draw):
    pair = draw(pairs)
    elements = draw(st.lists(st.integers(0, pair.vect.order - 1), max_size=5))
    unit = draw(st.integers(0, pair.unit.order - 1))
    return mask.MaskObject(pair, group.from_ints(elements, pair.vect.limbs), unit)


def weights(config: mask.MaskConfig, size: int):
    """Arrays of the data type: extremes, subnormals, infinities and NaN included."""
    if config.data.is_float:
        number = st.floats(width=8 * config.data.dtype.itemsize)
    else:
        limits = np.iinfo(config.data.dtype)
        number = st.integers(int(limits.min), int(limits.max))
    return st.lists(number, min_size=size, max_size=size).map(
        lambda numbers: np.array(numbers, config.data.dtype)
    )


params = st.builds(
    RoundParameters,
    keys,
    st.floats(0, 1),
    st.floats(0, 1),
    keys,
    pairs,
    st.integers(1, 2**32 - 1),
)
payloads = st.one_of(
    st.builds(wire.SumPayload, signatures, keys),
    st.builds(
        wire.UpdatePayload,
        signatures,
        signatures,
        mask_objects(),
        st.dictionaries(keys, sealed_seeds, max_size=3),
    ),
    st.builds(wire.Sum2Payload, signatures, mask_objects()),
)
