"""A masked model or a mask, in memory and on the wire."""

import numpy as np

from petal.errors import DecodeError
from petal.mask import group
from petal.mask.config import MaskConfig, MaskConfigPair

Config = MaskConfig | MaskConfigPair
_HEAD = 8


class MaskObject:
    """A vector of group elements and one for the scalar.

    `limbs` is uint64[n, limbs]. An object read from the wire may hold elements at or above the
    order: `in_range` tells, and `Aggregation.validate` refuses it.
    """

    __slots__ = ("config", "limbs", "unit")

    def __init__(self, config: Config, limbs: np.ndarray, unit: int):
        self.config = MaskConfigPair.of(config)
        self.limbs = limbs
        self.unit = unit

    def __len__(self) -> int:
        return len(self.limbs)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, MaskObject):
            return NotImplemented
        same = self.config == other.config and self.unit == other.unit
        return same and np.array_equal(self.limbs, other.limbs)

    def __hash__(self) -> int:
        return hash(self.to_bytes())

    def __repr__(self) -> str:
        return f"<MaskObject {self.config}, {len(self)} elements>"

    @property
    def vect(self) -> list[int]:
        """The elements as Python integers, made on request."""
        return group.to_ints(self.limbs)

    def in_range(self) -> bool:
        """Whether every element is below its order."""
        vect, unit = self.config.vect, self.config.unit
        return self.unit < unit.order and not group.at_least(self.limbs, vect.order).any()

    def plus(self, other: "MaskObject") -> "MaskObject":
        """The element-wise sum modulo the order of two objects of one shape."""
        total = self.limbs.copy()
        group.add_into(total, other.limbs, self.config.vect.order)
        unit = (self.unit + other.unit) % self.config.unit.order
        return MaskObject(self.config, total, unit)

    def to_bytes(self) -> bytes:
        """vect: config 4, count u32 BE, elements little-endian; unit: config 4, element."""
        vect, unit = self.config.vect, self.config.unit
        return b"".join(
            (
                vect.to_bytes(),
                len(self).to_bytes(4, "big"),
                group.encode(self.limbs, vect.bytes_per_number),
                unit.to_bytes(),
                self.unit.to_bytes(unit.bytes_per_number, "little"),
            )
        )

    @classmethod
    def from_bytes(cls, data: bytes | memoryview) -> "MaskObject":
        """Exactly one object, nothing left over, or DecodeError."""
        found, rest = cls.read(data)
        if len(rest):
            raise DecodeError(f"{len(rest)} bytes follow the mask object")
        return found

    @classmethod
    def read(cls, data: bytes | memoryview) -> tuple["MaskObject", memoryview]:
        """One object from the front of `data`, and what follows it."""
        rest = memoryview(data)
        head, rest = _take(rest, _HEAD)
        vect = MaskConfig.from_bytes(head[:4])
        count = int.from_bytes(head[4:], "big")
        elements, rest = _take(rest, count * vect.bytes_per_number)
        config, rest = _take(rest, 4)
        unit = MaskConfig.from_bytes(config)
        scalar, rest = _take(rest, unit.bytes_per_number)
        limbs = group.decode(elements, vect.bytes_per_number, vect.limbs)
        return cls(MaskConfigPair(vect, unit), limbs, int.from_bytes(scalar, "little")), rest


def _take(data: memoryview, size: int) -> tuple[memoryview, memoryview]:
    if len(data) < size:
        raise DecodeError(f"a mask object ends early: {size} bytes wanted, {len(data)} there")
    return data[:size], data[size:]
