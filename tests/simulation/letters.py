"""What the simulation knows about a message on its way: who wrote it, what is in it, what is wrong
with it."""

from dataclasses import dataclass, field
from fractions import Fraction

import numpy as np

from petal.crypto import KEY_SIZE, SEAL_OVERHEAD, SIGNATURE_SIZE
from petal.round import RoundParameters
from petal.wire import HEADER_SIZE, SEALED_SEED_SIZE, Tag
from petal_server.outcome import Reason

from .exact import Elements


@dataclass(frozen=True, eq=False)
class Draft:
    """An update: what was masked, with which mask, and which seeds each sum participant was told.

    `claims` is {sum pk: seed sealed to it, or None for a box that does not open}. `plain` is the
    weights and scalar before masking, None where the sender made group elements up.
    """

    coded: Elements
    mask: Elements
    seed: bytes
    claims: dict[bytes, bytes | None]
    plain: tuple[np.ndarray, int | float | Fraction] | None
    exact: bool = False

    @property
    def truthful(self) -> bool:
        return all(claim == self.seed for claim in self.claims.values())


@dataclass(frozen=True, eq=False)
class Vote:
    """A sum2 message. An honest one is to be the sum of the seeds' masks, and is checked."""

    mask: Elements
    honest: bool


@dataclass(frozen=True, eq=False)
class Letter:
    """A sealed message, for the round whose coordinator key is `round_pk`.

    `author` is the participant in whose name it is. `flaw` is what it is to be rejected for when
    it gets to be checked for that; None for a message that breaks no rule of its own. `part`
    tells that it is one of several.
    """

    body: bytes = field(repr=False)
    author: bytes
    round_pk: bytes
    tag: Tag
    content: Draft | Vote | None = field(default=None, repr=False)
    flaw: Reason | None = None
    part: bool = False

    def __str__(self):
        told = f"{'part of ' if self.part else ''}{self.tag.name} of {self.author.hex()[:8]}"
        return f"{told} with {self.flaw}" if self.flaw else told


def whole_size(tag: Tag, params: RoundParameters, sums: int) -> int:
    """How long a sealed message is that carries its payload in one piece, in bytes."""
    config = params.mask_config
    vect = 4 + 4 + params.model_length * config.vect.bytes_per_number
    masked = vect + 4 + config.unit.bytes_per_number
    payload = {
        Tag.SUM: SIGNATURE_SIZE + KEY_SIZE,
        Tag.UPDATE: 2 * SIGNATURE_SIZE + masked + 4 + sums * (KEY_SIZE + SEALED_SEED_SIZE),
        Tag.SUM2: SIGNATURE_SIZE + masked,
    }
    return SEAL_OVERHEAD + HEADER_SIZE + payload[tag]
