"""Sum2: sum participants vote for the sum of the masks."""

from petal.errors import MaskError, ScalarSumError
from petal.mask import Aggregation, MaskObject
from petal_server.inbox import Request
from petal_server.outcome import MASK_REASONS, Reason, Rejection
from petal_server.phases.collect import collect
from petal_server.phases.context import Context
from petal_server.phases.names import PhaseName
from petal_server.storage import Stored


async def run(ctx: Context) -> PhaseName:
    running_sum = await ctx.store.running_sum()

    async def vote(request: Request) -> None:
        mask = await ctx.workers.run(_checked, running_sum, request.payload.mask)
        stored = await ctx.store.add_mask(request.participant_pk, mask)
        if stored is not Stored.ADDED:
            raise Rejection(Reason(stored))

    limits = ctx.settings.pet.sum2
    await collect(ctx, limits.count, limits.time, vote)
    return PhaseName.UNMASK


def _checked(aggregation: Aggregation, mask: MaskObject) -> bytes:
    """A mask as it is voted for; Xaynet takes one of another shape and fails when it unmasks."""
    try:
        aggregation.validate_unmask(mask)
    except ScalarSumError:
        # That may be the updates' fault, not the voter's: unmasking names the failure.
        pass
    except MaskError as error:
        raise Rejection(MASK_REASONS[type(error)], str(error)) from error
    return mask.to_bytes()
