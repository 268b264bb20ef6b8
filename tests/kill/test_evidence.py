"""The judge of the kill test finds each kind of loss."""

import pytest

from petal.wire import encode_model

from . import weights
from .evidence import Evidence, Lost

SEED = bytes([7]) * 32
NUMBERS = {f"key {number}": number for number in range(8)}
LOG = [{"event": "phase starts", "round": number} for number in (0, 1, 2)]


def sent(number, outcome, reason=None, stage="update"):
    facts = {"stage": stage, "number": number, "outcome": outcome, "reason": reason}
    return {"kind": "sent", "round": SEED.hex(), **facts}


def saw(*numbers, resource="seeds"):
    keys = [f"key {number}" for number in numbers]
    return {"kind": "saw", "round": SEED.hex(), "resource": resource, "keys": keys}


ACCEPTED = [sent(number, "accepted") for number in (1, 2, 3)]


@pytest.fixture
def models(tmp_path):
    def make(*numbers, round_id="1"):
        model = encode_model(weights.mean(list(numbers), SEED))
        (tmp_path / f"{round_id}_{SEED.hex()}.bincode").write_bytes(model)
        return tmp_path

    return make


def judge(lines, folder, log=LOG):
    evidence = Evidence(NUMBERS)
    for line in lines:
        evidence.add(line)
    return evidence.check(folder, log)


def test_a_round_in_order(models):
    counts = judge([*ACCEPTED, saw(1, 2, 3)], models(1, 2, 3))
    assert counts["updates answered for"] == counts["updates in models"] == 3


def test_an_update_without_an_answer_may_be_in_or_not(models):
    doubtful = [*ACCEPTED, sent(4, None), sent(5, "rejected", "coordinator_error")]
    for extra in ((), (4,), (5,), (4, 5)):
        assert judge(doubtful, models(1, 2, 3, *extra))["updates in models"] == 3 + len(extra)
        judge([*doubtful, saw(1, 2, 3, *extra)], models(1, 2, 3, *extra))


def test_an_update_that_was_replayed_is_promised(models):
    again = [sent(1, None), sent(1, "rejected", "replayed"), *ACCEPTED[1:]]
    judge(again, models(1, 2, 3))
    with pytest.raises(Lost, match="the model is no mean"):
        judge(again, models(2, 3, 4))


@pytest.mark.parametrize(
    ("lines", "made_of", "text"),
    [
        (ACCEPTED, (1, 2, 4), "the model is no mean"),
        (ACCEPTED, (1, 2, 3, 3), "the model is no mean"),
        ([*ACCEPTED, saw(1, 2, 3)], (1, 2, 3, 3), "the model is not the mean"),
        ([*ACCEPTED, saw(1, 2)], (1, 2), "lost from seeds"),
        ([*ACCEPTED, saw(1, 2, 3, 4)], (1, 2, 3, 4), "without having sent"),
        ([*ACCEPTED, saw(1, 2, 3), saw(1, 3, 2, 4)], (1, 2, 3), "seeds changed"),
        ([*ACCEPTED, ACCEPTED[0]], (1, 2, 3), "accepted twice"),
        ([*ACCEPTED, sent(6, "accepted", stage="sum"), saw(5, resource="sums")], (1, 2, 3), "sums"),
        (
            [*ACCEPTED, {"kind": "warning", "text": "the coordinator lost parts of", "number": 1}],
            (1, 2, 3),
            "parts that were answered are gone",
        ),
    ],
)
def test_each_loss_is_found(models, lines, made_of, text):
    with pytest.raises(Lost, match=text):
        judge(lines, models(*made_of))


def test_rounds_that_vanish_or_come_twice_are_found(models):
    folder = models(1, 2, 3)
    third = {"event": "phase starts", "round": 3}
    with pytest.raises(Lost, match=r"rounds \[2\] ended without"):
        judge(ACCEPTED, folder, [*LOG, third])
    judge(ACCEPTED, folder, [*LOG, third, {"event": "round failed", "round": 2}])
    with pytest.raises(Lost, match="were numbered"):
        judge(ACCEPTED, folder, [LOG[1], third, {"event": "round failed", "round": 3}])
    models(1, 2, 3, round_id="01")
    with pytest.raises(Lost, match="has two models"):
        judge(ACCEPTED, folder)
