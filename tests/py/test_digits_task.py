"""The demo's digits task: its data, its learning, and drawings becoming images of that data."""

import hashlib
import json
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from demo.tasks.digits import digits
from petal.mask import Aggregation, MaskConfig, Masker, sum_masks

DATA = Path(digits.__file__).with_name("digits.npz")
CONFIG = MaskConfig.parse(digits.CONFIG)
FIRST_MODEL_SHA256 = "09adcd5ab3172ea941eb1303784303fdec82837c8cd90e9bb57edba8a3897d6e"

# Pen strokes of digits as people draw them; "x,y" in percent of width and height, y down.
STROKES = json.loads(Path(__file__).with_name("strokes.json").read_text())


@pytest.fixture(scope="module")
def dataset():
    return digits.load(DATA)


def learn(dataset, seed, rounds=10, parties=5):
    """Federated rounds of unmasked means; gives the models, first to last."""
    hands = digits.shards(dataset)[: digits.NATIVE_PARTICIPANTS]
    random, models = np.random.default_rng(seed), [None]
    for round_id in range(rounds):
        chosen = [hands[i] for i in random.permutation(len(hands))[:parties]]
        updates = [digits.train(models[-1], hand, round_id) for hand in chosen]
        models.append(np.average(updates, axis=0, weights=[digits.weight(h) for h in chosen]))
    return models[1:]


@pytest.fixture(scope="module")
def model(dataset):
    return learn(dataset, seed=0)[-1]


def draw(strokes, height, pen, size=80):
    """A canvas of straight pen strokes through the given points, uint8 [size, size]."""
    place = np.stack(np.mgrid[:size, :size][::-1], axis=-1) + 0.5
    away = np.full((size, size), np.inf)
    for stroke in strokes:
        points = np.array([p.split(",") for p in stroke.split()], float) / 100
        points = (points - 0.5) * (0.7 * height, height) + size / 2
        for start, end in pairwise(points):
            along = ((place - start) @ (end - start) / ((end - start) ** 2).sum()).clip(0, 1)
            nearest = start + along[..., None] * (end - start)
            away = np.minimum(away, np.sqrt(((place - nearest) ** 2).sum(axis=2)))
    return (255 * (pen / 2 - away + 0.5).clip(0, 1)).astype(np.uint8)


def test_the_data_is_the_published_one(dataset):
    assert len(dataset.training) + len(dataset.held_out) == 1797
    assert dataset.held_out.counts() == [36] * 10
    every = digits.join(dataset.training, dataset.held_out)
    assert every.counts() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert (every.images.dtype, every.images.max(), every.images.sum()) == (np.uint8, 16, 561718)


def test_bytes_and_path_load_alike(dataset):
    for data in (DATA.read_bytes(), memoryview(DATA.read_bytes()), str(DATA)):
        assert np.array_equal(digits.load(data).held_out.images, dataset.held_out.images)


@pytest.mark.parametrize("n", [1, 6, digits.PARTIES, 64])
def test_shards_deal_every_training_image_once(dataset, n):
    hands = digits.shards(dataset, n, seed=n)
    dealt, whole = digits.join(*hands), dataset.training
    assert len(hands) == n
    rows = [np.column_stack([shard.images, shard.labels]) for shard in (dealt, whole)]
    assert np.array_equal(*(np.unique(row, axis=0) for row in rows))
    assert len(dealt) == len(whole)


def test_shards_differ_in_kind_and_size_and_nobody_sits_without(dataset):
    hands = digits.shards(dataset)
    shares = np.array([hand.counts() for hand in hands]) / [[len(hand)] for hand in hands]
    assert np.abs(shares - 0.1).sum(axis=1).min() > 0.3
    sizes = [len(hand) for hand in hands]
    assert min(sizes) >= 30
    assert max(sizes) > 2 * min(sizes)


@pytest.mark.parametrize("n", [0, -1, 65])
def test_a_deal_for_nobody_is_refused(dataset, n):
    with pytest.raises(ValueError, match=r"1\.\.64 parties"):
        digits.shards(dataset, n)


def test_everybody_starts_from_the_same_weights():
    start = digits.first_model()
    assert (start.dtype, start.shape) == (np.float32, (digits.MODEL_LENGTH,))
    assert hashlib.sha256(start.tobytes()).hexdigest() == FIRST_MODEL_SHA256


def test_the_gradient_is_the_slope_of_the_loss(dataset):
    random = np.random.default_rng(3)
    weights = digits.first_model().astype(np.float64)
    inputs = dataset.training.images[:20] / 16
    targets = np.eye(10)[dataset.training.labels[:20]]

    def loss(at):
        _, scores = digits._forward(digits._layers(at), inputs)
        return -(np.log(digits._softmax(scores)) * targets).sum() / len(inputs)

    got = digits._gradient(weights, inputs, targets)
    for i in random.choice(len(weights), 40, replace=False):
        step = np.zeros_like(weights)
        step[i] = 1e-5
        slope = (loss(weights + step) - loss(weights - step)) / 2e-5
        assert got[i] == pytest.approx(slope, abs=1e-5)


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("parties", [3, 5, 8])
def test_the_federated_mean_passes_90_percent_within_ten_rounds(dataset, seed, parties):
    reached = [digits.evaluate(m, dataset.held_out) for m in learn(dataset, seed, parties=parties)]
    assert max(reached) > 0.9
    assert reached[0] < 0.75  # it is learnt round by round, and no party could do it alone


