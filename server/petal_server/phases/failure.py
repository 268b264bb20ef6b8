"""Failure: the round is given up; a new one starts once the store answers, never in a hurry."""

from dataclasses import replace

import structlog

from petal_server.phases.context import Context
from petal_server.phases.names import PhaseName
from petal_server.storage import StorageError

log = structlog.get_logger("petal.phase")


async def run(ctx: Context) -> PhaseName:
    ctx.board = replace(ctx.board, sums=None, seeds=None)
    await _wait(ctx)
    while not ctx.inbox.closed and not await _store_answers(ctx):
        await _wait(ctx)
    return PhaseName.SHUTDOWN if ctx.inbox.closed else PhaseName.IDLE


async def _wait(ctx: Context) -> None:
    until = ctx.clock.now() + ctx.settings.round.failure_delay
    await ctx.clock.before(until, ctx.inbox.wait_closed())


async def _store_answers(ctx: Context) -> bool:
    try:
        await ctx.store.check_ready()
    except StorageError as error:
        log.error("the store does not answer, trying again", detail=str(error))
        return False
    return True
