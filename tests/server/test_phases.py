"""Each phase's count and time rule on a virtual clock, and how rounds fail and go on."""

import asyncio
from collections import Counter

import pytest

from petal.mask import derive_mask
from petal_server.outcome import Outcome, Reason, Receipt
from petal_server.phases import PhaseName
from petal_server.storage import MemoryStorage, StorageError

from .harness import ACCEPTED, running, small_settings
from .members import summers, updaters

pytestmark = pytest.mark.anyio

FULL = Receipt(Outcome.DISCARDED, Reason.PHASE_FULL)
DELAY = small_settings().round.failure_delay


async def enough_sums(coordinator):
    return [member.sum() for member in summers(coordinator.params, 3)]


async def enough_updates(coordinator):
    await coordinator.to_update()
    return [member.update(coordinator.sums) for member in updaters(coordinator.params, 5)]


async def enough_votes(coordinator):
    sums = await coordinator.to_sum2(2)
    return [member.sum2(coordinator.seeds_of(member.pk)) for member in sums]


PHASES = [
    pytest.param(PhaseName.SUM, enough_sums, 1, PhaseName.UPDATE, id="sum"),
    pytest.param(PhaseName.UPDATE, enough_updates, 3, PhaseName.SUM2, id="update"),
    pytest.param(PhaseName.SUM2, enough_votes, 1, PhaseName.SUM, id="sum2"),
]


@pytest.mark.parametrize(("phase", "messages", "least", "following"), PHASES)
async def test_lasts_time_min_even_with_enough_messages(phase, messages, least, following):
    async with running() as coordinator:
        for body in (await messages(coordinator))[:least]:
            assert await coordinator.post(body) == ACCEPTED
        coordinator.clock.advance(9.5)
        await coordinator.until(lambda: coordinator.counts(phase)[0] == least)
        assert coordinator.ctx.phase is phase
        await coordinator.reaches(following, after=0.5)


@pytest.mark.parametrize(("phase", "messages", "least", "following"), PHASES)
async def test_after_time_min_ends_with_the_last_needed_message(phase, messages, least, following):
    async with running() as coordinator:
        bodies = await messages(coordinator)
        for body in bodies[: least - 1]:
            assert await coordinator.post(body) == ACCEPTED
        coordinator.clock.advance(30)
        assert coordinator.ctx.phase is phase
        assert await coordinator.post(bodies[least - 1]) == ACCEPTED
        await coordinator.reaches(following)


@pytest.mark.parametrize(("phase", "messages", "least", "following"), PHASES)
async def test_too_few_messages_fail_the_round(phase, messages, least, following):
    async with running() as coordinator:
        bodies = await messages(coordinator)
        for body in bodies[: least - 1]:
            assert await coordinator.post(body) == ACCEPTED
        first = coordinator.ctx.state
        coordinator.clock.advance(10)
        coordinator.clock.advance(49.9)
        assert coordinator.ctx.phase is phase
        await coordinator.reaches(PhaseName.FAILURE, after=0.2)
        wanted = f"round 1, {phase}: timeout: {least - 1} of {least} messages after 60 s"
        assert coordinator.ctx.last_failure == wanted
        assert coordinator.ctx.board.sums is None
        assert coordinator.ctx.board.seeds is None
        await coordinator.reaches(PhaseName.SUM, after=DELAY)
        assert coordinator.ctx.state.round_id == first.round_id + 1
        assert coordinator.params.seed != first.params.seed


async def test_sum_messages_after_count_max_are_discarded():
    async with running() as coordinator:
        receipts = [await coordinator.post(m.sum()) for m in summers(coordinator.params, 4)]
        assert receipts == [ACCEPTED, ACCEPTED, FULL, FULL]
        assert coordinator.counts(PhaseName.SUM) == (2, 0, 2)
        await coordinator.reaches(PhaseName.UPDATE, after=10)
        assert len(coordinator.sums) == 2


async def test_updates_after_count_max_are_discarded():
    async with running() as coordinator:
        bodies = await enough_updates(coordinator)
        receipts = [await coordinator.post(body) for body in bodies]
        assert receipts == [ACCEPTED] * 4 + [FULL]
        assert coordinator.counts(PhaseName.UPDATE) == (4, 0, 1)


async def test_votes_after_count_max_are_discarded():
    pet = small_settings().pet.model_dump()
    pet["sum2"]["count"]["max"] = 1
    async with running(small_settings(pet=pet)) as coordinator:
        receipts = [await coordinator.post(body) for body in await enough_votes(coordinator)]
        assert receipts == [ACCEPTED, FULL]
        assert coordinator.counts(PhaseName.SUM2) == (1, 0, 1)


async def test_rejected_messages_count_for_nothing():
    async with running() as coordinator:
        member = summers(coordinator.params, 1)[0]
        assert await coordinator.post(member.sum()) == ACCEPTED
        assert (await coordinator.post(member.sum())).outcome is Outcome.REJECTED
        assert (await coordinator.post(b"noise")).outcome is Outcome.REJECTED
        assert coordinator.counts(PhaseName.SUM) == (1, 2, 0)


async def test_a_request_that_comes_just_after_the_last_is_discarded(monkeypatch):
    async with running() as coordinator:
        last, late = (member.sum() for member in summers(coordinator.params, 2))
        coordinator.clock.advance(10)
        posts = []

        async def commit_with_a_late_post():
            posts.append(asyncio.create_task(coordinator.post(late)))
            await coordinator.until(lambda: coordinator.ctx.inbox.waiting == 1)

        with monkeypatch.context() as patch:
            patch.setattr(coordinator.ctx.store, "commit", commit_with_a_late_post)
            assert await coordinator.post(last) == ACCEPTED
            await coordinator.reaches(PhaseName.UPDATE)
        assert await posts[0] == Receipt(Outcome.DISCARDED, Reason.PHASE_OVER)
        assert coordinator.counts(PhaseName.SUM) == (1, 0, 1)
        assert len(coordinator.sums) == 1