def test_a_masked_round_is_the_weighted_mean_and_cuts_nothing_off(dataset, model):
    hands = digits.shards(dataset)[:5]
    updates = [digits.train(model, hand, seed=1) for hand in hands]
    scalars = [digits.weight(hand) for hand in hands]
    assert max(s * np.abs(u).max() for s, u in zip(scalars, updates, strict=True)) < 25
    total, seeds = Aggregation(CONFIG, digits.MODEL_LENGTH), []
    for update, scalar in zip(updates, scalars, strict=True):
        seed, masked = Masker(CONFIG).mask(update, scalar)
        total.add(masked)
        seeds.append(seed)
    got = total.unmask(sum_masks(seeds, digits.MODEL_LENGTH, CONFIG))
    assert got == pytest.approx(np.average(updates, axis=0, weights=scalars), abs=1e-6)


def test_training_repeats_from_its_seed_and_leaves_its_input_alone(dataset, model):
    hand, before = digits.shards(dataset)[0], model.copy()
    again = [digits.train(model, hand, seed) for seed in (5, 5, 6)]
    assert np.array_equal(again[0], again[1])
    assert not np.array_equal(again[0], again[2])
    assert np.array_equal(model, before)


def test_lists_do_as_well_as_arrays(dataset, model):
    image = dataset.held_out.images[0]
    got = digits.predict(model.tolist(), image.reshape(8, 8).tolist())
    assert np.array_equal(got, digits.predict(model, image))
    assert got.sum() == pytest.approx(1)
    assert digits.evaluate(model.tolist(), dataset.held_out) > 0.9


def test_drawings_join_a_shard(dataset):
    mine = digits.drawings([[[16] * 8] * 8, [0] * 64], [7, 3])
    both = digits.join(dataset.held_out, mine)
    assert (len(both), both.counts()[7], both.counts()[3]) == (362, 37, 37)
    assert len(digits.drawings([], [])) == 0
    assert len(digits.train(None, mine)) == digits.MODEL_LENGTH


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: digits.drawings([[0] * 64], []), "as many labels"),
        (lambda: digits.drawings([[0] * 64], [10]), "from 0 to 9"),
        (lambda: digits.drawings([[0] * 63], [1]), "8 x 8 numbers"),
        (lambda: digits.drawings([[17] * 64], [1]), "from 0 to 16"),
        (lambda: digits.drawings([[float("nan")] * 64], [1]), "from 0 to 16"),
        (lambda: digits.train(None, digits.drawings([], [])), "nothing to train on"),
        (lambda: digits.predict([0.0] * 9, [0] * 64), "2410 weights, not 9"),
        (lambda: digits.from_canvas(np.zeros((160, 160))), "draw a digit first"),
        (lambda: digits.from_canvas(np.ones((160, 4))), "at least 8 x 8"),
        (lambda: digits.from_canvas(np.ones(161)), "at least 8 x 8"),
        (lambda: digits.from_canvas(np.zeros(0)), "at least 8 x 8"),
        (lambda: digits.from_canvas(np.full((9, 9), np.nan)), "at least 8 x 8"),
    ],
)
def test_bad_input_says_what_to_do(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(("height", "pen"), [(40, 4), (60, 6), (60, 11)])
def test_drawn_digits_are_recognised(model, height, pen):
    for digit, strokes in STROKES.items():
        image = digits.from_canvas(draw(strokes, height, pen))
        assert digits.predict(model, image).argmax() == int(digit), f"{digit}\n{image}"


def test_place_size_and_shade_of_a_drawing_do_not_matter():
    ink = draw(STROKES["5"], 40, 5)
    image = digits.from_canvas(ink)
    assert np.array_equal(digits.from_canvas(np.roll(ink, (9, -11), axis=(0, 1))), image)
    assert np.array_equal(digits.from_canvas((ink / 255).tolist()), image)
    assert np.array_equal(digits.from_canvas(memoryview(ink.reshape(-1))), image)
    large = digits.from_canvas(np.kron(ink, np.ones((3, 3))))
    assert np.abs(large.astype(int) - image).mean() < 0.5


@pytest.mark.parametrize("spot", [(0, 0), (79, 79), (40, 40)])
def test_a_single_dot_and_a_full_canvas_become_images_too(spot):
    dot = np.zeros((80, 80))
    dot[spot] = 1
    for ink in (dot, np.ones((80, 80))):
        image = digits.from_canvas(ink)
        assert (image.shape, image.dtype) == ((8, 8), np.uint8)
        assert image.max() <= 16
        assert image.sum() > 100
