"""Reads a published global model, .npy or bincode, and bounds what the coordinator may answer."""

import ast

import numpy as np

from petal.errors import DecodeError, LengthMismatchError
from petal.mask import MaskConfigPair
from petal.wire import decode_model

_NPY_MAGIC = b"\x93NUMPY\x01\x00"
_MAX_NPY_HEADER = 4096

MAX_MODEL_LENGTH = 2**28
MAX_PARAMS_BYTES = 4096
MAX_SUMS_BYTES = 8 + 80 * 10**6


def decode_global_model(body: bytes, length: int, config: MaskConfigPair) -> np.ndarray:
    """The model as a read-only array of shape (length,) in the data type's dtype.

    Our coordinator answers in .npy, Xaynet's in bincode rationals; no bincode body starts like
    an .npy (it would announce 10^18 weights). DecodeError if it is neither; LengthMismatchError
    if it is a model, but of another length or data type than the round's.
    """
    dtype = config.vect.data.dtype
    model = _from_npy(body) if body.startswith(_NPY_MAGIC) else _from_ratios(body, dtype)
    if model.shape != (length,) or model.dtype != dtype:
        raise LengthMismatchError(
            f"the published global model has {len(model)} {model.dtype.name} weights and the "
            f"round {length} {dtype.name}: it is left aside"
        )
    model.flags.writeable = False
    return model


def _from_npy(body: bytes) -> np.ndarray:
    """A view of the body; numpy's own reader would copy, and reads more than plain vectors."""
    end = 10 + int.from_bytes(body[8:10], "little")
    if end > min(len(body), _MAX_NPY_HEADER):
        raise DecodeError("a global model with a truncated .npy header")
    try:
        header = ast.literal_eval(body[10:end].decode("ascii").strip())
        dtype = np.dtype({"<f4": "<f4", "<f8": "<f8", "<i4": "<i4", "<i8": "<i8"}[header["descr"]])
        rows = (len(body) - end) // dtype.itemsize
        plain = header == {"descr": dtype.str, "fortran_order": False, "shape": (rows,)}
    except (ValueError, SyntaxError, KeyError, TypeError, RecursionError, MemoryError):
        raise DecodeError("a global model with an unreadable .npy header") from None
    if not plain or end + rows * dtype.itemsize != len(body):
        raise DecodeError("a global model whose .npy is not one whole vector")
    return np.frombuffer(body, dtype, rows, end)


def _from_ratios(body: bytes, dtype: np.dtype) -> np.ndarray:
    ratios = decode_model(body)
    limits = np.iinfo(dtype) if dtype.kind == "i" else np.finfo(dtype)
    kind = int if dtype.kind == "i" else float
    least, most = kind(limits.min), kind(limits.max)
    return np.array([kind(min(max(ratio, least), most)) for ratio in ratios], dtype)


def max_model_bytes(length: int, config: MaskConfigPair) -> int:
    """The longest body a global model can have: a rational a weight, in 32-bit digits."""
    bits = 2 * (config.vect.order.bit_length() + config.unit.order.bit_length()) + 64
    return _MAX_NPY_HEADER + length * (2 * (1 + 8) + 2 * (bits // 8 + 4))


def max_seeds_bytes(config: MaskConfigPair) -> int:
    """The longest seed dictionary of one sum participant, up to a million update participants."""
    return 8 + 128 * min(config.vect.max_models, 10**6)
