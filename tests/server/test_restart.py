"""A coordinator that is killed in any phase: the next process goes on with the same round."""

import asyncio
import random
from fractions import Fraction

import numpy as np
import pytest

from petal.wire import decode_model
from petal_server.outcome import Outcome, Reason, Receipt
from petal_server.phases import PhaseName
from petal_server.storage import SqliteStorage

from .harness import ACCEPTED, running
from .members import summers, updaters
from .test_multipart import PENDING, chunked

pytestmark = pytest.mark.anyio

REPLAYED = Receipt(Outcome.REJECTED, Reason.REPLAYED)


def shown(coordinator, sums=()):
    """Every byte that GET answers, but for the status."""
    board = coordinator.ctx.board
    bodies = [board.params, board.sums, board.model_bincode, board.model_npy]
    seeds = [board.seeds.of(member.pk) for member in sums] if board.seeds else []
    return [part and (part.body, part.etag) for part in (*bodies, *seeds)] + [board.model_id]


async def test_the_same_round_goes_on_in_each_phase(killable):
    """Killed at the beginning, in the midst and at the end of every phase."""
    async with killable.start() as one:
        first = one.ctx.state
        members = summers(one.params, 2)
    async with killable.start() as one:
        assert one.ctx.state == first
        assert await one.post(members[0].sum()) == ACCEPTED
    async with killable.start() as one:
        assert await one.post(members[0].sum()) == REPLAYED
        assert await one.post(members[1].sum()) == ACCEPTED
        await one.reaches(PhaseName.UPDATE, after=10)
        sums = shown(one)
    async with killable.start(PhaseName.UPDATE) as one:
        assert shown(one) == sums
        assert one.counts(PhaseName.SUM)[0] == 2
        updates = updaters(one.params, 3)
        weights = [np.full(3, number / 8, np.float32) for number in range(3)]
        bodies = [m.update(one.sums, w) for m, w in zip(updates, weights, strict=True)]
        assert await one.post(bodies[0]) == ACCEPTED
    async with killable.start(PhaseName.UPDATE) as one:
        assert shown(one) == sums
        assert await one.post(bodies[0]) == REPLAYED
        assert await one.post(bodies[1]) == ACCEPTED
    async with killable.start(PhaseName.UPDATE) as one:
        assert one.counts(PhaseName.UPDATE)[0] == 2
        assert await one.post(bodies[2]) == ACCEPTED
        await one.reaches(PhaseName.SUM2, after=10)
        seeds = shown(one, members)
    async with killable.start(PhaseName.SUM2) as one:
        assert shown(one, members) == seeds
        votes = [member.sum2(one.seeds_of(member.pk)) for member in members]
        assert await one.post(votes[0]) == ACCEPTED
    async with killable.start(PhaseName.SUM2) as one:
        assert shown(one, members) == seeds
        assert await one.post(votes[0]) == REPLAYED
        assert await one.post(votes[1]) == ACCEPTED
        assert one.ctx.state == first
        killable.clock.advance(10)
        await one.until(lambda: one.ctx.state.round_id == 2)
        await one.reaches(PhaseName.SUM)
        second, model = one.ctx.state, shown(one)
        assert decode_model(one.ctx.board.model_bincode.body) == [Fraction(1, 8)] * 3
    async with killable.start() as one:
        assert (one.ctx.state, shown(one)) == (second, model)
        await one.finish(await one.to_sum2())


async def killed_in(killable, phase):
    """A round of which another process has to finish ``phase``; its sum participants."""
    async with killable.start() as one:
        if phase is PhaseName.SUM:
            sums = summers(one.params, 1)
            assert await one.post(sums[0].sum()) == ACCEPTED
        elif phase is PhaseName.UPDATE:
            sums = await one.to_update()
            for member in updaters(one.params, 3):
                assert await one.post(member.update(one.sums)) == ACCEPTED
        else:
            sums = await one.to_sum2()
            assert await one.post(sums[0].sum2(one.seeds_of(sums[0].pk))) == ACCEPTED
    return sums


FOLLOWING = {
    PhaseName.SUM: PhaseName.UPDATE,
    PhaseName.UPDATE: PhaseName.SUM2,
    PhaseName.SUM2: PhaseName.SUM,
}


