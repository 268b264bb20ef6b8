"""Runs one phase after the other, and says in the log how each went."""

import asyncio
from collections import Counter

import structlog

from petal_server.entry import enter, restore
from petal_server.events import PhaseEnded, PhaseStarted, RoundFailed
from petal_server.inbox import Stopping
from petal_server.outcome import Outcome, Reason, Receipt
from petal_server.phases import PHASES, Context, FailureName, PhaseFailure, PhaseName
from petal_server.storage import StorageError

log = structlog.get_logger("petal.phase")


class Machine:
    """The coordinator's one task that changes the round."""

    def __init__(self, ctx: Context) -> None:
        self.ctx = ctx
        self._task: asyncio.Task[None] | None = None
        self._started = asyncio.Event()

    async def start(self) -> None:
        """Go on with the stored round or begin one; returns when its parameters are published.

        Raises:
            StorageError: What is stored cannot be read.
        """
        self._task = asyncio.create_task(self.run(), name="petal machine")
        await self._started.wait()
        if self._task.done():
            await self._task

    async def stop(self) -> None:
        """End the round that is running and wait for the machine to finish."""
        self.ctx.inbox.close()
        if self._task is not None:
            await self._task

    @property
    def alive(self) -> bool:
        """Whether the machine runs: it has begun and has not ended."""
        return self._task is not None and not self._task.done()

    async def run(self) -> None:
        """Run phases, from where the store says on, until Shutdown has run."""
        try:
            name = await restore(self.ctx)
            under_way = name is not PhaseName.IDLE
            while name is not None:
                if self.ctx.board.params:
                    self._started.set()
                name = await self._run_phase(name, under_way)
                under_way = False
        finally:
            self._started.set()

    async def _run_phase(self, name: PhaseName, under_way: bool) -> PhaseName | None:
        ctx = self.ctx
        log.info("phase starts", phase=name.value, round=ctx.state.round_id)
        began = ctx.clock.now()
        try:
            await self._begin(name, under_way)
            following = await PHASES[name](ctx)
        except Stopping:
            following = PhaseName.SHUTDOWN
        except Exception as error:  # noqa: BLE001 - whatever happens, the next round must come
            following = self._failed(name, error)
        late = ctx.inbox.drain(Receipt(Outcome.DISCARDED, Reason.PHASE_OVER))
        ctx.counts[name][Outcome.DISCARDED] += late
        self._log_end(name)
        ctx.events.tell(PhaseEnded(ctx.state.round_id, name, ctx.clock.now() - began))
        if ctx.inbox.closed and following not in (None, PhaseName.SHUTDOWN):
            return PhaseName.SHUTDOWN
        return following

    async def _begin(self, name: PhaseName, under_way: bool) -> None:
        try:
            if not under_way:
                await enter(self.ctx, name)
        finally:
            self.ctx.events.tell(PhaseStarted(self.ctx.state.round_id, name))

    def _failed(self, name: PhaseName, error: Exception) -> PhaseName:
        failure, round_id = _named(error), self.ctx.state.round_id
        self.ctx.last_failure = f"round {round_id}, {name.value}: {failure}"
        unexpected = error if failure.name is FailureName.INTERNAL else None
        facts = {"phase": name.value, "round": round_id, "reason": failure.name.value}
        log.warning("round failed", **facts, detail=failure.detail, exc_info=unexpected)
        self.ctx.events.tell(RoundFailed(round_id, name, failure.name))
        return PhaseName.FAILURE

    def _log_end(self, name: PhaseName) -> None:
        counts: Counter[Outcome] = self.ctx.counts[name]
        numbers = {outcome.value: counts[outcome] for outcome in _COUNTED} if name.tag else {}
        log.info("phase ends", phase=name.value, round=self.ctx.state.round_id, **numbers)


_COUNTED = (Outcome.ACCEPTED, Outcome.REJECTED, Outcome.DISCARDED)


def _named(error: Exception) -> PhaseFailure:
    if isinstance(error, PhaseFailure):
        return error
    if isinstance(error, StorageError):
        return PhaseFailure(FailureName.STORAGE, str(error))
    return PhaseFailure(FailureName.INTERNAL, type(error).__name__)
