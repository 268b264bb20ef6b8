"""Masked models, masks and payloads that do not fit, and a round that goes on unharmed."""

import random
from collections import Counter

import numpy as np
import pytest

from petal.mask import MaskConfig, MaskConfigPair, Masker
from petal.wire import Tag
from petal_server.outcome import Reason
from petal_server.phases import PhaseName

from .harness import ACCEPTED, running
from .members import updaters

pytestmark = pytest.mark.anyio


async def test_a_mask_object_of_no_known_configuration():
    async with running() as coordinator:
        await coordinator.to_update()
        member = updaters(coordinator.params, 1)[0]
        payload = bytearray(member.update_payload(coordinator.sums).to_bytes())
        payload[128] = 9
        body = member.sealed(member.signed(Tag.UPDATE, bytes(payload)))
        await coordinator.rejects(body, Reason.PAYLOAD)


def other_config(params):
    config = MaskConfig.parse("Prime/F32/B2/M3")
    return Masker(MaskConfigPair(config, config)).mask(np.zeros(3, np.float32))[1]


def other_length(params):
    return Masker(params.mask_config).mask(np.zeros(4, np.float32))[1]


WRONG_OBJECTS = [
    pytest.param(other_config, Reason.MASK_CONFIG, id="config"),
    pytest.param(other_length, Reason.MODEL_LENGTH, id="length"),
]


@pytest.mark.parametrize(("wrong", "reason"), WRONG_OBJECTS)
async def test_a_masked_model_of_another_kind(wrong, reason):
    async with running() as coordinator:
        sums = await coordinator.to_update()
        updates = updaters(coordinator.params, 3)
        body = updates[0].update(coordinator.sums, masked_model=wrong(coordinator.params))
        await coordinator.rejects(body, reason)
        for member in updates:
            assert await coordinator.post(member.update(coordinator.sums)) == ACCEPTED
        await coordinator.reaches(PhaseName.SUM2, after=10)
        await coordinator.finish(sums)


@pytest.mark.parametrize(("wrong", "reason"), WRONG_OBJECTS)
async def test_a_mask_of_another_kind(wrong, reason):
    async with running() as coordinator:
        sums = await coordinator.to_sum2()
        body = sums[0].sum2({}, mask=wrong(coordinator.params))
        await coordinator.rejects(body, reason)
        await coordinator.finish(sums)


def with_element(payload, offset, config, value):
    size = config.bytes_per_number
    return payload[:offset] + value.to_bytes(size, "little") + payload[offset + size :]


@pytest.mark.parametrize("element", ["first weight", "last weight", "scalar"])
async def test_an_element_at_the_order(element):
    async with running() as coordinator:
        sums = await coordinator.to_update()
        config, updates = coordinator.params.mask_config.vect, updaters(coordinator.params, 3)
        payload = updates[0].update_payload(coordinator.sums).to_bytes()
        first = 128 + 4 + 4
        offset = {
            "first weight": first,
            "last weight": first + 2 * config.bytes_per_number,
            "scalar": first + 3 * config.bytes_per_number + 4,
        }[element]
        wrong = with_element(payload, offset, config, config.order)
        body = updates[0].sealed(updates[0].signed(Tag.UPDATE, wrong))
        await coordinator.rejects(body, Reason.ELEMENT_OUT_OF_RANGE)
        for member in updates:
            assert await coordinator.post(member.update(coordinator.sums)) == ACCEPTED
        await coordinator.reaches(PhaseName.SUM2, after=10)
        await coordinator.finish(sums)


async def test_one_model_more_than_the_configuration_holds(monkeypatch):
    async with running() as coordinator:
        sums = await coordinator.to_update()
        bodies = [m.update(coordinator.sums) for m in updaters(coordinator.params, 4)]
        # A thousand real updates would take minutes; three stand for them.
        monkeypatch.setattr(MaskConfig, "max_models", 3)
        for body in bodies[:3]:
            assert await coordinator.post(body) == ACCEPTED
        await coordinator.rejects(bodies[3], Reason.TOO_MANY_MODELS)
        await coordinator.reaches(PhaseName.SUM2, after=10)
        assert len(coordinator.seeds_of(sums[0].pk)) == 3
        await coordinator.finish(sums)


async def test_no_mutation_of_a_payload_stops_the_round():
    """Signed and sealed as it should be, with random bytes in it: the worst a participant sends."""
    draw = random.Random(20)
    async with running() as coordinator:
        sums = await coordinator.to_update()
        hostile, *honest = updaters(coordinator.params, 4)
        payload = hostile.update_payload(coordinator.sums).to_bytes()
        outcomes = Counter()
        for _ in range(400):
            changed = bytearray(payload)
            # The signatures are left alone: behind them is where parsing and the phase begin.
            start = draw.randrange(128, len(changed))
            changed[start : start + draw.randrange(1, 9)] = draw.randbytes(draw.randrange(9))
            body = hostile.sealed(hostile.signed(Tag.UPDATE, bytes(changed)))
            receipt = await coordinator.post(body)
            outcomes[receipt.reason] += 1
        # One passes: nobody but the sum participants can see that its sealed seed is broken.
        seen = {Reason.PAYLOAD, Reason.ELEMENT_OUT_OF_RANGE, Reason.REPLAYED, None}
        assert outcomes.keys() == seen
        assert outcomes[None] == 1
        for member in honest:
            assert await coordinator.post(member.update(coordinator.sums)) == ACCEPTED
        await coordinator.reaches(PhaseName.SUM2, after=10)
        assert len(coordinator.seeds_of(sums[0].pk)) == 4
