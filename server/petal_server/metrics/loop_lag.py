"""How long the event loop is held up, measured by a timer that should come on time."""

import asyncio

from prometheus_client import Histogram

BEAT = 0.05


async def watch_loop(lag: Histogram) -> None:
    """Note how late each beat is, in seconds; runs until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + BEAT
        await asyncio.sleep(BEAT)
        lag.observe(max(0.0, loop.time() - due))
