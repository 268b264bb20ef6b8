"""Participants of one round that speak to the coordinator in bytes."""

import random
from dataclasses import dataclass, field, replace

import numpy as np

from petal.crypto import EncryptionKeyPair, SigningKeyPair, seal
from petal.mask import Masker, sum_masks
from petal.round import Role, sign_tasks
from petal.wire import Sum2Payload, SumPayload, UpdatePayload, sign_message


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