async def test_a_tie_of_masks_fails_the_round():
    async with running() as coordinator:
        sums = await coordinator.to_sum2(2)
        wrong = derive_mask(b"x" * 32, 3, coordinator.params.mask_config)
        seeds = [coordinator.seeds_of(member.pk) for member in sums]
        assert await coordinator.post(sums[0].sum2(seeds[0])) == ACCEPTED
        assert await coordinator.post(sums[1].sum2(seeds[1], mask=wrong)) == ACCEPTED
        await coordinator.reaches(PhaseName.FAILURE, after=10)
        assert "ambiguous_masks: two masks have 1 votes each" in coordinator.ctx.last_failure
        assert coordinator.ctx.board.model_bincode is None


async def test_scalars_of_nothing_fail_the_round_by_name():
    async with running() as coordinator:
        sums = await coordinator.to_update()
        for member in updaters(coordinator.params, 3):
            assert await coordinator.post(member.update(coordinator.sums, scalar=0)) == ACCEPTED
        await coordinator.reaches(PhaseName.SUM2, after=10)
        vote = sums[0].sum2(coordinator.seeds_of(sums[0].pk))
        assert await coordinator.post(vote) == ACCEPTED
        await coordinator.reaches(PhaseName.FAILURE, after=10)
        assert coordinator.ctx.last_failure.startswith("round 1, unmask: unmasking:")


async def test_a_failed_round_keeps_the_last_model():
    async with running() as coordinator:
        await coordinator.finish(await coordinator.to_sum2())
        model = coordinator.ctx.board.model_id
        coordinator.clock.advance(10)
        await coordinator.reaches(PhaseName.FAILURE, after=60)
        assert coordinator.ctx.board.model_id == model
        await coordinator.reaches(PhaseName.SUM, after=DELAY)
        await coordinator.finish(await coordinator.to_sum2())
        assert coordinator.ctx.board.model_id.startswith("3_")


async def test_a_failure_waits_before_the_next_round():
    async with running() as coordinator:
        coordinator.clock.advance(10)
        await coordinator.reaches(PhaseName.FAILURE, after=60)
        coordinator.clock.advance(DELAY * 0.9)
        await coordinator.until(lambda: coordinator.ctx.phase is PhaseName.FAILURE)
        assert coordinator.ctx.state.round_id == 1
        await coordinator.reaches(PhaseName.SUM, after=DELAY * 0.2)


class BrokenStore(MemoryStorage):
    """A store in memory that stops answering while ``broken`` is set."""

    broken = False

    def __getattribute__(self, name):
        if not name.startswith("_") and name != "broken" and self.broken:
            raise StorageError("no answer")
        return super().__getattribute__(name)


async def test_a_store_that_stops_answering_fails_the_round_until_it_is_back():
    store = BrokenStore()
    async with running(store=store) as coordinator:
        member = summers(coordinator.params, 1)[0]
        store.broken = True
        wanted = Receipt(Outcome.REJECTED, Reason.COORDINATOR_ERROR)
        assert await coordinator.post(member.sum()) == wanted
        await coordinator.reaches(PhaseName.FAILURE)
        assert coordinator.ctx.last_failure == "round 1, sum: storage: no answer"
        for _ in range(3):
            coordinator.clock.advance(DELAY)
            await coordinator.until(lambda: coordinator.ctx.phase is PhaseName.FAILURE)
        store.broken = False
        await coordinator.reaches(PhaseName.SUM, after=DELAY)
        await coordinator.finish(await coordinator.to_sum2())


async def test_an_unexpected_error_fails_the_round_without_its_text(monkeypatch):
    async with running() as coordinator:

        async def explode(*_):
            raise RuntimeError("secret of a participant")

        monkeypatch.setattr(coordinator.ctx.store, "add_sum_participant", explode)
        await coordinator.post(summers(coordinator.params, 1)[0].sum())
        await coordinator.reaches(PhaseName.FAILURE)
        assert coordinator.ctx.last_failure == "round 1, sum: internal: RuntimeError"


async def test_stopping_answers_whoever_waits():
    async with running() as coordinator:
        member = summers(coordinator.params, 1)[0]
    assert coordinator.ctx.phase is PhaseName.SHUTDOWN
    receipt = await coordinator.ctx.inbox.submit(member.sum())
    assert receipt == Receipt(Outcome.DISCARDED, Reason.PHASE_OVER)


@pytest.mark.parametrize("phase", [PhaseName.UPDATE, PhaseName.SUM2, PhaseName.FAILURE])
async def test_stopping_in_any_phase(phase):
    async with running() as coordinator:
        if phase is PhaseName.UPDATE:
            await coordinator.to_update()
        elif phase is PhaseName.SUM2:
            await coordinator.to_sum2()
        else:
            coordinator.clock.advance(10)
            await coordinator.reaches(PhaseName.FAILURE, after=60)
    assert coordinator.ctx.phase is PhaseName.SHUTDOWN


async def test_counts_start_anew_each_round():
    async with running() as coordinator:
        await coordinator.finish(await coordinator.to_sum2())
        collecting = (PhaseName.SUM, PhaseName.UPDATE, PhaseName.SUM2)
        assert [coordinator.counts(phase) for phase in collecting] == [(0, 0, 0)] * 3
        assert Counter() == coordinator.ctx.counts[PhaseName.SUM]
