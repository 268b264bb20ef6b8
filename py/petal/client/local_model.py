"""Local models as Xaynet's users give them, lists or arrays, to what a round asks for."""

from collections.abc import Sequence

import numpy as np

from petal.client.xaynet_sdk import LocalModelDataTypeMisMatch, LocalModelLengthMisMatch
from petal.round import RoundParameters


def to_weights(values: Sequence | np.ndarray, params: RoundParameters | None) -> np.ndarray:
    """The values in the round's dtype; one of the two exceptions where that loses something.

    Integers are fine for a float round; floats, or integers out of range, are not for an
    integer round, and neither are NaN and infinities for any.
    """
    if params is None:
        raise LocalModelLengthMisMatch(
            "the length of the model is not known yet: no round parameters could be fetched"
        )
    if len(values) != params.model_length:
        raise LocalModelLengthMisMatch(
            "the local model length is incompatible with the model length of the current model "
            f"configuration {len(values)} != {params.model_length}"
        )
    return _converted(values, params.mask_config.vect.data.dtype)


def _converted(values: Sequence | np.ndarray, dtype: np.dtype) -> np.ndarray:
    try:
        given = np.asarray(values)
    except ValueError as error:
        raise LocalModelDataTypeMisMatch(f"the local model is no vector: {error}") from None
    if given.ndim != 1 or given.dtype.kind not in ("iu" if dtype.kind == "i" else "biuf"):
        raise LocalModelDataTypeMisMatch(
            f"the local model holds {given.dtype.name} numbers in {given.ndim} dimensions; "
            f"the round asks for a vector of {dtype.name}"
        )
    with np.errstate(over="ignore"):
        converted = given.astype(dtype)
    fits = np.isfinite(converted).all() if dtype.kind == "f" else (converted == given).all()
    if not fits:
        raise LocalModelDataTypeMisMatch(f"some numbers of the local model are no {dtype.name}")
    return converted
