"""The demo's learning task: handwritten digits, a small network, numpy only.

docs/tasks.md says what a task's module must have. The same file runs in CPython and in a tab's
worker. All that crosses from the page may be a list, a typed array or a numpy array; `Dataset`
and `Shard` stay in Python:

    load(data)                     bytes of digits.npz (or a path)   -> Dataset
    shards(dataset)                one a party, no image twice       -> list of PARTIES Shard
    examples(images, labels)       k 8x8 images 0..16, k digits      -> Shard
    join(shard, shard, ...)        e.g. a shard and the drawings     -> Shard
    from_canvas(ink)               h x w, 0 = paper, any maximum     -> uint8 [8, 8], 0..16
    train(model, shard, seed)      float32 [MODEL_LENGTH] or None    -> float32 [MODEL_LENGTH]
    weight(shard)                  the scalar to send with an update -> float
    evaluate(model, shard)         e.g. dataset.held_out             -> accuracy 0..1
    loss(model, shard)             the mean cross entropy            -> nats
    predict(model, image)          8x8 or 64 numbers 0..16           -> float32 [10], sums to 1

Every function raises ValueError with a sentence for the person in front of the page.
"""

import io
from dataclasses import dataclass
from math import isqrt
from os import PathLike

import numpy as np

SIDE, PIXELS, MAX_PIXEL, CLASSES, HIDDEN = 8, 64, 16, 10, 32
SHAPES = ((PIXELS, HIDDEN), (HIDDEN,), (HIDDEN, CLASSES), (CLASSES,))
MODEL_LENGTH = sum(int(np.prod(shape)) for shape in SHAPES)
# Weights stay below 3 and scalars below 15, far inside the bound of 100 on their product.
CONFIG = "Prime/F32/B2/M3"

EPOCHS, BATCH, LEARNING_RATE = 8, 16, 0.01
NOISE = 0.2  # on inputs of 0..1; makes the model kinder to drawings that the writers never made

# The native participants of `petal demo` hold the first shards, visitors draw from the others.
PARTIES, NATIVE_PARTICIPANTS = 20, 8


@dataclass(frozen=True)
class Shard:
    """One party's images, uint8 [n, 64] of 0..16, and their digits, uint8 [n]."""

    images: np.ndarray
    labels: np.ndarray

    def __len__(self) -> int:
        return len(self.labels)

    @property
    def features(self) -> np.ndarray:
        return self.images

    def counts(self) -> list[int]:
        """How many images of each digit."""
        return np.bincount(self.labels, minlength=CLASSES).tolist()


@dataclass(frozen=True)
class Dataset:
    """What may be dealt out, and the fixed 360 images that no party ever trains on."""

    training: Shard
    held_out: Shard


def load(data: bytes | str | PathLike) -> Dataset:
    """Read digits.npz, given as its bytes or as a path."""
    is_path = isinstance(data, str | PathLike)
    with np.load(data if is_path else io.BytesIO(bytes(data)), allow_pickle=False) as file:
        images, labels, held_out = file["images"], file["labels"], file["held_out"]
    return Dataset(
        Shard(images[~held_out], labels[~held_out]), Shard(images[held_out], labels[held_out])
    )


def shards(dataset: Dataset, n: int = PARTIES, seed: int = 0, spread: float = 1.5) -> list[Shard]:
    """Deal the training images to `n` parties, each digit in Dirichlet proportions.

    A small `spread` gives every party other digits; sizes differ too. Disjoint and complete.
    """
    if not 1 <= n <= 64:
        raise ValueError(f"The digits are dealt to 1..64 parties, not {n}.")
    random = np.random.default_rng(seed)
    hands: list[list[np.ndarray]] = [[] for _ in range(n)]
    for digit in range(CLASSES):
        rows = random.permutation(np.flatnonzero(dataset.training.labels == digit))
        shares = random.dirichlet(np.full(n, spread))
        cuts = (np.cumsum(shares)[:-1] * len(rows)).round().astype(int)
        for hand, part in zip(hands, np.split(rows, cuts), strict=True):
            hand.append(part)
    rows_of = [np.sort(np.concatenate(hand)) for hand in hands]
    return [Shard(dataset.training.images[r], dataset.training.labels[r]) for r in rows_of]


