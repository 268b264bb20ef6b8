"""A coordinator that is killed, stopped or set up otherwise: what becomes of its global models."""

import asyncio
from fractions import Fraction

import pytest

from petal.wire import decode_model
from petal_server.phases import PhaseName
from petal_server.settings import Settings

from .harness import ACCEPTED, small_settings
from .killed import Killable, copy_of, opened_after_a_kill
from .members import summers

pytestmark = pytest.mark.anyio


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
