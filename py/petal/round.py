"""A round's parameters, and who does what in it."""

import hashlib
import math
import struct
from dataclasses import dataclass
from enum import StrEnum

from petal.crypto import KEY_SIZE, SEED_SIZE, SigningKeyPair, sized
from petal.errors import RoundError
from petal.mask import MaskConfigPair

_ALL_ONES = (1 << 256) - 1


class Role(StrEnum):
    """What a participant does in a round."""

    SUM = "sum"
    UPDATE = "update"
    NONE = "none"


@dataclass(frozen=True)
class RoundParameters:
    """What the coordinator publishes when a round begins; they name the round.

    `coordinator_pk` is this round's X25519 key (32), `seed` the round seed (32), `sum_prob` and
    `update_prob` the chances of the two roles, `model_length` the number of weights.
    """

    coordinator_pk: bytes
    sum_prob: float
    update_prob: float
    seed: bytes
    mask_config: MaskConfigPair
    model_length: int

    def __post_init__(self) -> None:
        sized("coordinator key", self.coordinator_pk, KEY_SIZE)
        sized("round seed", self.seed, SEED_SIZE)
        if not (math.isfinite(self.sum_prob) and math.isfinite(self.update_prob)):
            raise RoundError("the probabilities of the roles must be finite numbers")
        if not 0 < self.model_length < 1 << 32:
            raise RoundError(f"a model of {self.model_length} weights is not possible")


@dataclass(frozen=True)
class TaskSignatures:
    """A participant's role in a round and the two signatures that prove it."""

    role: Role
    sum_signature: bytes
    update_signature: bytes


def eligible(signature: bytes, probability: float) -> bool:
    """Whether SHA-256(signature), as a fraction of its range, is at most `probability`.

    Compared exactly, the double taken at its exact value.
    """
    if probability < 0:
        return False
    if probability > 1:
        return True
    drawn = int.from_bytes(hashlib.sha256(signature).digest(), "little")
    over, under = float(probability).as_integer_ratio()
    return drawn * under <= over * _ALL_ONES


def role_of(sum_signature: bytes, update_signature: bytes, params: RoundParameters) -> Role:
    """The role these signatures give: sum before update before none."""
    if eligible(sum_signature, params.sum_prob):
        return Role.SUM
    return Role.UPDATE if eligible(update_signature, params.update_prob) else Role.NONE


def sum_task(seed: bytes) -> bytes:
    """What a participant signs to show that it may be a sum participant."""
    return seed + b"sum"


def update_task(seed: bytes) -> bytes:
    """What a participant signs to show that it may be an update participant."""
    return seed + b"update"


def sign_tasks(keys: SigningKeyPair, params: RoundParameters) -> TaskSignatures:
    """Sign both tasks of the round; the signatures decide the role."""
    for_sum, for_update = keys.sign(sum_task(params.seed)), keys.sign(update_task(params.seed))
    return TaskSignatures(role_of(for_sum, for_update, params), for_sum, for_update)


def next_round_seed(
    encryption_secret: bytes, seed: bytes, sum_prob: float, update_prob: float
) -> bytes:
    """The seed of the round whose X25519 secret key this is; `seed` is the last round's.

    Signed with that secret key taken as a signing seed, so that nobody can choose it freely.
    """
    keys = SigningKeyPair.from_seed(encryption_secret)
    signed = keys.sign(seed + struct.pack("<dd", sum_prob, update_prob))
    return hashlib.sha256(signed).digest()