def drawings(images, labels) -> Shard:
    """The visitor's own images (k of 8x8 or 64 numbers, 0..16) with the digits they stand for."""
    digits = np.asarray(labels, np.int64).reshape(-1)
    pixels = np.stack([_pixels(image) for image in images]) if len(images) else _nothing()
    if len(pixels) != len(digits):
        raise ValueError(f"{len(pixels)} drawings need as many labels, not {len(digits)}.")
    if len(digits) and not set(digits.tolist()) <= set(range(CLASSES)):
        raise ValueError("A drawing's label must be a digit from 0 to 9.")
    return Shard(pixels, digits.astype(np.uint8))


examples = drawings


def join(*parts: Shard) -> Shard:
    """All images of several shards in one."""
    return Shard(
        np.concatenate([_nothing(), *(part.images for part in parts)]),
        np.concatenate([np.zeros(0, np.uint8), *(part.labels for part in parts)]),
    )


def first_model() -> np.ndarray:
    """The weights everybody starts from while there is no global model, float32 [MODEL_LENGTH]."""
    # RandomState's streams are frozen for good, so every numpy gives every party the same start.
    random = np.random.RandomState(1998)
    w1, b1, w2, b2 = (np.zeros(shape, np.float32) for shape in SHAPES)
    w1 += random.uniform(-1, 1, w1.shape) * np.sqrt(6 / (PIXELS + HIDDEN))
    w2 += random.uniform(-1, 1, w2.shape) * np.sqrt(6 / (HIDDEN + CLASSES))
    return _flat((w1, b1, w2, b2))


def train(model, shard: Shard, seed: int = 0, epochs: int = EPOCHS) -> np.ndarray:
    """Go on from the global model on one party's own images; gives the new weights.

    Adam on the cross entropy, about 10 ms for 250 images.
    `seed` orders the batches and draws the noise.
    """
    if not len(shard):
        raise ValueError("There is nothing to train on: add drawings or take a shard first.")
    weights = first_model() if model is None else _checked(model).copy()
    inputs, targets = _inputs(shard.images), np.eye(CLASSES, dtype=np.float32)[shard.labels]
    random = np.random.default_rng(seed)
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    step = 0
    for _ in range(epochs):
        order = random.permutation(len(shard))
        for start in range(0, len(order), BATCH):
            rows = order[start : start + BATCH]
            step += 1
            noise = random.normal(0, NOISE, (len(rows), PIXELS)).astype(np.float32)
            gradient = _gradient(weights, inputs[rows] + noise, targets[rows])
            mean += 0.1 * (gradient - mean)
            square += 0.001 * (gradient**2 - square)
            scale = np.sqrt(square / (1 - 0.999**step)) + 1e-8
            weights -= LEARNING_RATE * mean / (1 - 0.9**step) / scale
    return weights


def weight(shard: Shard) -> float:
    """The scalar of this party's update: hundreds of images, so that every image counts alike."""
    return len(shard) / 100


def evaluate(model, shard: Shard) -> float:
    """The share of images that the model names right, 0..1."""
    _, scores = _forward(_layers(_checked(model)), _inputs(shard.images))
    return float((scores.argmax(axis=1) == shard.labels).mean())


def loss(model, shard: Shard) -> float:
    """The mean cross entropy, in nats."""
    _, scores = _forward(_layers(_checked(model)), _inputs(shard.images))
    right = _softmax(scores)[np.arange(len(shard)), shard.labels]
    return float(-np.log(np.maximum(right, 1e-12)).mean())


def predict(model, image) -> np.ndarray:
    """The model's probabilities for the ten digits, float32 [10]."""
    _, scores = _forward(_layers(_checked(model)), _inputs(_pixels(image)[None]))
    return _softmax(scores)[0]


# How NIST prepared these digits, which a drawing must go through to look like one: scaled to
# 20 x 32 pixels, strokes brought to a usual amount of ink, counted in blocks of 4 x 4.
SHEET, BOX_WIDTH, USUAL_INK = 32, 20, 310