@pytest.mark.parametrize("phase", FOLLOWING)
async def test_a_phase_ends_when_it_would_have(killable, phase):
    await killed_in(killable, phase)
    killable.clock.advance(4)
    async with killable.start(phase) as one:
        killable.clock.advance(5.5)
        await asyncio.sleep(0.02)
        assert one.ctx.phase is phase
        await one.reaches(FOLLOWING[phase], after=0.5)


@pytest.mark.parametrize("phase", FOLLOWING)
async def test_a_phase_that_is_due_ends_at_once(killable, phase):
    await killed_in(killable, phase)
    killable.clock.advance(1000)
    async with killable.start(FOLLOWING[phase]) as one:
        assert one.ctx.last_failure is None


async def test_a_phase_that_lacks_messages_times_out_when_it_would_have(killable):
    async with killable.start():
        killable.clock.advance(20)
    killable.clock.advance(30)
    async with killable.start() as one:
        await one.reaches(PhaseName.FAILURE, after=10)
        assert one.ctx.last_failure.startswith("round 1, sum: timeout: 0 of 1 messages after 60 s")


async def test_a_clock_that_was_set_back_begins_the_phase_anew(killable, monkeypatch):
    await killed_in(killable, PhaseName.SUM)
    monkeypatch.setattr(killable.clock, "wall", lambda: 5.0)
    async with killable.start() as one:
        killable.clock.advance(9.5)
        await asyncio.sleep(0.02)
        assert one.ctx.phase is PhaseName.SUM
        await one.reaches(PhaseName.UPDATE, after=0.5)


async def test_a_failed_round_is_not_taken_up_for_long(killable):
    async with killable.start() as one:
        await one.to_update()
        await one.reaches(PhaseName.FAILURE, after=60)
    async with killable.start(PhaseName.FAILURE) as one:
        assert one.ctx.last_failure.startswith("round 1, update: timeout")
        await one.reaches(PhaseName.SUM, after=1)
        assert one.ctx.state.round_id == 2


async def test_chunks_that_were_answered_are_there(killable):
    async with killable.start() as one:
        await one.to_update()
        first, second, third = updaters(one.params, 3)
        parts = chunked(first, first.update_payload(one.sums))
        random.Random(1).shuffle(parts)
        assert [await one.post(part) for part in parts[:2]] == [PENDING] * 2
        other = chunked(second, second.update_payload(one.sums))
        assert await one.post(other[0]) == PENDING
    async with killable.start(PhaseName.UPDATE) as one:
        assert one.ctx.reassembly.messages == 2
        assert await one.post(parts[0]) == PENDING
        rest = [await one.post(part) for part in parts[2:]]
        assert rest == [PENDING] * (len(parts) - 3) + [ACCEPTED]
        # The accepted message's parts go with the next commit: no hurry, they only take room.
        assert await one.post(other[1]) == PENDING
    async with killable.start(PhaseName.UPDATE) as one:
        assert one.ctx.reassembly.messages == 1
        assert [await one.post(part) for part in other[2:]][-1] == ACCEPTED
        assert await one.post(third.update(one.sums)) == ACCEPTED
        await one.reaches(PhaseName.SUM2, after=10)
        assert one.ctx.reassembly.messages == 0
    async with killable.start(PhaseName.SUM2) as one:
        assert one.ctx.reassembly.messages == 0


async def test_parts_that_made_room_do_not_come_back(killable):
    async with killable.start() as one:
        await one.to_update()
        member = updaters(one.params, 1)[0]
        payload = member.update_payload(one.sums)
        for message_id in range(5):
            assert await one.post(chunked(member, payload, message_id=message_id)[0]) == PENDING
        assert one.ctx.reassembly.messages == 2
    async with killable.start(PhaseName.UPDATE) as one:
        assert one.ctx.reassembly.messages == 2
        parts = chunked(member, payload, message_id=4)[1:]
        assert [await one.post(part) for part in parts][-1] == ACCEPTED


async def test_stopping_keeps_the_round(killable):
    with SqliteStorage(killable.folder) as store:
        async with running(store=store, clock=killable.clock) as one:
            member = summers(one.params, 1)[0]
            assert await one.post(member.sum()) == ACCEPTED
            state = one.ctx.state
    with SqliteStorage(killable.folder) as store:
        async with running(store=store, clock=killable.clock) as one:
            assert one.ctx.state == state
            assert await one.post(member.sum()) == REPLAYED
