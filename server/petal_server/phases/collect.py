"""The count and time rule, and the loop that the three collecting phases share."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from petal_server.inbox import Request, Waiting
from petal_server.outcome import Outcome, Reason, Receipt, Rejection
from petal_server.phases.context import Context
from petal_server.phases.names import FailureName, PhaseFailure
from petal_server.settings import CountSettings, TimeSettings

Handler = Callable[[Request], Awaitable[None]]

LONGEST_BATCH = 0.05
"""Seconds after which the requests that were decided are not kept waiting for more."""

LOST = Receipt(Outcome.REJECTED, Reason.COORDINATOR_ERROR)


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

    Whoever is told of a decision can rely on it: the store keeps it.

    ``handle`` raises Rejection for a request that breaks a rule of the phase.

    Raises:
        PhaseFailure: Too few messages in time.
        Stopping: The coordinator is being stopped.
    """
    rule = CountTimeRule(count, time, ctx.began)
    batch = Batch(ctx, rule, handle)
    try:
        while (deadline := rule.deadline(ctx.clock.now(), batch.accepted)) is not None:
            waiting = await ctx.clock.before(deadline, ctx.inbox.next())
            if waiting is not None:
                await batch.decide(waiting)
            if batch.due:
                await batch.keep()
    finally:
        await batch.keep()


class Batch:
    """Requests that are decided one by one, and answered once the store keeps all of them.

    Those that wait while it does so share the next commit.
    """

    def __init__(self, ctx: Context, rule: CountTimeRule, handle: Handler) -> None:
        self._ctx, self._rule, self._handle = ctx, rule, handle
        self._counts = ctx.counts[ctx.phase]
        self._decided: list[tuple[Waiting, Receipt]] = []
        self._began = 0.0

    @property
    def accepted(self) -> int:
        """How many this phase has accepted."""
        return self._counts[Outcome.ACCEPTED]

    @property
    def due(self) -> bool:
        """Whether nobody else is waiting, or somebody has been for long enough."""
        now = self._ctx.clock.now()
        return not self._ctx.inbox.waiting or now - self._began > LONGEST_BATCH

    async def decide(self, waiting: Waiting) -> None:
        """Settle what becomes of a request."""
        if not self._decided:
            self._began = self._ctx.clock.now()
        # Stands unless the next line completes: a store that breaks leaves no sender hanging.
        receipt = LOST
        try:
            receipt = await self._receipt(waiting.request)
        finally:
            self._counts[receipt.outcome] += 1
            self._decided.append((waiting, receipt))

    async def keep(self) -> None:
        """Have the store keep what was decided, then answer.

        Raises:
            StorageError: It does not; the senders are told that the coordinator failed.
        """
        decided, self._decided = self._decided, []
        kept = False
        try:
            if decided:
                await self._ctx.store.commit()
            kept = True
        finally:
            for waiting, receipt in decided:
                waiting.answer(receipt if kept else self._lost(receipt))

    def _lost(self, receipt: Receipt) -> Receipt:
        self._counts[receipt.outcome] -= 1
        self._counts[LOST.outcome] += 1
        return LOST

    async def _receipt(self, request: Request) -> Receipt:
        ctx = self._ctx
        if request.tag is not ctx.phase.tag or request.round_id != ctx.state.round_id:
            return Receipt(Outcome.REJECTED, Reason.WRONG_PHASE)
        if self._rule.full(self.accepted):
            return Receipt(Outcome.DISCARDED, Reason.PHASE_FULL)
        try:
            await self._handle(request)
        except Rejection as rejection:
            return Receipt(Outcome.REJECTED, rejection.reason)
        return Receipt(Outcome.ACCEPTED)