def from_canvas(ink) -> np.ndarray:
    """A drawing as one of the data's images: uint8 [8, 8] of 0..16.

    `ink` is h x w (at least 8 x 8), 0 where the paper is blank; any size, any maximum. A flat
    list is taken for a square.
    """
    ink = np.asarray(ink, np.float32)
    side = isqrt(ink.size)
    if ink.shape == (side * side,):
        ink = ink.reshape(side, side)
    if ink.ndim != 2 or min(ink.shape) < SIDE or not np.isfinite(ink).all():
        raise ValueError("A drawing is a table of numbers, at least 8 x 8.")
    if ink.max() <= 0:
        raise ValueError("The canvas is empty: draw a digit first.")
    marks = _fitted(ink > ink.max() / 2)
    marks = _fitted(_nearest(marks, USUAL_INK))
    blocks = marks.reshape(SIDE, 4, SIDE, 4).sum(axis=(1, 3))
    return blocks.round().astype(np.uint8)


def _fitted(marks: np.ndarray) -> np.ndarray:
    """What is drawn, scaled to the box's height and at most its width, in the sheet's middle."""
    rows, columns = np.flatnonzero(marks.any(axis=1)), np.flatnonzero(marks.any(axis=0))
    drawn = marks[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].astype(np.float32)
    height, width = drawn.shape
    target = int(np.clip(round(SHEET * 1.2 * width / height), 4, BOX_WIDTH))
    scaled = _overlaps(SHEET, height) @ drawn @ _overlaps(target, width).T
    sheet = np.zeros((SHEET, SHEET), np.float32)
    left = (SHEET - target) // 2
    sheet[:, left : left + target] = scaled
    return sheet


def _overlaps(n: int, m: int) -> np.ndarray:
    """The [n, m] matrix that averages m equal cells into n equal cells by overlap."""
    low, high = np.arange(n)[:, None] * m / n, np.arange(1, n + 1)[:, None] * m / n
    cell = np.arange(m)
    share = np.clip(np.minimum(high, cell + 1) - np.maximum(low, cell), 0, None)
    return share / share.sum(axis=1, keepdims=True)


def _nearest(sheet: np.ndarray, count: int) -> np.ndarray:
    """The `count` pixels deepest in the ink or nearest to it: strokes of a usual thickness."""
    frame = np.pad(sheet > 0.5, 4)
    place = np.argwhere(np.ones_like(frame)).astype(np.float32)

    def distance(to: np.ndarray) -> np.ndarray:
        gaps = place[:, None] - np.argwhere(to).astype(np.float32)
        return np.sqrt((gaps**2).sum(axis=2)).min(axis=1).reshape(frame.shape)

    depth = distance(frame) - distance(~frame)
    return depth <= np.sort(depth.reshape(-1))[count - 1]


def _nothing() -> np.ndarray:
    return np.zeros((0, PIXELS), np.uint8)


def _pixels(image) -> np.ndarray:
    pixels = np.asarray(image, np.float64).reshape(-1)
    if pixels.size != PIXELS or not ((pixels >= 0) & (pixels <= MAX_PIXEL)).all():
        raise ValueError("An image is 8 x 8 numbers from 0 to 16.")
    return pixels.round().astype(np.uint8)


def _inputs(images: np.ndarray) -> np.ndarray:
    return images.astype(np.float32) / MAX_PIXEL


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
    hidden = np.maximum(inputs @ w1 + b1, 0)
    return hidden, hidden @ w2 + b2


def _softmax(scores: np.ndarray) -> np.ndarray:
    powers = np.exp(scores - scores.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)


def _gradient(weights: np.ndarray, inputs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    layers = _layers(weights)
    hidden, scores = _forward(layers, inputs)
    at_scores = (_softmax(scores) - targets) / len(inputs)
    at_hidden = (at_scores @ layers[2].T) * (hidden > 0)
    return _flat(
        (inputs.T @ at_hidden, at_hidden.sum(axis=0), hidden.T @ at_scores, at_scores.sum(axis=0))
    )
