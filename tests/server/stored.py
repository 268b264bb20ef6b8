"""What tests put into a store."""

from dataclasses import replace

import numpy as np

from petal.crypto import EncryptionKeyPair
from petal.mask import Masker, MaskObject
from petal.wire import Chunk, Tag
from petal_server.phases.idle import before_the_first_round
from petal_server.settings import Settings
from petal_server.storage import CoordinatorState, StoredChunk

SUM_A, SUM_B, UPDATE_A, UPDATE_B = (bytes([n]) * 32 for n in (1, 2, 11, 12))
KEY_A, KEY_B = b"a" * 32, b"b" * 32
SEED_A, SEED_B = b"s" * 80, b"t" * 80
FIRST = before_the_first_round(Settings(), EncryptionKeyPair.from_seed(bytes(32)))
CONFIG, LENGTH = FIRST.params.mask_config, FIRST.params.model_length


def state(round_id) -> CoordinatorState:
    """A round with keys and a seed of its own."""
    keys = EncryptionKeyPair.from_seed(bytes([round_id]) * 32)
    params = replace(FIRST.params, coordinator_pk=keys.public, seed=bytes([round_id]) * 32)
    return CoordinatorState(round_id, keys, params)


def masked(number) -> MaskObject:
    """Any masked model; another one for each number."""
    return Masker(CONFIG, bytes([number]) * 32).mask(np.full(LENGTH, number / 1024, np.float32))[1]


def total(numbers) -> MaskObject:
    """The sum of those models."""
    first, *others = map(masked, numbers)
    for other in others:
        first = first.plus(other)
    return first


def chunk(message, chunk_id, data=b"data", sender=UPDATE_A) -> StoredChunk:
    return StoredChunk(message, sender, Tag.UPDATE, Chunk(chunk_id, 7, False, data))
