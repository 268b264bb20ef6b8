"""Sum2: sum participants vote for the sum of the masks."""

from dataclasses import replace

from petal.errors import MaskError, ScalarSumError
from petal_server.inbox import Request
from petal_server.outcome import MASK_REASONS, Reason, Rejection
from petal_server.phases.collect import collect
from petal_server.phases.context import Context
from petal_server.phases.names import PhaseName
from petal_server.storage import Stored


async def run(ctx: Context) -> PhaseName:
    async def vote(request: Request) -> None:
        mask = request.payload.mask
        # Xaynet lets a mask of another shape be voted for and fails the round when it unmasks.
        # Scalars that sum to nothing are the updates' fault: unmasking names that failure.
        try:
            await ctx.workers.run(ctx.aggregation.validate_unmask, mask)
        except ScalarSumError:
            pass
        except MaskError as error:
            raise Rejection(MASK_REASONS[type(error)], str(error)) from error
        stored = await ctx.store.add_mask(request.participant_pk, mask.to_bytes())
        if stored is not Stored.ADDED:
            raise Rejection(Reason(stored))

    limits = ctx.settings.pet.sum2
    await collect(ctx, limits.count, limits.time, vote)
    ctx.board = replace(ctx.board, sums=None, seeds=None)
    return PhaseName.UNMASK
