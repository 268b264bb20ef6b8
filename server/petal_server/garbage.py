"""When Python searches for cyclic garbage: often what is new, seldom everything.

What nothing refers to any more is freed at once. The search for the rest stops the event loop: for
half a second where ten thousand are connected, and Python would begin it every few seconds. What is
new it searches only when there are many more objects than before; where as many go as come, that is
late, and then takes long too.
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

NEW = 0.25
"""Seconds between two searches of what is new: some milliseconds while thousands wait."""

NEVER = 2**31 - 1


@asynccontextmanager
async def seldom_collected(gate: Gate) -> AsyncIterator[None]:
    """Within, everything is searched when that is due for as many as are connected."""
    thresholds = gc.get_threshold()
    gc.collect()
    gc.freeze()  # What the process began with is no garbage.
    gc.set_threshold(*thresholds[:2], NEVER)
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
        await asyncio.sleep(NEW)
        gc.collect(1)
        waited += NEW
        due = waited >= max(OFTEN, EACH * gate.connections)
        if due or gate.closed - closed >= CLOSED:
            gc.collect()
            waited, closed = 0.0, gate.closed
