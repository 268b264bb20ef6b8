"""Whole rounds in process: messages in, the weighted mean out, same bytes from the same seed."""

from fractions import Fraction
from io import BytesIO

import numpy as np
import pytest

from petal.wire import decode_model
from petal_server.phases import PhaseName

from .harness import ACCEPTED, running, small_settings
from .members import summers, updaters

pytestmark = pytest.mark.anyio

WEIGHTS = np.array([[0.25, -0.5, 0.125], [0.75, 0.5, -0.25], [-1.0, 0.25, 0.5]], np.float32)
SCALARS = (1, Fraction(1, 2), Fraction(1, 4))


async def play(coordinator):
    """One round; every byte that the coordinator published, in order."""
    sums = await coordinator.to_update(2)
    published = [coordinator.ctx.board.params.body, coordinator.ctx.board.sums.body]
    members = updaters(coordinator.params, 3)
    for member, weights, scalar in zip(members, WEIGHTS, SCALARS, strict=True):
        body = member.update(coordinator.sums, weights, scalar)
        assert await coordinator.post(body) == ACCEPTED
    await coordinator.reaches(PhaseName.SUM2, after=10)
    published += [coordinator.ctx.board.seeds.of(member.pk).body for member in sums]
    await coordinator.finish(sums)
    board = coordinator.ctx.board
    return [*published, board.model_bincode.body, board.model_npy.body, board.model_id.encode()]


def weighted_mean():
    exact = [[Fraction(float(w)) for w in row] for row in WEIGHTS]
    columns = zip(*exact, strict=True)
    return [sum(s * w for s, w in zip(SCALARS, c, strict=True)) / sum(SCALARS) for c in columns]


async def test_the_global_model_is_the_weighted_mean():
    async with running() as coordinator:
        *_, bincode, npy, model_id = await play(coordinator)
    # Each of three updates is rounded down to a multiple of 10^-10, then divided by 1.75.
    for got, wanted in zip(decode_model(bincode), weighted_mean(), strict=True):
        assert 0 <= wanted - got < Fraction(3, 10**10)
    array = np.load(BytesIO(npy))
    assert array.dtype == np.float32
    assert array.tolist() == [np.float32(float(w)) for w in decode_model(bincode)]
    assert model_id.startswith(b"1_")


async def test_the_same_seed_gives_the_same_bytes():
    runs = []
    for _ in range(2):
        async with running(seed=7) as coordinator:
            runs.append(await play(coordinator) + await play(coordinator))
    assert runs[0] == runs[1]


async def test_another_seed_gives_another_round():
    async with running(seed=7) as one, running(seed=8) as other:
        assert one.params.seed != other.params.seed
        assert one.params.coordinator_pk != other.params.coordinator_pk


async def test_each_round_has_new_keys_and_keeps_the_last_model():
    async with running() as coordinator:
        first = coordinator.params
        *_, bincode, _, model_id = await play(coordinator)
        assert coordinator.params.coordinator_pk != first.coordinator_pk
        assert coordinator.params.seed != first.seed
        assert coordinator.ctx.board.sums is None
        assert coordinator.ctx.board.seeds is None
        assert coordinator.ctx.board.model_bincode.body == bincode
        stored = await coordinator.ctx.store.latest_global_model()
        assert (stored.id.encode(), stored.bincode) == (model_id, bincode)


@pytest.mark.parametrize(
    ("mask", "dtype"),
    [
        (("Integer", "F32", "B2", "M6"), np.float32),
        (("Power2", "F64", "B4", "M3"), np.float64),
        (("Prime", "I32", "B2", "M3"), np.int32),
        (("Prime", "I64", "B6", "M9"), np.int64),
        (("Integer", "F64", "Bmax", "M3"), np.float64),
    ],
)
async def test_rounds_in_other_configurations(mask, dtype):
    names = ("group_type", "data_type", "bound_type", "model_type")
    settings = small_settings(mask=dict(zip(names, mask, strict=True)))
    async with running(settings) as coordinator:
        sums = await coordinator.to_update()
        for member in updaters(coordinator.params, 3):
            weights = np.array([3, -6, 0], dtype)
            assert await coordinator.post(member.update(coordinator.sums, weights)) == ACCEPTED
        await coordinator.reaches(PhaseName.SUM2, after=10)
        await coordinator.finish(sums)
        array = np.load(BytesIO(coordinator.ctx.board.model_npy.body))
    assert array.dtype == dtype
    assert array.tolist() == [3, -6, 0]


async def test_a_participant_of_the_last_round_is_turned_away():
    async with running() as coordinator:
        late = summers(coordinator.params, 1, first=100)[0].sum()
        await play(coordinator)
        receipt = await coordinator.post(late)
        assert receipt.reason == "sealed_box"
        assert coordinator.counts(PhaseName.SUM) == (0, 1, 0)
