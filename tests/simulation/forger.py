"""Somebody who knows the protocol, has any number of identities, and writes what messages it
likes."""

from dataclasses import dataclass, replace

import numpy as np

from petal.crypto import EncryptionKeyPair, SigningKeyPair, seal
from petal.errors import SealedBoxError
from petal.mask import Masker, sum_masks
from petal.round import Role, RoundParameters, TaskSignatures, sign_tasks
from petal.wire import (
    MIN_MESSAGE_SIZE,
    SEALED_SEED_SIZE,
    Sum2Payload,
    SumPayload,
    Tag,
    UpdatePayload,
    Upload,
    decode_dictionary,
    sign_message,
)

from . import exact
from .letters import Draft, Letter, Vote
from .peer import SCALARS, draw_weights

ROLE_OF = {Tag.SUM: Role.SUM, Tag.UPDATE: Role.UPDATE, Tag.SUM2: Role.SUM}


@dataclass(frozen=True)
class Identity:
    """A key pair, what it drew in this round, and the key pair that seeds are sealed to."""

    keys: SigningKeyPair
    tasks: TaskSignatures
    ephemeral: EncryptionKeyPair

    @property
    def pk(self):
        return self.keys.public


class Forger:
    """One forger in one round. `sums` is the sum dictionary, once there is one."""

    def __init__(self, world, rng, params: RoundParameters):
        self.world, self.rng, self.params = world, rng, params
        self.registered: list[Identity] = []

    @property
    def sums(self) -> dict[bytes, bytes]:
        published = self.world.host.ctx.board.sums
        return decode_dictionary(published.body, 32) if published else {}

    def identity(self, role: Role) -> Identity:
        """A fresh one that the lot gives this role: keys cost nothing."""
        while True:
            keys = SigningKeyPair.generate(self.rng.randbytes)
            tasks = sign_tasks(keys, self.params)
            if tasks.role is role:
                return Identity(keys, tasks, EncryptionKeyPair.generate(self.rng.randbytes))

    def sender(self, tag: Tag) -> Identity:
        """Somebody who may send this message: for a vote, somebody registered if there is one."""
        if tag is Tag.SUM2 and self.registered:
            return self.rng.choice(self.registered)
        return self.identity(ROLE_OF[tag])

    def payload(self, tag: Tag, sender: Identity):
        """A payload that breaks no rule, and what the oracle is to know of it."""
        if tag is Tag.SUM:
            return SumPayload(sender.tasks.sum_signature, sender.ephemeral.public), None
        return self.update(sender) if tag is Tag.UPDATE else self.vote(sender)

    def update(self, sender: Identity):
        params, rng = self.params, self.rng
        weights, scalar = draw_weights(rng, params), rng.choice(SCALARS)
        seed, masked = Masker(params.mask_config, rng.randbytes(32)).mask(weights, scalar)
        coded, is_exact = exact.encode(weights, scalar, params.mask_config)
        mask = exact.mask_of(seed, params.model_length, params.mask_config)
        draft = Draft(coded, mask, seed, {}, (weights, scalar), is_exact)
        signatures = sender.tasks.sum_signature, sender.tasks.update_signature
        payload = UpdatePayload(*signatures, masked, {})
        return self.with_claims(payload, draft, dict.fromkeys(self.sums, seed))

    def with_claims(self, payload, draft, claims):
        """Seal to each sum participant the seed claimed to it, or noise for None."""
        boxes = {pk: self._box(pk, claim) for pk, claim in claims.items()}
        return replace(payload, local_seeds=boxes), replace(draft, claims=claims)

    def _box(self, pk, claim):
        if claim is None:
            return self.rng.randbytes(SEALED_SEED_SIZE)
        return seal(self.sums.get(pk, self.params.coordinator_pk), claim, self.rng.randbytes)

    def vote(self, sender: Identity):
        params = self.params
        try:
            seeds = [sender.ephemeral.open(box) for box in self._seeds(sender.pk).values()]
        except SealedBoxError:
            seeds = []
        mask = sum_masks(seeds, params.model_length, params.mask_config)
        # It votes for what it could open, which need not be what the others find.
        vote = Vote(exact.Elements.of(mask), honest=False)
        return Sum2Payload(sender.tasks.sum_signature, mask), vote

    def _seeds(self, pk):
        seeds = self.world.host.ctx.board.seeds
        found = seeds and seeds.of(pk)
        return decode_dictionary(found.body, SEALED_SEED_SIZE) if found else {}

    def signed(self, sender: Identity, tag: Tag, payload: bytes, multipart=False) -> bytes:
        return sign_message(sender.keys, self.params.coordinator_pk, tag, payload, multipart)

    def sealed(self, message: bytes) -> bytes:
        return seal(self.params.coordinator_pk, message, self.rng.randbytes)

    def letter(self, sender: Identity, tag: Tag, body: bytes, content=None, flaw=None, **more):
        return Letter(body, sender.pk, self.params.coordinator_pk, tag, content, flaw, **more)

    def write(self, sender: Identity, tag: Tag, payload, content=None, flaw=None) -> Letter:
        """A whole message, signed and sealed as it should be."""
        body = self.sealed(self.signed(sender, tag, payload.to_bytes()))
        return self.letter(sender, tag, body, content, flaw)

    def parts(self, sender: Identity, tag: Tag, payload, content, size: int) -> list[Letter]:
        """The same in parts of `size` bytes of data."""
        upload = Upload(
            sender.keys,
            self.params.coordinator_pk,
            tag,
            payload.to_bytes(),
            max_message_size=MIN_MESSAGE_SIZE - 1 + size,
            message_id=self.rng.randrange(1 << 16),
            random=self.rng.randbytes,
        )
        several = len(upload) > 1
        return [
            self.letter(sender, tag, upload.sealed(i), content, part=several)
            for i in range(len(upload))
        ]

    def noise(self, config) -> tuple[np.ndarray, int]:
        """Random group elements: limbs[n, limbs] and one for the scalar."""
        orders = config.vect.order, config.unit.order
        numbers = [self.rng.randrange(orders[0]) for _ in range(self.params.model_length)]
        return numbers, self.rng.randrange(orders[1])
