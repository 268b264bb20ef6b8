"""A whole coordinator in a test's event loop, and the way through its rounds."""

import asyncio
import random
from contextlib import asynccontextmanager
from dataclasses import dataclass

from petal.wire import SEALED_SEED_SIZE, decode_dictionary, decode_params
from petal_server.app import create_app
from petal_server.outcome import Outcome, Receipt
from petal_server.phases import PhaseName
from petal_server.settings import Settings

from .clock import FakeClock
from .members import summers, updaters

ACCEPTED = Receipt(Outcome.ACCEPTED)
LENGTH = 3


def small_settings(**sections):
    """Rounds of three weights: up to 2 sums, 4 updates, 2 votes; each phase takes 10 to 60 s."""
    time = {"min": 10, "max": 60}
    pet = {
        "sum": {"prob": 0.5, "count": {"min": 1, "max": 2}, "time": time},
        "update": {"prob": 1.0, "count": {"min": 3, "max": 4}, "time": time},
        "sum2": {"count": {"min": 1, "max": 2}, "time": time},
    }
    defaults = {"pet": pet, "model": {"length": LENGTH}, "web": {"enable": False}}
    return Settings(**{**defaults, **sections})


@dataclass
class Coordinator:
    app: object
    clock: FakeClock
    settings: Settings

    @property
    def ctx(self):
        return self.app.state.context

    @property
    def params(self):
        return decode_params(self.ctx.board.params.body)

    @property
    def sums(self):
        return decode_dictionary(self.ctx.board.sums.body, 32)

    def seeds_of(self, sum_pk):
        return decode_dictionary(self.ctx.board.seeds.of(sum_pk).body, SEALED_SEED_SIZE)

    async def post(self, body):
        return await self.app.state.intake.receive(body)

    async def rejects(self, body, reason):
        """``body`` is rejected for ``reason``, counted as such, and nothing else changes."""
        phase, board = self.ctx.phase, self.ctx.board
        accepted, refused, discarded = self.counts(phase)
        assert await self.post(body) == Receipt(Outcome.REJECTED, reason)
        assert self.ctx.phase is phase
        assert self.counts(phase) == (accepted, refused + 1, discarded)
        assert self.ctx.board is board

    def counts(self, phase):
        counts = self.ctx.counts[phase]
        return tuple(counts[o] for o in (Outcome.ACCEPTED, Outcome.REJECTED, Outcome.DISCARDED))

    async def reaches(self, phase, after=0.0):
        """Let ``after`` seconds pass, then wait (in real time, briefly) for that phase."""
        self.clock.advance(after)
        await self.until(lambda: self.ctx.phase is phase and self.shows(phase), f"phase {phase}")

    def shows(self, phase):
        """Whether the board shows all that is public in this phase, and no more."""
        board = self.ctx.board
        wanted = phase in (PhaseName.UPDATE, PhaseName.SUM2), phase is PhaseName.SUM2
        return (board.sums is not None, board.seeds is not None) == wanted

    async def until(self, condition, what="the condition"):
        for _ in range(5000):
            if condition():
                return
            await asyncio.sleep(0.001)
        raise AssertionError(f"{what} was not reached; phase {self.ctx.phase}")

    async def to_update(self, count=1):
        """Register ``count`` sum participants and go on to the update phase."""
        sums = summers(self.params, count)
        for member in sums:
            assert await self.post(member.sum()) == ACCEPTED
        await self.reaches(PhaseName.UPDATE, after=10)
        return sums

    async def to_sum2(self, count=1, updates=3):
        """As ``to_update``, then ``updates`` updates and on to the sum2 phase."""
        sums = await self.to_update(count)
        for member in updaters(self.params, updates):
            assert await self.post(member.update(self.sums)) == ACCEPTED
        await self.reaches(PhaseName.SUM2, after=10)
        return sums

    async def finish(self, sums):
        """The votes of ``sums``, and on to the next round with a global model."""
        before = self.ctx.state.round_id
        for member in sums:
            assert await self.post(member.sum2(self.seeds_of(member.pk))) == ACCEPTED
        self.clock.advance(10)
        await self.until(lambda: self.ctx.state.round_id == before + 1, "a new round")
        await self.reaches(PhaseName.SUM)


@asynccontextmanager
async def running(settings=None, *, seed=1, clock=None, phase=PhaseName.SUM, **parts):
    """A coordinator that has begun, with ``phase``, on its own clock and seeded randomness.

    ``parts`` are what ``create_app`` takes besides.
    """
    settings, clock = settings or small_settings(), clock or FakeClock()
    draw = random.Random(seed).randbytes
    app = create_app(settings, clock=clock, random=draw, **parts)
    async with app.router.lifespan_context(app):
        coordinator = Coordinator(app, clock, settings)
        await coordinator.reaches(phase)
        yield coordinator
