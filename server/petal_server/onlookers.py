"""What watches a coordinator and takes no part in its rounds: health, metrics, streams."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from petal_server.health import Health
from petal_server.limits import Gate
from petal_server.machine import Machine
from petal_server.metrics import InfluxPush, Metrics, watch_loop
from petal_server.phases import Context
from petal_server.streams import EventStreams
from petal_server.waiting import WaitingRoom


class Onlookers:
    """The onlookers of one coordinator; routes find them in ``app.state.onlookers``."""

    def __init__(self, ctx: Context, machine: Machine, gate: Gate) -> None:
        self.health = Health(machine, ctx.store)
        self.metrics = Metrics(ctx, gate)
        self.streams = EventStreams(ctx, ctx.settings.events)
        self.waiting = WaitingRoom(ctx, ctx.settings.api.longest_wait)
        self.metrics.followers.set_function(self.streams.__len__)
        self.metrics.held.set_function(self.waiting.__len__)
        influx = ctx.settings.metrics.influxdb
        self._influx = InfluxPush(ctx, influx.url, influx.db) if influx.url else None

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Run what needs a task of its own; at the end, push what was not pushed yet."""
        beating = asyncio.create_task(watch_loop(self.metrics.loop_lag))
        pushing = asyncio.create_task(self._influx.run()) if self._influx else None
        try:
            yield
        finally:
            beating.cancel()
            if pushing:
                self._influx.stop()
                await pushing

    def leave(self) -> None:
        """Let go of everybody who only waits for news: the server stops."""
        self.streams.close()
        self.waiting.close()
