"""Sum: sum participants register their ephemeral keys."""

from petal_server.inbox import Request
from petal_server.outcome import Reason, Rejection
from petal_server.phases.collect import collect
from petal_server.phases.context import Context
from petal_server.phases.names import PhaseName
from petal_server.storage import Stored


async def run(ctx: Context) -> PhaseName:
    async def register(request: Request) -> None:
        stored = await ctx.store.add_sum_participant(
            request.participant_pk, request.payload.ephemeral_pk
        )
        if stored is not Stored.ADDED:
            raise Rejection(Reason(stored))

    limits = ctx.settings.pet.sum
    await collect(ctx, limits.count, limits.time, register)
    return PhaseName.UPDATE
