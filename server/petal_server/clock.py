"""Time as an argument, so that tests run phases on a clock of their own."""

import asyncio
import time
from collections.abc import Coroutine
from typing import Any, Protocol, TypeVar

T = TypeVar("T")


class Clock(Protocol):
    """Seconds from any starting point that never run backwards."""

    def now(self) -> float:
        """The time in seconds."""

    def wall(self) -> float:
        """The date in seconds since the epoch, which may jump; for what outlives the process."""

    async def before(self, deadline: float, work: Coroutine[Any, Any, T]) -> T | None:
        """What ``work`` gives, or None (and ``work`` cancelled) once ``deadline`` has passed."""


class SystemClock:
    """The machine's monotonic clock and the event loop's timers."""

    def now(self) -> float:
        return time.monotonic()

    def wall(self) -> float:
        return time.time()

    async def before(self, deadline: float, work: Coroutine[Any, Any, T]) -> T | None:
        try:
            return await asyncio.wait_for(work, deadline - self.now())
        except TimeoutError:
            return None
