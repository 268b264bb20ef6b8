"""Unmask: the mask with the most votes is taken off the sum; the global model is published."""

import asyncio
from io import BytesIO

import numpy as np
import structlog

from petal.errors import MaskError
from petal.mask import Aggregation, MaskObject
from petal.wire import encode_model
from petal_server.events import MasksCounted, ModelNotTaken, ModelPublished
from petal_server.inbox import Stopping
from petal_server.phases.context import Context
from petal_server.phases.names import FailureName, PhaseFailure, PhaseName
from petal_server.published import with_model
from petal_server.storage import GlobalModel
from petal_server.trust_anchor import TrustAnchorError, UnmaskedModel

log = structlog.get_logger("petal.phase")


async def run(ctx: Context) -> PhaseName:
    model_id = f"{ctx.state.round_id}_{ctx.state.params.seed.hex()}"
    running_sum = await ctx.store.running_sum()
    # There already if the coordinator was restarted before the next round could begin.
    model = await ctx.store.global_model(model_id)
    if model is None:
        masks = await ctx.store.number_of_masks()
        ctx.events.tell(MasksCounted(ctx.state.round_id, masks))
        mask = _elected(await ctx.store.best_masks())
        model = await _make(ctx, running_sum, mask, model_id)
        # Before it is stored: what is stored is served, at the latest after a restart.
        await _show_trust_anchor(ctx, model, running_sum.nb_models)
        await ctx.store.set_global_model(model)
    ctx.board = await with_model(ctx.board, model, ctx.workers)
    updates = running_sum.nb_models
    log.info("global model", round=ctx.state.round_id, updates=updates, model=model_id)
    ctx.events.tell(ModelPublished(ctx.state.round_id, model_id, updates))
    return PhaseName.IDLE


async def _make(ctx: Context, running_sum: Aggregation, mask: bytes, model_id: str) -> GlobalModel:
    try:
        return await ctx.workers.run(_unmask, running_sum, mask, model_id)
    except MaskError as error:
        raise PhaseFailure(FailureName.UNMASKING, str(error)) from error


async def _show_trust_anchor(ctx: Context, model: GlobalModel, updates: int) -> None:
    if ctx.trust_anchor is None:
        return
    shown = UnmaskedModel(model.id, ctx.state.round_id, updates, model.npy, model.bincode)
    try:
        taken = await ctx.clock.before(
            ctx.clock.now() + ctx.settings.trust_anchor.timeout, _ask(ctx, shown)
        )
        if not taken:
            raise TrustAnchorError(f"no answer in {ctx.settings.trust_anchor.timeout:g} s")
    except Stopping:
        raise
    except Exception as error:  # noqa: BLE001 - an operator's code may raise anything
        _not_taken(ctx, model.id, error)


async def _ask(ctx: Context, model: UnmaskedModel) -> bool:
    """True when it has taken the model; a coordinator that stops does not wait for that."""
    asking = asyncio.ensure_future(ctx.trust_anchor.publish_proof(model))
    closing = asyncio.ensure_future(ctx.inbox.wait_closed())
    try:
        await asyncio.wait({asking, closing}, return_when=asyncio.FIRST_COMPLETED)
        if not asking.done():
            raise Stopping
        await asking
        return True
    finally:
        asking.cancel()
        closing.cancel()


def _not_taken(ctx: Context, model_id: str, error: Exception) -> None:
    """Fail the round, unless the settings say otherwise."""
    ours = isinstance(error, TrustAnchorError)
    # Anybody may read why a round failed; what an operator's own code says is for the log alone.
    detail = str(error) if ours else type(error).__name__
    ctx.events.tell(ModelNotTaken(ctx.state.round_id, model_id))
    log.warning(
        "the trust anchor has not taken the global model",
        model=model_id,
        detail=detail,
        exc_info=None if ours else error,
    )
    if ctx.settings.trust_anchor.on_failure == "fail_round":
        raise PhaseFailure(FailureName.TRUST_ANCHOR, detail) from error


def _elected(masks: list[tuple[bytes, int]]) -> bytes:
    if not masks:
        raise PhaseFailure(FailureName.NO_MASK, "no sum participant sent a mask")
    votes = [votes for _, votes in masks]
    if votes.count(votes[0]) > 1:
        detail = f"two masks have {votes[0]} votes each, so neither can be trusted"
        raise PhaseFailure(FailureName.AMBIGUOUS_MASKS, detail)
    return masks[0][0]


def _unmask(aggregation: Aggregation, mask_bytes: bytes, model_id: str) -> GlobalModel:
    mask = MaskObject.from_bytes(mask_bytes)
    mean, npy = aggregation.unmask_ratios(mask), BytesIO()
    np.save(npy, mean.to_array(aggregation.config.vect.data), allow_pickle=False)
    return GlobalModel(model_id, encode_model(mean), npy.getvalue())
