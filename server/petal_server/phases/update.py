"""Update: masked models are added up, and their masks' sealed seeds transposed."""

from petal.errors import MaskError
from petal_server.inbox import Request
from petal_server.outcome import MASK_REASONS, Reason, Rejection
from petal_server.phases.collect import collect
from petal_server.phases.context import Context
from petal_server.phases.names import PhaseName
from petal_server.storage import Stored


async def run(ctx: Context) -> PhaseName:
    running_sum = await ctx.store.running_sum()

    async def aggregate(request: Request) -> None:
        model, seeds = request.payload.masked_model, request.payload.local_seeds
        try:
            await ctx.workers.run(running_sum.validate, model)
        except MaskError as error:
            raise Rejection(MASK_REASONS[type(error)], str(error)) from error
        stored = await ctx.store.add_update(request.participant_pk, seeds, model)
        if stored is not Stored.ADDED:
            raise Rejection(Reason(stored))

    limits = ctx.settings.pet.update
    await collect(ctx, limits.count, limits.time, aggregate)
    return PhaseName.SUM2
