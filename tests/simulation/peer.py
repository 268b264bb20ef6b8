"""An honest participant: petal's machine under petal's driver, on a computer that breaks down."""

import asyncio
from fractions import Fraction

import numpy as np

from petal.client import drive
from petal.crypto import SigningKeyPair
from petal.participant import (
    GlobalModel,
    Machine,
    MaskModel,
    State,
    StateChanged,
    Trained,
    TrainingDeferred,
    TrainingFailed,
    carry_out,
)
from petal.wire import Tag, decode_dictionary

from . import exact
from .letters import Draft, Letter, Vote, whole_size
from .network import Line
from .scenario import DELAYS

TAGS = {
    State.SENDING_SUM: Tag.SUM,
    State.SENDING_UPDATE: Tag.UPDATE,
    State.SENDING_SUM2: Tag.SUM2,
}
SCALARS = (1, 1, 1, 0, 0.5, Fraction(1, 3), 2, 1e-3, Fraction(1, 4))


class Peer:
    """What is on the participant's mind is its machine's; beside it stands what the oracle needs
    to know of the message that the machine is about to send."""

    def __init__(self, world, number):
        self.world, self.name = world, f"peer {number}"
        self.rng = world.rng(self.name)
        self.keys = SigningKeyPair.generate(self.rng.randbytes)
        self.machine = Machine(
            self.keys,
            random=self.rng.randbytes,
            scalar=self.rng.choice(SCALARS),
            max_message_size=world.scenario.message_size,
            delays=DELAYS,
        )
        self.draft = self.vote = None
        self.sums: dict[bytes, bytes] = {}
        self.alive = True
        self.saved = self._save()
        self.line = Line(world.network, self._letter, self._saw)

    async def live(self):
        """Take part, crash, come back, until a crash is one too many."""
        while True:
            faults = self.world.faults
            mean = faults.crash_every
            lifetime = self.rng.expovariate(1 / mean) if mean else None
            try:
                await asyncio.wait_for(self._take_part(), lifetime)
            except TimeoutError:
                self.world.note(f"{self.name} crashes in {self.machine.state}")
            if self.world.healed:
                continue
            if self.rng.random() < faults.crash_for_good:
                self.alive = False
                return
            saved = self._save() if self.rng.random() < 0.5 else self.saved
            await asyncio.sleep(self.rng.uniform(0, 6))
            self._restore(*saved)

    async def _take_part(self):
        await drive(
            self.machine,
            self.line,
            self._train,
            self._observe,
            work=self._work,
            sleep=asyncio.sleep,
        )
        raise AssertionError(f"{self.name} was not asked to end")

    def _save(self):
        return self.machine.save(), self.draft, self.vote, self.sums

    def _restore(self, snapshot, draft, vote, sums):
        self.machine = Machine.restore(snapshot, random=self.rng.randbytes, delays=DELAYS)
        if self.machine.save() != snapshot:
            raise AssertionError(f"{self.name}: a snapshot was restored to something else")
        self.draft, self.vote, self.sums = draft, vote, sums

    def _observe(self, notice):
        if isinstance(notice, StateChanged):
            self.world.note(f"{self.name}: {notice.state}")
            if self.rng.random() < 0.3:
                self.saved = self._save()
        elif isinstance(notice, GlobalModel) and notice.weights is not None:
            self.world.oracle.seen_by_participant(notice.weights)

    async def _train(self, _, params):
        rng, chance = self.rng, self.world.faults.training
        await asyncio.sleep(rng.uniform(0, 2))
        if rng.random() < chance:
            return rng.choice(
                (
                    TrainingDeferred(),
                    TrainingFailed("out of data"),
                    Trained(np.zeros(params.model_length + 1, np.float32)),
                    Trained(np.zeros(params.model_length, np.complex64)),
                )
            )
        scalar = None if rng.random() < 0.5 else rng.choice(SCALARS)
        return Trained(draw_weights(rng, params), scalar)

    async def _work(self, request):
        found = carry_out(request)
        if isinstance(request, MaskModel):
            self.draft = self._drafted(request, exact.Elements.of(found.masked_model))
        else:
            self.vote = Vote(exact.Elements.of(found.mask), honest=True)
        return found

    def _drafted(self, request, masked):
        """The update that goes out, after checking that it is masked as the protocol says."""
        length, config = len(request.weights), request.config
        coded, is_exact = exact.encode(request.weights, request.scalar, config)
        mask = exact.mask_of(request.seed, length, config)
        if coded.plus(mask, config) != masked:
            raise AssertionError(f"{self.name}: the masked model is not encoded + mask")
        claims = dict.fromkeys(self.sums, request.seed)
        plain = request.weights, request.scalar
        return Draft(coded, mask, request.seed, claims, plain, is_exact)

    def _letter(self, body):
        machine, tag = self.machine, TAGS[self.machine.state]
        content = {Tag.SUM: None, Tag.UPDATE: self.draft, Tag.SUM2: self.vote}[tag]
        part = len(body) < whole_size(tag, machine.params, len(self.sums))
        key = machine.params.coordinator_pk
        return Letter(body, machine.public_key, key, tag, content, part=part)

    def _saw(self, path, answer):
        if path == "sums" and answer.status == 200:
            self.sums = decode_dictionary(answer.body, 32)


def draw_weights(rng, params) -> np.ndarray:
    """A model: often on a grid that the encoding keeps exactly, sometimes beyond every bound."""
    vect, length = params.mask_config.vect, params.model_length
    dtype, kind = vect.data.dtype, rng.random()
    bound = min(vect.add_shift, 10**6)
    if kind < 0.5:
        numbers = [rng.randint(-64 * bound, 64 * bound) / 64 for _ in range(length)]
    else:
        numbers = [rng.uniform(-bound, bound) for _ in range(length)]
    if dtype.kind == "i":
        return np.array([int(number) for number in numbers], dtype)
    if kind > 0.9:
        for wild in (float("nan"), float("inf"), float("-inf"), 3.0 * bound):
            numbers[rng.randrange(length)] = wild
    return np.array(numbers, dtype)
