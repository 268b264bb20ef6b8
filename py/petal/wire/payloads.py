"""What the three kinds of message carry."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import ClassVar

from petal.crypto import KEY_SIZE, SEAL_OVERHEAD, SEED_SIZE, SIGNATURE_SIZE
from petal.errors import DecodeError
from petal.mask import MaskObject
from petal.wire.cursor import Cursor

SEALED_SEED_SIZE = SEED_SIZE + SEAL_OVERHEAD
_ENTRY_SIZE = KEY_SIZE + SEALED_SEED_SIZE


class Tag(IntEnum):
    """The kind of a message."""

    SUM = 1
    UPDATE = 2
    SUM2 = 3


@dataclass(frozen=True)
class SumPayload:
    """A sum participant registers: its sum signature (64) and an ephemeral X25519 key (32)."""

    tag: ClassVar[Tag] = Tag.SUM
    sum_signature: bytes
    ephemeral_pk: bytes

    def to_bytes(self) -> bytes:
        return self.sum_signature + self.ephemeral_pk

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> "SumPayload":
        cursor = Cursor(data, "sum message")
        found = cls(cursor.take(SIGNATURE_SIZE), cursor.take(KEY_SIZE))
        cursor.finish()
        return found


@dataclass(frozen=True)
class UpdatePayload:
    """A masked model, and its mask's seed sealed to each sum participant's ephemeral key.

    `local_seeds` is {sum participant pk (32): sealed seed (80)}.
    """

    tag: ClassVar[Tag] = Tag.UPDATE
    sum_signature: bytes
    update_signature: bytes
    masked_model: MaskObject
    local_seeds: Mapping[bytes, bytes] = field(repr=False)

    def to_bytes(self) -> bytes:
        size = 4 + _ENTRY_SIZE * len(self.local_seeds)
        entries = b"".join(key + seed for key, seed in self.local_seeds.items())
        model = self.masked_model.to_bytes()
        signatures = self.sum_signature + self.update_signature
        return signatures + model + size.to_bytes(4, "big") + entries

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> "UpdatePayload":
        cursor = Cursor(data, "update message")
        signatures = cursor.take(SIGNATURE_SIZE), cursor.take(SIGNATURE_SIZE)
        model, cursor.rest = MaskObject.read(cursor.rest)
        found = cls(*signatures, model, _read_local_seeds(cursor))
        cursor.finish()
        return found


@dataclass(frozen=True)
class Sum2Payload:
    """A sum participant's second message: the sum of all masks."""

    tag: ClassVar[Tag] = Tag.SUM2
    sum_signature: bytes
    mask: MaskObject

    def to_bytes(self) -> bytes:
        return self.sum_signature + self.mask.to_bytes()

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> "Sum2Payload":
        cursor = Cursor(data, "sum2 message")
        return cls(cursor.take(SIGNATURE_SIZE), MaskObject.from_bytes(cursor.rest))


Payload = SumPayload | UpdatePayload | Sum2Payload
_KINDS = {kind.tag: kind for kind in (SumPayload, UpdatePayload, Sum2Payload)}


def parse_payload(tag: Tag, data: bytes | memoryview) -> Payload:
    """The payload of a message of that kind, all of `data`, or DecodeError."""
    return _KINDS[tag].from_bytes(data)


def _read_local_seeds(cursor: Cursor) -> dict[bytes, bytes]:
    count, odd = divmod(cursor.uint(4, "big") - 4, _ENTRY_SIZE)
    if odd or count < 0:
        raise DecodeError("update message: the seed dictionary's length does not fit its entries")
    entries = Cursor(cursor.view(count * _ENTRY_SIZE), "seed dictionary")
    seeds = {entries.take(KEY_SIZE): entries.take(SEALED_SEED_SIZE) for _ in range(count)}
    if len(seeds) != count:
        raise DecodeError("update message: a sum participant stands in the seeds twice")
    return seeds
