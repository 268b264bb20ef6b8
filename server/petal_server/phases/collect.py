"""The count and time rule, and the loop that the three collecting phases share."""

from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from petal_server.inbox import Request, Waiting
from petal_server.outcome import Outcome, Reason, Receipt, Rejection
from petal_server.phases.context import Context
from petal_server.phases.names import FailureName, PhaseFailure
from petal_server.settings import CountSettings, TimeSettings

Handler = Callable[[Request], Awaitable[None]]


@dataclass(frozen=True)
class CountTimeRule:
    """For ``time.min`` take up to ``count.max``; then end as soon as ``count.min`` are there.

    ``started`` is the clock's time at which the phase began; seconds.
    """

    count: CountSettings
    time: TimeSettings
    started: float

    def deadline(self, now: float, accepted: int) -> float | None:
        """How long to wait for the next message; None when the phase is complete.

        Raises:
            PhaseFailure: ``time.max`` has passed without ``count.min`` messages.
        """
        if now < self.started + self.time.min:
            return self.started + self.time.min
        if accepted >= self.count.min:
            return None
        if now >= self.started + self.time.max:
            detail = f"{accepted} of {self.count.min} messages after {self.time.max:g} s"
            raise PhaseFailure(FailureName.TIMEOUT, detail)
        return self.started + self.time.max

    def full(self, accepted: int) -> bool:
        """Whether a further message must be discarded."""
        return accepted >= self.count.max


async def collect(ctx: Context, count: CountSettings, time: TimeSettings, handle: Handler) -> None:
    """Handle requests one by one until the rule says that the phase is complete.

    ``handle`` raises Rejection for a request that breaks a rule of the phase.

    Raises:
        PhaseFailure: Too few messages in time.
        Stopping: The coordinator is being stopped.
    """
    rule = CountTimeRule(count, time, ctx.clock.now())
    counts = ctx.counts[ctx.phase]
    while (deadline := rule.deadline(ctx.clock.now(), counts[Outcome.ACCEPTED])) is not None:
        waiting = await ctx.clock.before(deadline, ctx.inbox.next())
        if waiting is not None:
            await _decide(ctx, rule, counts, waiting, handle)


async def _decide(
    ctx: Context,
    rule: CountTimeRule,
    counts: Counter[Outcome],
    waiting: Waiting,
    handle: Handler,
) -> None:
    # Stands unless the lines below complete: a store that breaks must not leave a sender hanging.
    receipt = Receipt(Outcome.REJECTED, Reason.COORDINATOR_ERROR)
    try:
        receipt = await _receipt(ctx, rule, counts, waiting.request, handle)
    finally:
        counts[receipt.outcome] += 1
        waiting.answer(receipt)


async def _receipt(
    ctx: Context, rule: CountTimeRule, counts: Counter[Outcome], request: Request, handle: Handler
) -> Receipt:
    if request.tag is not ctx.phase.tag or request.round_id != ctx.state.round_id:
        return Receipt(Outcome.REJECTED, Reason.WRONG_PHASE)
    if rule.full(counts[Outcome.ACCEPTED]):
        return Receipt(Outcome.DISCARDED, Reason.PHASE_FULL)
    try:
        await handle(request)
    except Rejection as rejection:
        return Receipt(Outcome.REJECTED, rejection.reason)
    return Receipt(Outcome.ACCEPTED)
