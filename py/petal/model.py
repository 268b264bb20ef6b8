"""A model's arrays as the one flat vector that a round averages, and back.

    layout = Layout.of([weights, bias])        # or a dictionary, or a fitted scikit-learn estimator
    vector = layout.flatten([weights, bias])   # what `train` returns
    weights, bias = layout.split(model)        # what `train` was given

The order is the sequence's, the dictionary's, or an estimator's coefficients before its
intercepts; all participants must have the same. PyTorch brings its own pair for this,
`torch.nn.utils.parameters_to_vector` and `vector_to_parameters`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from petal.errors import ModelShapeError

Arrays = Sequence[np.ndarray] | Mapping[str, np.ndarray]
# What scikit-learn's linear models and its multi-layer perceptrons learn.
_FITTED = (("coefs_", "intercepts_"), ("coef_", "intercept_"))


@dataclass(frozen=True)
class Layout:
    """Where each array of a model stands in the vector."""

    shapes: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, model: Any) -> "Layout":
        """The layout of arrays, or of an estimator that has been fitted.

        A `partial_fit` on a few rows that show every class is enough to give it its shapes.

        Raises:
            ModelShapeError: It is neither, or not fitted yet.
        """
        return cls(tuple(np.shape(array) for array in _arrays(model)))

    @property
    def length(self) -> int:
        """Numbers in the vector: the coordinator's `model.length`."""
        return sum(int(np.prod(shape)) for shape in self.shapes)

    def flatten(self, model: Any, dtype: np.typing.DTypeLike = np.float32) -> np.ndarray:
        """The model's numbers, `dtype[length]`; a copy.

        Raises:
            ModelShapeError: The arrays are not of this layout.
        """
        arrays = [np.asarray(array) for array in _arrays(model)]
        found = tuple(array.shape for array in arrays)
        if found != self.shapes:
            raise ModelShapeError(f"arrays of the shapes {self.shapes} were expected, not {found}")
        return np.concatenate([array.ravel() for array in arrays], dtype=dtype, casting="same_kind")

    def split(self, vector: np.ndarray) -> list[np.ndarray]:
        """The arrays that a vector holds, of its dtype; copies, in the layout's order.

        Raises:
            ModelShapeError: The vector is not of this length.
        """
        if np.shape(vector) != (self.length,):
            raise ModelShapeError(f"a vector of {self.length} was expected, not {np.shape(vector)}")
        ends = np.cumsum([int(np.prod(shape)) for shape in self.shapes])
        pieces = np.split(vector, ends[:-1])
        return [
            piece.reshape(shape).copy() for piece, shape in zip(pieces, self.shapes, strict=True)
        ]

    def write(self, vector: np.ndarray, estimator: Any) -> None:
        """Have a fitted scikit-learn estimator go on from the vector, in its own dtypes.

        Raises:
            ModelShapeError: The vector or the estimator is not of this layout.
        """
        self.flatten(estimator)
        parts = iter(self.split(vector))
        for name in _fitted(estimator):
            learned = getattr(estimator, name)
            several = isinstance(learned, list)
            new = [next(parts).astype(old.dtype) for old in (learned if several else [learned])]
            setattr(estimator, name, new if several else new[0])


def _arrays(model: Any) -> list:
    if isinstance(model, np.ndarray):
        return [model]
    if isinstance(model, Mapping):
        return list(model.values())
    if isinstance(model, Sequence):
        return list(model)
    learned = [getattr(model, name) for name in _fitted(model)]
    return [array for part in learned for array in (part if isinstance(part, list) else [part])]


def _fitted(estimator: Any) -> tuple[str, str]:
    for names in _FITTED:
        if all(hasattr(estimator, name) for name in names):
            return names
    raise ModelShapeError(
        f"{type(estimator).__name__} is neither arrays nor a fitted estimator with coefficients "
        "and intercepts: pass its arrays as a list, or fit it on a few rows of every class first"
    )
