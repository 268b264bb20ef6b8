"""Unmask: the mask with the most votes is taken off the sum; the global model is published."""

from dataclasses import replace
from io import BytesIO

import numpy as np
import structlog

from petal.errors import MaskError
from petal.mask import Aggregation, MaskObject
from petal.wire import encode_model
from petal_server.events import ModelPublished
from petal_server.phases.context import Context
from petal_server.phases.names import FailureName, PhaseFailure, PhaseName
from petal_server.published import Published
from petal_server.storage import GlobalModel

log = structlog.get_logger("petal.phase")

NPY = "application/x-npy"


async def run(ctx: Context) -> PhaseName:
    mask = _elected(await ctx.store.best_masks())
    state = ctx.state
    model_id = f"{state.round_id}_{state.params.seed.hex()}"
    try:
        model = await ctx.workers.run(_unmask, ctx.aggregation, mask, model_id)
    except MaskError as error:
        raise PhaseFailure(FailureName.UNMASKING, str(error)) from error
    await ctx.store.set_global_model(model)
    bincode = await ctx.workers.run(Published.of, model.bincode)
    npy = await ctx.workers.run(Published.of, model.npy, NPY)
    ctx.board = replace(ctx.board, model_bincode=bincode, model_npy=npy, model_id=model_id)
    updates, ctx.aggregation = ctx.aggregation.nb_models, None
    log.info("global model", round=state.round_id, updates=updates, model=model_id)
    ctx.events.tell(ModelPublished(state.round_id, model_id, updates))
    return PhaseName.IDLE


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
