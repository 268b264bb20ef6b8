"""How a phase begins: anew, or where the process before this one left it.

It is stored before it shows anything: what was published is never taken back by a restart.
"""

from dataclasses import replace
from io import BytesIO

import numpy as np
import structlog

from petal_server.outcome import Outcome
from petal_server.phases import Context, PhaseName
from petal_server.phases.idle import round_parameters
from petal_server.published import (
    PublishedSeeds,
    published_params,
    published_sums,
    with_model,
)
from petal_server.storage import GlobalModel, StoredRound

log = structlog.get_logger("petal.phase")

_STORED = frozenset({PhaseName.SUM, PhaseName.UPDATE, PhaseName.SUM2, PhaseName.UNMASK})
"""A round that fails stays stored in the phase that failed, until the next one begins."""

_PHASE_OF = {name.tag: name for name in PhaseName if name.tag}


async def enter(ctx: Context, name: PhaseName) -> None:
    """Go over to a phase, and show what is public in it."""
    ctx.phase, ctx.began = name, ctx.clock.now()
    ctx.reassembly.clear()
    if name in _STORED:
        await ctx.store.enter_phase(name, ctx.clock.wall())
        await _show(ctx)


async def restore(ctx: Context) -> PhaseName:
    """Take up the stored model and round. The phase that is under way; Idle if there is none.

    Raises:
        StorageError: What is stored cannot be read.
    """
    model = await ctx.store.latest_global_model()
    if model and _fits(ctx, model):
        ctx.board = await with_model(ctx.board, model, ctx.workers)
    stored = await ctx.store.stored_round()
    if stored is None:
        return PhaseName.IDLE
    ctx.state = stored.state
    params = stored.state.params
    if params != round_parameters(ctx.settings, params.coordinator_pk, params.seed):
        log.warning("the settings have changed, so a new round begins", round=ctx.state.round_id)
        return PhaseName.IDLE
    await _take_up(ctx, stored)
    return ctx.phase


async def _take_up(ctx: Context, stored: StoredRound) -> None:
    ctx.phase = PhaseName(stored.phase)
    # A clock that was set back must not make the phase begin in the future.
    ctx.began = ctx.clock.now() - max(0.0, ctx.clock.wall() - stored.began)
    for tag, count in (await ctx.store.accepted()).items():
        ctx.counts[_PHASE_OF[tag]][Outcome.ACCEPTED] = count
    ctx.reassembly.restore(await ctx.store.chunks())
    ctx.board = replace(ctx.board, params=published_params(stored.state.params))
    await _show(ctx)
    counts = {name.value: ctx.counts[name][Outcome.ACCEPTED] for name in _PHASE_OF.values()}
    log.info("the round goes on", round=ctx.state.round_id, phase=ctx.phase.value, **counts)


async def _show(ctx: Context) -> None:
    sums = seeds = None
    if ctx.phase in (PhaseName.UPDATE, PhaseName.SUM2):
        sums = published_sums(await ctx.store.sum_dictionary())
    if ctx.phase is PhaseName.SUM2:
        seeds = PublishedSeeds(await ctx.store.seed_dictionary())
    ctx.board = replace(ctx.board, sums=sums, seeds=seeds)


def _fits(ctx: Context, model: GlobalModel) -> bool:
    """Whether participants of a round under these settings can train on the model."""
    weights = np.load(BytesIO(model.npy), allow_pickle=False)
    length, dtype = ctx.settings.model.length, ctx.settings.mask.config.vect.data.dtype
    if weights.shape == (length,) and weights.dtype == dtype:
        return True
    log.warning(
        "the latest model is not for these settings: rounds begin without a model",
        model=model.id,
        found=f"{len(weights)} weights, {weights.dtype}",
        wanted=f"{length} weights, {dtype}",
    )
    return False
