"""Update: masked models are added up, and their masks' sealed seeds transposed."""

from dataclasses import replace

from petal.errors import MaskError
from petal.mask import Aggregation
from petal_server.inbox import Request
from petal_server.outcome import MASK_REASONS, Reason, Rejection
from petal_server.phases.collect import collect
from petal_server.phases.context import Context
from petal_server.phases.names import PhaseName
from petal_server.published import PublishedSeeds
from petal_server.storage import Stored


async def run(ctx: Context) -> PhaseName:
    params = ctx.state.params
    aggregation = Aggregation(params.mask_config, params.model_length)

    async def aggregate(request: Request) -> None:
        model = request.payload.masked_model
        try:
            await ctx.workers.run(aggregation.validate, model)
        except MaskError as error:
            raise Rejection(MASK_REASONS[type(error)], str(error)) from error
        # Seeds first: a model whose mask nobody could remove must never be in the sum.
        stored = await ctx.store.add_local_seeds(
            request.participant_pk, request.payload.local_seeds
        )
        if stored is not Stored.ADDED:
            raise Rejection(Reason(stored))
        await ctx.workers.run(aggregation.add, model)

    limits = ctx.settings.pet.update
    await collect(ctx, limits.count, limits.time, aggregate)
    ctx.aggregation = aggregation
    ctx.board = replace(ctx.board, seeds=PublishedSeeds(await ctx.store.seed_dictionary()))
    return PhaseName.SUM2
