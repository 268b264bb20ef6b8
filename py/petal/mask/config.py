"""The 240 masking configurations and the numbers that follow from each."""

import json
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property
from pkgutil import get_data

import numpy as np

from petal.errors import ConfigError, DecodeError


class GroupType(IntEnum):
    """The shape of the group's order; the value stands on the wire."""

    Integer = 0
    Prime = 1
    Power2 = 2


class DataType(IntEnum):
    """The type of a weight; the value stands on the wire."""

    F32 = 0
    F64 = 1
    I32 = 2
    I64 = 3

    @property
    def dtype(self) -> np.dtype:
        """The numpy type of a global model of this data type."""
        return np.dtype(("<f4", "<f8", "<i4", "<i8")[self])

    @property
    def is_float(self) -> bool:
        return self in (DataType.F32, DataType.F64)


class BoundType(IntEnum):
    """The largest magnitude of a weight; the value stands on the wire."""

    B0 = 0
    B2 = 2
    B4 = 4
    B6 = 6
    Bmax = 255


class ModelType(IntEnum):
    """How many models may be added, as a power of ten; the value stands on the wire."""

    M3 = 3
    M6 = 6
    M9 = 9
    M12 = 12


# Not all derivable: some Bmax rows are rounded, so the table is data.
_ORDERS: dict[str, str] = json.loads(get_data(__package__, "orders.json"))

_BMAX_SHIFT = {
    DataType.F32: int(np.finfo(np.float32).max),
    DataType.F64: int(np.finfo(np.float64).max),
    DataType.I32: 2**31,
    DataType.I64: 2**63,
}


@dataclass(frozen=True)
class MaskConfig:
    """How numbers become group elements. `str()` and `parse()` use "Prime/F32/B0/M3"."""

    group: GroupType
    data: DataType
    bound: BoundType
    model: ModelType

    @classmethod
    def parse(cls, name: str) -> "MaskConfig":
        """The configuration of that name; ConfigError lists what is possible."""
        try:
            group, data, bound, model = name.split("/")
            return cls(GroupType[group], DataType[data], BoundType[bound], ModelType[model])
        except (KeyError, ValueError, AttributeError):
            kinds = (GroupType, DataType, BoundType, ModelType)
            shape = "/".join("|".join(kind.__members__) for kind in kinds)
            raise ConfigError(f"no masking configuration {name!r}: want {shape}") from None

    def __str__(self) -> str:
        return "/".join(part.name for part in self._parts)

    @classmethod
    def from_bytes(cls, data: bytes) -> "MaskConfig":
        """From the 4 bytes of the wire; DecodeError if they name no configuration."""
        if len(data) != 4:
            raise DecodeError(f"a masking configuration has 4 bytes, not {len(data)}")
        try:
            return cls(
                GroupType(data[0]), DataType(data[1]), BoundType(data[2]), ModelType(data[3])
            )
        except ValueError as error:
            raise DecodeError(f"no such masking configuration: {error}") from None

    def to_bytes(self) -> bytes:
        """The 4 bytes of the wire."""
        return bytes(self._parts)

    @property
    def _parts(self) -> tuple[IntEnum, ...]:
        return self.group, self.data, self.bound, self.model

    @cached_property
    def order(self) -> int:
        """The order of the group: elements are 0 .. order - 1."""
        return int(_ORDERS[str(self)])

    @cached_property
    def bytes_per_number(self) -> int:
        """Bytes of one element on the wire."""
        return ((self.order - 1).bit_length() + 7) // 8

    @cached_property
    def limbs(self) -> int:
        """64-bit words of one element in memory."""
        return (self.bytes_per_number + 7) // 8

    @property
    def max_models(self) -> int:
        """How many models may be added before a sum could wrap around."""
        return 10**self.model

    @cached_property
    def add_shift(self) -> int:
        """A: weights are clamped to [-A, A] and moved up by it."""
        return _BMAX_SHIFT[self.data] if self.bound == BoundType.Bmax else 10**self.bound

    @cached_property
    def exp_shift(self) -> int:
        """E: how finely a weight is counted; one step is 1 / E."""
        if self.bound == BoundType.Bmax and self.data.is_float:
            return 10 ** (45 if self.data == DataType.F32 else 324)
        return 10 ** (20 if self.data == DataType.F64 else 10)


@dataclass(frozen=True)
class MaskConfigPair:
    """The configuration of the weights and that of the scalar."""

    vect: MaskConfig
    unit: MaskConfig

    @classmethod
    def of(cls, config: "MaskConfig | MaskConfigPair") -> "MaskConfigPair":
        """A pair as it is; one configuration for both, as Xaynet always sets it."""
        return config if isinstance(config, cls) else cls(config, config)

    def __str__(self) -> str:
        return str(self.vect) if self.vect == self.unit else f"{self.vect} + {self.unit}"
