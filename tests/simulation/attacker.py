"""Sends attacks at random moments; its own network is perfect."""

import asyncio

from petal.errors import TransportError
from petal.wire import decode_params

from .attacks import GRIM, HARMLESS
from .forger import Forger

GRIM_SHARE = 0.25


class Attacker:
    """All malicious senders of a world; what they know of a round is shared among them."""

    def __init__(self, world):
        self.world, self.rng = world, world.rng("attacker")
        self._forger = None

    async def live(self):
        rate = self.world.scenario.attacks
        while rate and not self.world.healed:
            await asyncio.sleep(self.rng.expovariate(rate))
            if self.world.host.up and not self.world.healed:
                await self._attack()

    async def _attack(self):
        ctx = self.world.host.ctx
        tag = ctx.phase.tag
        if tag is None:
            return
        params = decode_params(ctx.board.params.body)
        if self._forger is None or self._forger.params != params:
            self._forger = Forger(self.world, self.rng, params)
        grim = self.world.scenario.grim and self.rng.random() < GRIM_SHARE
        attack = self.rng.choice((GRIM if grim else HARMLESS)[tag])
        self.world.stats[f"attack {attack.__name__}"] += 1
        self.world.note(f"attack {attack.__name__} in {tag.name}")
        for letter in attack(self._forger, tag):
            if self.rng.random() < 0.2:
                await asyncio.sleep(self.rng.uniform(0, 2))
            try:
                await self.world.network.deliver(letter)
            except TransportError:
                return
