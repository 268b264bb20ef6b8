"""What the coordinator's GET routes answer: bincode 1.x with its default options.

Little-endian, lengths as u64, byte strings as length and bytes.
"""

import struct
from collections.abc import Iterable, Mapping
from fractions import Fraction

import numpy as np

from petal.crypto import KEY_SIZE, SEED_SIZE
from petal.errors import DecodeError, RoundError
from petal.mask import (
    BoundType,
    DataType,
    GroupType,
    MaskConfig,
    MaskConfigPair,
    ModelType,
    Ratios,
)
from petal.round import RoundParameters
from petal.wire.cursor import Cursor
from petal.wire.reduction import Divisor

_INTEGER = np.dtype([("sign", "i1"), ("count", "<u8"), ("digits", "<u8")])
# Records of this many weights stay in the second-level cache.
_BLOCK = 1 << 14

# Enum variants are written as positions, not as the numbers of the mask object's header.
_VARIANTS = tuple(tuple(kind) for kind in (GroupType, DataType, BoundType, ModelType))


def encode_params(params: RoundParameters) -> bytes:
    """The 136 bytes of GET /params."""
    chances = struct.pack("<dd", params.sum_prob, params.update_prob)
    pair = params.mask_config
    configs = b"".join(_encode_config(config) for config in (pair.vect, pair.unit))
    length = params.model_length.to_bytes(8, "little")
    return _string(params.coordinator_pk) + chances + _string(params.seed) + configs + length


def decode_params(data: bytes) -> RoundParameters:
    """Round parameters, or DecodeError."""
    cursor = Cursor(data, "round parameters")
    key = _read_string(cursor, KEY_SIZE)
    chances = struct.unpack("<dd", cursor.take(16))
    seed = _read_string(cursor, SEED_SIZE)
    pair = MaskConfigPair(_read_config(cursor), _read_config(cursor))
    length = cursor.uint(8)
    cursor.finish()
    try:
        return RoundParameters(key, *chances, seed, pair, length)
    except RoundError as error:
        raise DecodeError(f"round parameters: {error}") from None


def encode_dictionary(entries: Mapping[bytes, bytes]) -> bytes:
    """A sum dictionary or one sum participant's seeds: {32-byte key: value}."""
    pairs = (_string(key) + _string(value) for key, value in entries.items())
    return len(entries).to_bytes(8, "little") + b"".join(pairs)


def decode_dictionary(data: bytes, value_size: int) -> dict[bytes, bytes]:
    """{32-byte key: value of `value_size` bytes}, in the order sent; DecodeError on a repeat."""
    cursor = Cursor(data, "dictionary")
    count, entries = cursor.uint(8), {}
    for _ in range(count):
        key = _read_string(cursor, KEY_SIZE)
        if key in entries:
            raise DecodeError("dictionary: a key stands there twice")
        entries[key] = _read_string(cursor, value_size)
    cursor.finish()
    return entries


def encode_model(weights: Ratios | Iterable[Fraction]) -> bytes:
    """A global model: per weight two big integers, reduced. 26 to 42 bytes a weight."""
    if isinstance(weights, Ratios):
        if isinstance(weights.numerators, np.ndarray) and weights.denominator < 2**63:
            return _encode_small(weights.numerators, weights.denominator)
        weights = weights.fractions()
    parts = [_integer(w.numerator) + _integer(w.denominator) for w in weights]
    return len(parts).to_bytes(8, "little") + b"".join(parts)


def decode_model(data: bytes) -> list[Fraction]:
    """A global model's weights, exactly; DecodeError for anything but reduced fractions."""
    cursor = Cursor(data, "model")
    weights = []
    for _ in range(cursor.uint(8)):
        over, under = _read_integer(cursor), _read_integer(cursor)
        if under <= 0:
            raise DecodeError("model: a denominator is not positive")
        weight = Fraction(over, under)
        if weight.denominator != under:
            raise DecodeError("model: a fraction is not reduced")
        weights.append(weight)
    cursor.finish()
    return weights


def _encode_small(numerators: np.ndarray, denominator: int) -> bytes:
    """`encode_model` of int64 numerators over a denominator below 2^63."""
    divisor, whole = Divisor.of(denominator), np.uint64(denominator)
    parts = [len(numerators).to_bytes(8, "little")]
    for start in range(0, len(numerators), _BLOCK):
        block = numerators[start : start + _BLOCK]
        sizes = np.abs(block).astype(np.uint64)
        common = divisor.common(sizes)
        pairs = np.stack((sizes // common, whole // common), axis=1)
        parts.append(_small_integers(np.sign(block), pairs))
    return b"".join(parts)


def _small_integers(signs: np.ndarray, pairs: np.ndarray) -> bytes:
    """Of int8-sized signs[n] and sizes uint64[n, 2]: full-sized records, then the unused digits
    cut out."""
    sizes = pairs.reshape(-1)
    one, two = sizes > 0, sizes >= 2**32
    records = np.empty(len(sizes), _INTEGER)
    records["sign"][0::2], records["sign"][1::2] = signs, 1
    records["count"] = one.astype(np.uint8) + two
    records["digits"] = sizes
    used = np.ones((len(sizes), _INTEGER.itemsize), bool)
    used[:, 9:13], used[:, 13:] = one[:, None], two[:, None]
    return records.view(np.uint8).reshape(used.shape)[used].tobytes()


def _string(value: bytes) -> bytes:
    return len(value).to_bytes(8, "little") + value


def _read_string(cursor: Cursor, size: int) -> bytes:
    got = cursor.uint(8)
    if got != size:
        raise DecodeError(f"a byte string of {size} was wanted, one of {got} came")
    return cursor.take(size)


def _encode_config(config: MaskConfig) -> bytes:
    parts = config.group, config.data, config.bound, config.model
    places = (kind.index(part) for kind, part in zip(_VARIANTS, parts, strict=True))
    return struct.pack("<IIII", *places)


def _read_config(cursor: Cursor) -> MaskConfig:
    try:
        return MaskConfig(*(kind[cursor.uint(4)] for kind in _VARIANTS))
    except IndexError:
        raise DecodeError("round parameters: no such masking configuration") from None


def _integer(value: int) -> bytes:
    digits = (value.bit_length() + 31) // 32
    sign = (value > 0) - (value < 0)
    return struct.pack("<bQ", sign, digits) + abs(value).to_bytes(4 * digits, "little")


def _read_integer(cursor: Cursor) -> int:
    sign, digits = struct.unpack("<bQ", cursor.take(9))
    size = int.from_bytes(cursor.view(4 * digits), "little")
    minimal = digits == (size.bit_length() + 31) // 32
    if sign not in (-1, 0, 1) or (sign == 0) != (size == 0) or not minimal:
        raise DecodeError("model: an integer is not in its shortest form")
    return sign * size
