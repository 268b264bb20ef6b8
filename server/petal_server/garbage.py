"""When Python searches for cyclic garbage: all of it only seldom, and not while it is in the way.

What nothing refers to any more is freed at once. The search for the rest goes through every object
there is and stops the event loop meanwhile: with ten thousand open connections for half a second,
and Python would begin it every few seconds. Young garbage it goes on collecting as always.
"""

import asyncio
import gc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from petal_server.limits import Gate

OFTEN = 60.0
"""Seconds between two searches of everything while few are connected."""

EACH = 0.36
"""Seconds longer for each connection: it takes some 50 microseconds of a search, so that all
searches together take one ten-thousandth of the time."""

CLOSED = 20_000
"""Connections that were closed since the last search: asyncio leaves 1.5 kB of garbage each."""

MIDDLING = 4
"""Searches of the youngest before one of what these left over: Python's 10 take 30 ms."""

NEVER = 2**31 - 1


@asynccontextmanager
async def seldom_collected(gate: Gate) -> AsyncIterator[None]:
    """Within, everything is searched when that is due for as many as are connected."""
    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()  # What the process began with is no garbage.
    gc.set_threshold(thresholds[0], MIDDLING, NEVER)
    searching = asyncio.create_task(_search(gate), name="petal garbage")
    try:
        yield
    finally:
        searching.cancel()
        gc.set_threshold(*thresholds)
        gc.unfreeze()


async def _search(gate: Gate) -> None:
    waited, closed = 0.0, gate.closed
    while True:
        await asyncio.sleep(OFTEN)
        waited += OFTEN
        if waited >= EACH * gate.connections or gate.closed - closed >= CLOSED:
            gc.collect()
            waited, closed = 0.0, gate.closed
