"""A tabular task: is a tumour malignant or benign, told from 30 measurements of its cells.

docs/tasks.md says what a task's module must have. numpy only; runs in CPython and in a tab.
Every function raises ValueError with a sentence for the person in front of the page.
"""

import csv
import io
from dataclasses import dataclass
from os import PathLike
from pathlib import Path

import numpy as np

FEATURES, CLASSES, HIDDEN = 30, 2, 8
KINDS = ("malignant", "benign")
SHAPES = ((FEATURES, HIDDEN), (HIDDEN,), (HIDDEN, CLASSES), (CLASSES,))
MODEL_LENGTH = sum(int(np.prod(shape)) for shape in SHAPES)
# Weights stay below 5 and scalars below 1 for the sample's parties.
CONFIG = "Prime/F32/B2/M3"

EPOCHS, BATCH, LEARNING_RATE = 6, 16, 0.005
PARTIES, NATIVE_PARTICIPANTS = 12, 8
HELD_OUT_EVERY = 5

# What everybody scales by: mean and standard deviation of the held-out rows (make_data.py).
MIDDLE = np.float32(
    [
        (14.2, 19.0, 92.2, 657, 0.0973, 0.104, 0.0885, 0.0489, 0.181, 0.0628),
        (0.413, 1.23, 2.88, 41.6, 0.00716, 0.0252, 0.0311, 0.0118, 0.0213, 0.00397),
        (16.3, 25.4, 107, 887, 0.133, 0.249, 0.271, 0.114, 0.292, 0.0836),
    ]
).reshape(-1)
SPREAD = np.float32(
    [
        (3.49, 4.63, 24.0, 355, 0.0135, 0.0506, 0.0796, 0.0382, 0.027, 0.00705),
        (0.318, 0.586, 2.36, 54.4, 0.00289, 0.0181, 0.0238, 0.0062, 0.00976, 0.00332),
        (4.82, 6.58, 33.0, 566, 0.0214, 0.145, 0.201, 0.0655, 0.0679, 0.0166),
    ]
).reshape(-1)
FARTHEST = 10  # spreads from the middle; a measurement beyond counts as this far


@dataclass(frozen=True)
class Shard:
    """One party's rows: measurements, float32 [n, 30], and kinds, uint8 [n]."""

    features: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    def counts(self) -> list[int]:
        """How many rows of each kind."""
        return np.bincount(self.labels, minlength=CLASSES).tolist()


@dataclass(frozen=True)
class Dataset:
    """What may be dealt out, and the rows that no party ever trains on."""

    training: Shard
    held_out: Shard


def load(data: bytes | str | PathLike) -> Dataset:
    """Read cancer.csv, given as its bytes or as a path; every fifth row of a kind is held out."""
    raw = Path(data).read_bytes() if isinstance(data, str | PathLike) else bytes(data)
    rows = list(csv.reader(io.StringIO(raw.decode())))[1:]
    features = np.array([row[:FEATURES] for row in rows], np.float32)
    labels = np.array([KINDS.index(row[FEATURES]) for row in rows], np.uint8)
    held_out = np.zeros(len(rows), bool)
    for kind in range(CLASSES):
        held_out[np.flatnonzero(labels == kind)[::HELD_OUT_EVERY]] = True
    return Dataset(
        Shard(features[~held_out], labels[~held_out]), Shard(features[held_out], labels[held_out])
    )


def shards(dataset: Dataset, n: int = PARTIES, seed: int = 0, spread: float = 3) -> list[Shard]:
    """Deal the training rows to `n` parties, each kind in Dirichlet proportions; nobody gets none.

    A small `spread` gives every party another mixture; sizes differ too. Disjoint and complete.
    """
    whole = dataset.training
    if not 1 <= n <= 64:
        raise ValueError(f"The rows are dealt to 1..64 parties, not {n}.")
    random = np.random.default_rng(seed)
    owner = np.empty(len(whole), int)
    for kind in range(CLASSES):
        rows = random.permutation(np.flatnonzero(whole.labels == kind))
        ends = np.cumsum(random.dirichlet(np.full(n, spread))) * (len(rows) - n)
        ends = ends.round().astype(int) + np.arange(1, n + 1)  # one row for certain
        owner[rows] = np.searchsorted(ends, np.arange(len(rows)), side="right").clip(max=n - 1)
    return [Shard(whole.features[owner == i], whole.labels[owner == i]) for i in range(n)]


