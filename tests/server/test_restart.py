"""A coordinator that is killed in any phase: the next process goes on with the same round."""

import asyncio
import random
from contextlib import asynccontextmanager
from fractions import Fraction

import numpy as np
import pytest

from petal.wire import decode_model
from petal_server.outcome import Outcome, Reason, Receipt
from petal_server.phases import PhaseName
from petal_server.settings import Settings
from petal_server.storage import SqliteStorage

from .clock import FakeClock
from .harness import ACCEPTED, running, small_settings
from .killed import copy_of, opened_after_a_kill
from .members import summers, updaters
from .test_multipart import PENDING, chunked

pytestmark = pytest.mark.anyio

REPLAYED = Receipt(Outcome.REJECTED, Reason.REPLAYED)


class Killable:
    """Coordinators one after the other on one clock, each on what the last one left behind."""

    def __init__(self, folder, **options):
        self.folder, self.options, self.clock = folder, options, FakeClock()

    @asynccontextmanager
    async def start(self, phase=PhaseName.SUM, settings=None, **options):
        with SqliteStorage(self.folder, **self.options, **options) as store:
            async with running(settings, store=store, clock=self.clock, phase=phase) as found:
                yield found
                # The rest of this block never happened for the next one.
                self.folder = copy_of(self.folder)


@pytest.fixture(params=[{}, {"checkpoint_updates": 1}, {"checkpoint_updates": 2}], ids=str)
def killable(tmp_path, request):
    return Killable(tmp_path / "data", **request.param)


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


async def killed_at(one, call, killable, monkeypatch):
    """Unmasks a round up to this ``call`` of the store; the folder as it is then."""
    [member] = await one.to_sum2()
    left = []

    async def killed_here(*_):
        left.append(copy_of(killable.folder))
        await asyncio.Event().wait()

    monkeypatch.setattr(one.ctx.store, call, killed_here)
    assert await one.post(member.sum2(one.seeds_of(member.pk))) == ACCEPTED
    killable.clock.advance(10)
    await one.until(lambda: left)
    one.app.state.machine._task.cancel()
    one.app.state.machine._task = None
    return left[0]


async def test_killed_between_the_model_and_the_next_round(killable, monkeypatch):
    """The model is there, the next round is not: it must not be made a second time."""
    async with killable.start() as one:
        left = await killed_at(one, "begin_round", killable, monkeypatch)
        model = one.ctx.board.model_bincode.body
    killable.folder = left
    async with killable.start() as one:
        assert one.ctx.state.round_id == 2
        assert one.ctx.board.model_bincode.body == model
        await one.finish(await one.to_sum2())


async def test_killed_before_the_model_was_stored(killable, monkeypatch):
    async with killable.start() as one:
        left = await killed_at(one, "set_global_model", killable, monkeypatch)
    killable.folder = left
    async with killable.start() as one:
        assert one.ctx.state.round_id == 2
        assert decode_model(one.ctx.board.model_bincode.body) == [Fraction(1, 2)] * 3


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


async def test_without_restore_everything_begins_anew_but_models_stay(killable):
    async with killable.start() as one:
        await one.finish(await one.to_sum2())
        model_id = one.ctx.board.model_id
    async with killable.start(restore=False) as one:
        assert one.ctx.state.round_id == 1
        assert one.ctx.board.model_id is None
        assert (await one.ctx.store.global_model(model_id)).id == model_id
        files = {path.name for path in (killable.folder / "models").iterdir()}
        assert files == {f"{model_id}.npy", f"{model_id}.bincode"}


CHANGED = [
    {"model": {"length": 4}},
    {"mask": {"bound_type": "B2"}},
    {"mask": {"data_type": "F64"}},
]


@pytest.mark.parametrize("change", CHANGED, ids=str)
async def test_settings_that_changed_begin_a_new_round(killable, change, capsys):
    async with killable.start() as one:
        await one.finish(await one.to_sum2())
        await one.to_update()
        model_id = one.ctx.board.model_id
    settings = small_settings(**change)
    async with killable.start(settings=settings) as one:
        assert one.ctx.state.round_id == 3
        assert one.params.model_length == settings.model.length
        assert one.params.mask_config == settings.mask.config
        fits = change == {"mask": {"bound_type": "B2"}}
        assert one.ctx.board.model_id == (model_id if fits else None)
        told = capsys.readouterr().out
        assert "the settings have changed" in told
        assert ("the latest model is not for these settings" in told) == (not fits)
        await one.finish(await one.to_sum2())


async def test_limits_that_changed_apply_to_the_same_round(killable):
    async with killable.start() as one:
        state, member = one.ctx.state, summers(one.params, 1)[0]
    pet = small_settings().pet.model_dump()
    pet["sum"]["time"] = {"min": 3, "max": 5}
    async with killable.start(settings=small_settings(pet=pet)) as one:
        assert one.ctx.state == state
        assert await one.post(member.sum()) == ACCEPTED
        await one.reaches(PhaseName.UPDATE, after=3)


async def test_old_models_make_room_on_the_disk(tmp_path):
    killable = Killable(tmp_path / "data", keep_models=2)
    async with killable.start() as one:
        ids = []
        for _ in range(4):
            await one.finish(await one.to_sum2())
            ids.append(one.ctx.board.model_id)
    files = sorted(path.name for path in (killable.folder / "models").iterdir())
    assert files == sorted(f"{i}.{kind}" for i in ids[2:] for kind in ("npy", "bincode"))
    with opened_after_a_kill(killable.folder) as store:
        assert (await store.latest_global_model()).id == ids[-1]


def test_the_defaults_are_durable():
    assert Settings().storage.kind == "sqlite"
    assert Settings().restore.enable
