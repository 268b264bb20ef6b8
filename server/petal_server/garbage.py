"""When Python searches for cyclic garbage: all of it only seldom, and not while it is in the way.

What nothing refers to any more is freed at once. The search for the rest goes through every object
there is and stops the event loop meanwhile: with ten thousand open connections for half a second,
and Python would begin it every few seconds. Young garbage it goes on collecting as always.
"""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

OFTEN = 60.0
"""Seconds between two searches of everything while few are connected."""

EACH = 0.36
"""Seconds longer for each connection: it takes some 50 microseconds of a search, so that all
searches together take one ten-thousandth of the time."""

NEVER = 2**31 - 1


@asynccontextmanager
async def seldom_collected(connections: Callable[[], int]) -> AsyncIterator[None]:
    """Within, everything is searched when it is due for so many connections."""
    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()  # What the process began with is no garbage.
    gc.set_threshold(*thresholds[:2], NEVER)
    searching = asyncio.create_task(_search(connections), name="petal garbage")
    try:
        yield
    finally:
        searching.cancel()
        gc.set_threshold(*thresholds)
        gc.unfreeze()


async def _search(connections: Callable[[], int]) -> None:
    waited = 0.0
    while True:
        await asyncio.sleep(OFTEN)
        waited += OFTEN
        if waited >= EACH * connections():
            gc.collect()
            waited = 0.0
