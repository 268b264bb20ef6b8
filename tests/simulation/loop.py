"""An event loop whose time passes only when nothing else is left to do, and then at once."""

import asyncio
import math
import selectors

from petal_server.clock import SystemClock
from petal_server.workers import Workers

_GRID = 1 << 20
"""Steps of a virtual second."""


class Stuck(Exception):
    """Nothing is ready and no timer is set: whoever waits, waits for ever."""


class _Jump(selectors.SelectSelector):
    """Looks at no socket; where a loop would wait for its next timer, its time jumps there."""

    def __init__(self):
        super().__init__()
        self.now = 0.0

    def select(self, timeout=None):
        if timeout is None:
            raise Stuck("nothing is ready and no timer is set")
        if timeout > 0:
            # On a grid, sums of times are exact: a deadline is never missed by a rounding error.
            self.now = math.ceil((self.now + timeout) * _GRID) / _GRID
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """asyncio's own loop, first come first served, on virtual seconds."""

    def __init__(self):
        self._virtual = _Jump()
        super().__init__(self._virtual)

    def time(self):
        return self._virtual.now


class LoopClock(SystemClock):
    """The coordinator's own clock, reading the loop's time."""

    def now(self):
        return asyncio.get_running_loop().time()

    def wall(self):
        return self.now()


class InlineWorkers(Workers):
    """Does the work at once: no threads, so that one order of events follows from one seed."""

    def __init__(self):
        pass

    async def run(self, work, *args):
        return work(*args)

    def close(self):
        pass
