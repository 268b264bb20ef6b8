"""Masking: numbers become group elements, masks hide them, sums unhide only the mean."""

from petal.mask.config import (
    BoundType,
    DataType,
    GroupType,
    MaskConfig,
    MaskConfigPair,
    ModelType,
)
from petal.mask.fixed_point import Clamping
from petal.mask.masking import Aggregation, Masker, derive_mask, sum_masks
from petal.mask.object import MaskObject
from petal.mask.ratios import Ratios

__all__ = [
    "Aggregation",
    "BoundType",
    "Clamping",
    "DataType",
    "GroupType",
    "MaskConfig",
    "MaskConfigPair",
    "MaskObject",
    "Masker",
    "ModelType",
    "Ratios",
    "derive_mask",
    "sum_masks",
]
