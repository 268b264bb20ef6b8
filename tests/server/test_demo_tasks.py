"""What every task must have (docs/tasks.md), and how the coordinator and the page find it."""

import asyncio
import json

import httpx
import numpy as np
import pytest
from starlette.applications import Starlette

from petal.mask import Aggregation, MaskConfig, Masker, sum_masks
from petal_server.app import web_folder
from petal_server.demo_tasks import TaskError, find_task, find_tasks, running_task, task_routes
from petal_server.settings import Settings

WEB = web_folder(Settings())
TASKS = find_tasks(WEB)
CANCER = {"model": {"length": 266}, "mask": {"bound_type": "B2"}}


@pytest.fixture(params=TASKS)
def task(request):
    return TASKS[request.param]


@pytest.fixture
def module(task):
    return task.load_module()


@pytest.fixture
def dataset(task, module):
    return module.load(task.data.read_bytes())


def federated(module, dataset, seed, rounds=10):
    """Rounds of unmasked means of five parties; gives the models, first to last."""
    hands = module.shards(dataset)[: module.NATIVE_PARTICIPANTS]
    random, models = np.random.default_rng(seed), [None]
    for round_id in range(rounds):
        chosen = [hands[i] for i in random.permutation(len(hands))[:5]]
        updates = [module.train(models[-1], hand, round_id) for hand in chosen]
        models.append(np.average(updates, axis=0, weights=[module.weight(h) for h in chosen]))
    return models[1:]


def test_there_are_images_and_a_table():
    assert {task.about["input"] for task in TASKS.values()} == {"drawing", "table"}


def test_the_description_is_the_module_s(task, module, dataset):
    about = task.about
    assert task.model == (module.MODEL_LENGTH, module.CONFIG)
    assert (about["parties"], about["natives"]) == (module.PARTIES, module.NATIVE_PARTICIPANTS)
    columns = about["columns"]
    width = columns if isinstance(columns, int) else len(columns)
    assert dataset.held_out.features.shape == (len(dataset.held_out), width)
    assert len(about["classes"]) == len(dataset.held_out.counts())
    assert {"title", "subtitle", "unit", "sample", "credit"} <= set(about)


@pytest.mark.parametrize("n", [1, 8, 64])
def test_every_row_is_dealt_once_and_nobody_sits_without(module, dataset, n):
    hands = module.shards(dataset, n, seed=n)
    dealt = module.join(*hands)
    assert len(hands) == n
    assert min(map(len, hands)) > 0
    pairs = [np.column_stack([s.features, s.labels]) for s in (dealt, dataset.training)]
    assert len(pairs[0]) == len(pairs[1])
    assert np.array_equal(*(np.unique(rows, axis=0) for rows in pairs))


@pytest.mark.parametrize("seed", range(3))
def test_it_is_learnt_together_round_by_round(module, dataset, seed):
    models = federated(module, dataset, seed)
    reached = [module.evaluate(model, dataset.held_out) for model in models]
    losses = [module.loss(model, dataset.held_out) for model in models]
    assert max(reached) > 0.9
    assert reached[0] < 0.89
    assert losses[-1] < 0.6 * losses[0]


def test_a_masked_round_is_the_mean_and_cuts_nothing_off(module, dataset):
    config = MaskConfig.parse(module.CONFIG)
    hands = module.shards(dataset)[:4]
    updates = [module.train(None, hand, seed=1) for hand in hands]
    scalars = [module.weight(hand) for hand in hands]
    assert max(s * np.abs(u).max() for s, u in zip(scalars, updates, strict=True)) < 25
    total, seeds = Aggregation(config, module.MODEL_LENGTH), []
    for update, scalar in zip(updates, scalars, strict=True):
        seed, masked = Masker(config).mask(update, scalar)
        total.add(masked)
        seeds.append(seed)
    got = total.unmask(sum_masks(seeds, module.MODEL_LENGTH, config))
    assert got == pytest.approx(np.average(updates, axis=0, weights=scalars), abs=1e-6)


def test_loss_and_prediction_agree(module, dataset):
    model, shard = module.first_model(), dataset.held_out
    chances = [module.predict(model, row) for row in shard.features[:20]]
    few = module.examples(shard.features[:20], shard.labels[:20])
    right = [chance[label] for chance, label in zip(chances, few.labels, strict=True)]
    assert module.loss(model, few) == pytest.approx(-np.log(right).mean(), rel=1e-4)
    assert module.evaluate(model, few) == np.mean(np.argmax(chances, 1) == few.labels)


def test_bad_rows_are_refused_in_words(module, dataset):
    row = dataset.held_out.features[0]
    for features, labels in (([row], []), ([row * np.nan], [0]), ([row], [99])):
        with pytest.raises(ValueError, match=r"\w+ \w+ \w+"):
            module.examples(features, labels)
    with pytest.raises(ValueError, match="nothing to train on"):
        module.train(None, module.examples([], []))


def test_the_cancer_gradient_is_the_slope_of_the_loss():
    module = find_task(WEB, "cancer").load_module()
    shard = module.load(find_task(WEB, "cancer").data).held_out
    weights = module.first_model().astype(np.float64)
    inputs, targets = module._inputs(shard.features), np.eye(2)[shard.labels]

    def loss(at):
        _, scores = module._forward(module._layers(at), inputs)
        return -(np.log(module._softmax(scores)) * targets).sum() / len(inputs)

    got = module._gradient(weights, inputs, targets)
    for i in range(0, len(weights), 7):
        step = np.zeros_like(weights)
        step[i] = 1e-5
        slope = (loss(weights + step) - loss(weights - step)) / 2e-5
        assert got[i] == pytest.approx(slope, abs=1e-5)


async def ask(app):
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://server") as client:
        return await client.get("/task")


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({}, "digits"),
        (CANCER, "cancer"),
        ({"web": {"task": "cancer"}}, "cancer"),
        ({"model": {"length": 266}}, "digits"),
    ],
)
def test_the_coordinator_names_the_task_whose_model_it_has(given, name):
    settings = Settings.model_validate(given)
    assert running_task(settings, WEB).name == name
    answer = asyncio.run(ask(Starlette(routes=task_routes(settings, WEB))))
    assert answer.json() == {"name": name, **TASKS[name].about}
    assert answer.headers["cache-control"] == "no-cache"


def test_a_task_is_two_files_in_a_folder(tmp_path):
    folder = tmp_path / "demo" / "tasks" / "third"
    folder.mkdir(parents=True)
    (folder / "third.py").write_text("MODEL_LENGTH = 9\n")
    (folder / "rows.csv").touch()
    about = {
        "module": "third.py",
        "data": "rows.csv",
        "model": {"length": 9, "mask": "Prime/F32/B0/M3"},
    }
    (folder / "task.json").write_text(json.dumps(about))
    task = find_task(tmp_path, "third")
    assert task.load_module().MODEL_LENGTH == 9
    assert running_task(Settings.model_validate({"model": {"length": 9}}), tmp_path) == task
    with pytest.raises(TaskError, match=r"no task 'fourth'; known are third"):
        find_task(tmp_path, "fourth")


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"data": "x", "model": {"length": 0}}'])
def test_a_description_that_is_none_is_named(tmp_path, text):
    folder = tmp_path / "demo" / "tasks" / "third"
    folder.mkdir(parents=True)
    (folder / "task.json").write_text(text)
    with pytest.raises(TaskError, match=r"third/task\.json describes no task"):
        find_tasks(tmp_path)
    with pytest.raises(TaskError, match="holds no task"):
        find_task(tmp_path / "nothing", "digits")
