"""The coordinator's whole way in, in the three phases that take messages.

A coordinator stands in each phase on a clock that does not move. The bytes arrive as they are,
or sealed, or signed and sealed, or behind the signatures that a payload of this phase begins
with, so that a mutation reaches each of the checks.
"""

import asyncio
import logging
from contextlib import AsyncExitStack

import structlog

from petal.wire import Tag
from petal_server.outcome import Outcome, Reason
from petal_server.phases import PhaseName

from ..server.harness import Coordinator, running
from ..server.members import summers, updaters
from ..server.store_calls import everything

WAYS = (Tag.SUM, None), (Tag.UPDATE, Coordinator.to_update), (Tag.SUM2, Coordinator.to_sum2)


class Coordinators:
    """One in each phase, each with a participant that has the role the phase wants."""

    def __init__(self):
        # A line for each of a million rejected messages would be all that is measured.
        structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
        self._runner, self._stack = asyncio.Runner(), AsyncExitStack()
        self._places = self._runner.run(self._start())

    async def _start(self):
        places = []
        for tag, prepare in WAYS:
            coordinator = await self._stack.enter_async_context(running(seed=tag))
            sums = await prepare(coordinator) if prepare else summers(coordinator.params, 1, 500)
            sender = updaters(coordinator.params, 1, 900)[0] if tag is Tag.UPDATE else sums[0]
            places.append((coordinator, sender, tag))
        return places

    def close(self):
        self._runner.run(self._stack.aclose())
        self._runner.close()
        structlog.reset_defaults()

    def raw(self, data: bytes) -> None:
        self._everywhere(lambda sender, tag: data)

    def sealed(self, data: bytes) -> None:
        self._everywhere(lambda sender, tag: sender.sealed(data))

    def signed(self, data: bytes) -> None:
        """The first byte says whether the rest is a chunk."""
        multipart, rest = bool(data[:1] and data[0] & 1), data[1:]
        self._everywhere(lambda s, tag: s.sealed(s.signed(tag, rest, multipart)))

    def proven(self, data: bytes) -> None:
        """Behind the sender's own task signatures."""

        def body(sender, tag):
            proof = sender.tasks.sum_signature
            proof += sender.tasks.update_signature if tag is Tag.UPDATE else b""
            return sender.sealed(sender.signed(tag, proof + data))

        self._everywhere(body)

    def _everywhere(self, body) -> None:
        for place in self._places:
            self._runner.run(self._post(*place, body))

    async def _stored(self, ctx):
        """All that the round keeps, but for parts: what is refused may end a message in parts."""
        return {
            name: kept for name, kept in (await everything(ctx.store)).items() if name != "chunks"
        }

    async def _post(self, coordinator, sender, tag, body):
        ctx = coordinator.ctx
        before = ctx.phase, ctx.board, ctx.state, coordinator.counts(ctx.phase)
        stored = await self._stored(ctx)
        receipt = await coordinator.post(body(sender, tag))
        assert isinstance(receipt.reason, Reason | None), receipt
        assert receipt.reason is not Reason.COORDINATOR_ERROR, "a message broke the coordinator"
        assert (ctx.phase, ctx.board, ctx.state) == before[:3], "a message changed the round"
        assert ctx.phase in (PhaseName.SUM, PhaseName.UPDATE, PhaseName.SUM2)
        if receipt.outcome is Outcome.REJECTED:
            accepted, rejected, discarded = before[3]
            assert coordinator.counts(ctx.phase) == (accepted, rejected + 1, discarded)
            assert await self._stored(ctx) == stored, "a message that was refused left a trace"
        assert ctx.reassembly.total_size <= coordinator.settings.multipart.max_total_size
