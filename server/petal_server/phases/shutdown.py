"""Shutdown: whoever still waits for an answer gets one."""

from petal_server.outcome import Outcome, Reason, Receipt
from petal_server.phases.context import Context


async def run(ctx: Context) -> None:
    ctx.inbox.drain(Receipt(Outcome.DISCARDED, Reason.PHASE_OVER))