def examples(features, labels) -> Shard:
    """Rows of one's own: k x 30 finite numbers and k kinds, 0 or 1."""
    kinds = np.asarray(labels, np.int64).reshape(-1)
    rows = np.asarray(features, np.float32).reshape(-1, FEATURES)
    if len(rows) != len(kinds):
        raise ValueError(f"{len(rows)} rows need as many labels, not {len(kinds)}.")
    if not np.isfinite(rows).all():
        raise ValueError("A measurement must be a finite number.")
    if len(kinds) and not 0 <= kinds.min() <= kinds.max() < CLASSES:
        raise ValueError("A label must be 0 (malignant) or 1 (benign).")
    return Shard(rows, kinds.astype(np.uint8))


def join(*parts: Shard) -> Shard:
    """All rows of several shards in one."""
    return Shard(
        np.concatenate([np.zeros((0, FEATURES), np.float32), *(part.features for part in parts)]),
        np.concatenate([np.zeros(0, np.uint8), *(part.labels for part in parts)]),
    )


def first_model() -> np.ndarray:
    """The weights everybody starts from while there is no global model, float32 [MODEL_LENGTH]."""
    # RandomState's streams are frozen for good, so every numpy gives every party the same start.
    random = np.random.RandomState(1995)
    w1, b1, w2, b2 = (np.zeros(shape, np.float32) for shape in SHAPES)
    w1 += random.uniform(-1, 1, w1.shape) * np.sqrt(6 / (FEATURES + HIDDEN))
    w2 += random.uniform(-1, 1, w2.shape) * np.sqrt(6 / (HIDDEN + CLASSES))
    return _flat((w1, b1, w2, b2))


def train(model, shard: Shard, seed: int = 0, epochs: int = EPOCHS) -> np.ndarray:
    """Go on from the global model on one party's own rows; gives the new weights.

    Stochastic gradient descent with momentum on the cross entropy; `seed` orders the batches.
    """
    if not len(shard):
        raise ValueError("There is nothing to train on: add rows or take a shard first.")
    weights = first_model() if model is None else _checked(model).copy()
    inputs, targets = _inputs(shard.features), np.eye(CLASSES, dtype=np.float32)[shard.labels]
    random, speed = np.random.default_rng(seed), np.zeros_like(weights)
    for _ in range(epochs):
        order = random.permutation(len(shard))
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            speed = 0.9 * speed - LEARNING_RATE * _gradient(weights, inputs[rows], targets[rows])
            weights += speed
    return weights


def weight(shard: Shard) -> float:
    """The scalar of this party's update: hundreds of rows, so that every row counts alike."""
    return len(shard) / 100


def evaluate(model, shard: Shard) -> float:
    """The share of rows that the model names right, 0..1."""
    _, scores = _forward(_layers(_checked(model)), _inputs(shard.features))
    return float((scores.argmax(axis=1) == shard.labels).mean())


def loss(model, shard: Shard) -> float:
    """The mean cross entropy, in nats."""
    _, scores = _forward(_layers(_checked(model)), _inputs(shard.features))
    right = _softmax(scores)[np.arange(len(shard)), shard.labels]
    return float(-np.log(np.maximum(right, 1e-12)).mean())


def predict(model, row) -> np.ndarray:
    """The model's probabilities of malignant and benign, float32 [2]."""
    features = examples([row], [0]).features
    _, scores = _forward(_layers(_checked(model)), _inputs(features))
    return _softmax(scores)[0]


def _inputs(features: np.ndarray) -> np.ndarray:
    return ((features - MIDDLE) / SPREAD).clip(-FARTHEST, FARTHEST)


def _checked(model) -> np.ndarray:
    weights = np.asarray(model, np.float32).reshape(-1)
    if weights.size != MODEL_LENGTH:
        raise ValueError(f"This task's model has {MODEL_LENGTH} weights, not {weights.size}.")
    return weights


def _layers(weights: np.ndarray) -> list[np.ndarray]:
    ends = np.cumsum([int(np.prod(shape)) for shape in SHAPES])[:-1]
    return [w.reshape(s) for w, s in zip(np.split(weights, ends), SHAPES, strict=True)]


def _flat(layers) -> np.ndarray:
    return np.concatenate([layer.reshape(-1) for layer in layers]).astype(np.float32)


def _forward(layers, inputs: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    w1, b1, w2, b2 = layers
    hidden = np.tanh(inputs @ w1 + b1)
    return hidden, hidden @ w2 + b2


def _softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _gradient(weights: np.ndarray, inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    layers = _layers(weights)
    hidden, scores = _forward(layers, inputs)
    at_scores = (_softmax(scores) - targets) / len(inputs)
    at_hidden = (at_scores @ layers[2].T) * (1 - hidden**2)
    return _flat(
        (inputs.T @ at_hidden, at_hidden.sum(axis=0), hidden.T @ at_scores, at_scores.sum(axis=0))
    )
