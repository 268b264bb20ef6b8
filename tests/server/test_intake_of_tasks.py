"""Who may sum, update and vote, and how often; others are turned away by name."""

import numpy as np
import pytest

from petal.crypto import EncryptionKeyPair
from petal.mask import derive_mask
from petal.round import Role
from petal_server.outcome import Reason
from petal_server.phases import PhaseName

from .harness import ACCEPTED, running, small_settings
from .members import members, summers, updaters

pytestmark = pytest.mark.anyio


async def test_a_sum_signature_of_another_participant_or_round():
    async with running() as coordinator:
        member, other = summers(coordinator.params, 2)
        body = member.sum(sum_signature=other.tasks.sum_signature)
        await coordinator.rejects(body, Reason.SUM_SIGNATURE)
        stale = member.keys.sign(bytes(32) + b"sum")
        await coordinator.rejects(member.sum(sum_signature=stale), Reason.SUM_SIGNATURE)


async def test_only_those_drawn_may_sum():
    async with running() as coordinator:
        body = updaters(coordinator.params, 1)[0].sum()
        await coordinator.rejects(body, Reason.NOT_A_SUM_PARTICIPANT)


async def test_a_sum_participant_may_not_update():
    async with running() as coordinator:
        sums = await coordinator.to_update()
        body = sums[0].update(coordinator.sums)
        await coordinator.rejects(body, Reason.IS_A_SUM_PARTICIPANT)


async def test_an_update_signature_of_another_participant():
    async with running() as coordinator:
        await coordinator.to_update()
        member, other = updaters(coordinator.params, 2)
        body = member.update(coordinator.sums, update_signature=other.tasks.update_signature)
        await coordinator.rejects(body, Reason.UPDATE_SIGNATURE)


async def test_only_those_drawn_may_update():
    pet = small_settings().pet.model_dump()
    pet["update"]["prob"] = 0.5
    async with running(small_settings(pet=pet)) as coordinator:
        await coordinator.to_update()
        body = members(coordinator.params, Role.NONE, 1)[0].update(coordinator.sums)
        await coordinator.rejects(body, Reason.NOT_AN_UPDATE_PARTICIPANT)


async def test_a_sum_participant_registers_once():
    async with running() as coordinator:
        member = summers(coordinator.params, 1)[0]
        first = member.sum()
        assert await coordinator.post(first) == ACCEPTED
        await coordinator.rejects(first, Reason.REPLAYED)
        await coordinator.rejects(
            member.sum(ephemeral_pk=EncryptionKeyPair.generate().public),
            Reason.REPLAYED,
        )
        await coordinator.reaches(PhaseName.UPDATE, after=10)
        assert coordinator.sums == {member.pk: member.ephemeral.public}


async def test_an_update_participant_is_added_once():
    async with running() as coordinator:
        sums = await coordinator.to_update()
        updates = updaters(coordinator.params, 3)
        first = updates[0].update(coordinator.sums)
        assert await coordinator.post(first) == ACCEPTED
        await coordinator.rejects(first, Reason.REPLAYED)
        again = updates[0].update(coordinator.sums, np.ones(3, np.float32))
        await coordinator.rejects(again, Reason.REPLAYED)
        for member in updates[1:]:
            assert await coordinator.post(member.update(coordinator.sums)) == ACCEPTED
        await coordinator.reaches(PhaseName.SUM2, after=10)
        await coordinator.finish(sums)
        model = await coordinator.ctx.store.latest_global_model()
        assert np.frombuffer(model.npy[-12:], np.float32).tolist() == [0.5] * 3


async def test_a_sum_participant_votes_once():
    async with running() as coordinator:
        first, second = await coordinator.to_sum2(2)
        vote = first.sum2(coordinator.seeds_of(first.pk))
        assert await coordinator.post(vote) == ACCEPTED
        await coordinator.rejects(vote, Reason.REPLAYED)
        other = derive_mask(bytes(32), 3, coordinator.params.mask_config)
        await coordinator.rejects(first.sum2({}, mask=other), Reason.REPLAYED)
        await coordinator.finish([second])


async def test_only_registered_sum_participants_vote():
    async with running() as coordinator:
        sums = await coordinator.to_sum2()
        stranger = summers(coordinator.params, 2)[1]
        mask = sums[0].mask(coordinator.seeds_of(sums[0].pk))
        await coordinator.rejects(stranger.sum2({}, mask=mask), Reason.UNKNOWN_SUM_PARTICIPANT)
        await coordinator.finish(sums)


@pytest.mark.parametrize("keys", ["none", "one too few", "one too many", "another"])
async def test_seeds_must_be_for_exactly_the_sum_participants(keys):
    async with running() as coordinator:
        sums = await coordinator.to_update(2)
        right = list(coordinator.sums.items())
        stranger = (bytes(32), right[0][1])
        wrong = {
            "none": [],
            "one too few": right[:1],
            "one too many": [*right, stranger],
            "another": [right[0], stranger],
        }[keys]
        updates = updaters(coordinator.params, 4)
        await coordinator.rejects(updates[0].update(dict(wrong)), Reason.SEED_DICTIONARY)
        for member in updates:  # the first one too: its failed try left no trace
            assert await coordinator.post(member.update(coordinator.sums)) == ACCEPTED
        await coordinator.reaches(PhaseName.SUM2, after=10)
        await coordinator.finish(sums)
