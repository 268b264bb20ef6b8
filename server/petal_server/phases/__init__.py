"""The phases of a round: one file each, ``async run(ctx) -> name of the next phase``."""

from collections.abc import Awaitable, Callable

from petal_server.phases import failure, idle, shutdown, sum, sum2, unmask, update
from petal_server.phases.context import Context
from petal_server.phases.names import FailureName, PhaseFailure, PhaseName

PHASES: dict[PhaseName, Callable[[Context], Awaitable[PhaseName | None]]] = {
    PhaseName.IDLE: idle.run,
    PhaseName.SUM: sum.run,
    PhaseName.UPDATE: update.run,
    PhaseName.SUM2: sum2.run,
    PhaseName.UNMASK: unmask.run,
    PhaseName.FAILURE: failure.run,
    PhaseName.SHUTDOWN: shutdown.run,
}

__all__ = ["PHASES", "Context", "FailureName", "PhaseFailure", "PhaseName"]
