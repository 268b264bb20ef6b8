"""A whole coordinator in a test's event loop, and participants that speak to it in bytes."""

import asyncio
import random
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace

import numpy as np

from petal.crypto import EncryptionKeyPair, SigningKeyPair, seal
from petal.mask import Masker, sum_masks
from petal.round import Role, sign_tasks
from petal.wire import (
    SEALED_SEED_SIZE,
    Sum2Payload,
    SumPayload,
    UpdatePayload,
    decode_dictionary,
    decode_params,
    sign_message,
)
from petal_server.app import create_app
from petal_server.outcome import Outcome, Receipt
from petal_server.phases import PhaseName
from petal_server.settings import Settings

from .clock import FakeClock

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


@dataclass
class Member:
    """A participant in one round; its methods give sealed messages."""

    number: int
    params: object
    keys: SigningKeyPair = field(repr=False)
    draw: object = field(repr=False)

    def __post_init__(self):
        self.tasks = sign_tasks(self.keys, self.params)
        self.ephemeral = EncryptionKeyPair.generate(self.draw)

    @property
    def pk(self):
        return self.keys.public

    def signed(self, tag, payload, multipart=False):
        return sign_message(self.keys, self.params.coordinator_pk, tag, payload, multipart)

    def sealed(self, message):
        return seal(self.params.coordinator_pk, message, self.draw)

    def sum_payload(self):
        return SumPayload(self.tasks.sum_signature, self.ephemeral.public)

    def sum(self, **changes):
        return self._send(replace(self.sum_payload(), **changes))

    def update_payload(self, sums, weights=None, scalar=1):
        weights = np.full(self.params.model_length, 0.5, np.float32) if weights is None else weights
        mask_seed, masked = Masker(self.params.mask_config, self.draw(32)).mask(weights, scalar)
        seeds = {pk: seal(key, mask_seed, self.draw) for pk, key in sums.items()}
        signatures = self.tasks.sum_signature, self.tasks.update_signature
        return UpdatePayload(*signatures, masked, seeds)

    def update(self, sums, weights=None, scalar=1, **changes):
        return self._send(replace(self.update_payload(sums, weights, scalar), **changes))

    def mask(self, seeds):
        opened = [self.ephemeral.open(sealed) for sealed in seeds.values()]
        return sum_masks(opened, self.params.model_length, self.params.mask_config)

    def sum2(self, seeds, **changes):
        payload = Sum2Payload(self.tasks.sum_signature, self.mask(seeds))
        return self._send(replace(payload, **changes))

    def _send(self, payload):
        return self.sealed(self.signed(payload.tag, payload.to_bytes()))


def members(params, role, count, first=0):
    """The first ``count`` participants, numbered from ``first``, that draw ``role``."""
    found, number = [], first
    while len(found) < count:
        draw = random.Random(f"participant {number}").randbytes
        member = Member(number, params, SigningKeyPair.generate(draw), draw)
        if member.tasks.role is role:
            found.append(member)
        number += 1
    return found


def summers(params, count, first=0):
    return members(params, Role.SUM, count, first)


def updaters(params, count, first=0):
    return members(params, Role.UPDATE, count, first)


async def to_update(coordinator, count=1):
    """Register ``count`` sum participants and go on to the update phase."""
    sums = summers(coordinator.params, count)
    for member in sums:
        assert await coordinator.post(member.sum()) == ACCEPTED
    await coordinator.reaches(PhaseName.UPDATE, after=10)
    return sums


async def to_sum2(coordinator, count=1, updates=3):
    """As ``to_update``, then ``updates`` updates and on to the sum2 phase."""
    sums = await to_update(coordinator, count)
    for member in updaters(coordinator.params, updates):
        assert await coordinator.post(member.update(coordinator.sums)) == ACCEPTED
    await coordinator.reaches(PhaseName.SUM2, after=10)
    return sums


async def finish(coordinator, sums):
    """The votes of ``sums``, and on to the next round with a global model."""
    before = coordinator.ctx.state.round_id
    for member in sums:
        assert await coordinator.post(member.sum2(coordinator.seeds_of(member.pk))) == ACCEPTED
    coordinator.clock.advance(10)
    await coordinator.until(lambda: coordinator.ctx.state.round_id == before + 1, "a new round")
    await coordinator.reaches(PhaseName.SUM)
