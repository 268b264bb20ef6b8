"""Training that fails, takes too long or gives what is no model of the round."""

import numpy as np
import pytest

from petal.participant import (
    GlobalModel,
    NewRound,
    State,
    Train,
    Trained,
    TrainingFailed,
    Warning,
    WeightsClamped,
)
from petal.round import Role

from .pair import notices, pair, step_until
from .world import params_for, weights_of


def test_a_round_that_changes_while_training_gets_no_old_update():
    party, world = pair(Role.UPDATE)
    step_until(party, world, Train)
    world.new_round()
    world.params = params_for(world, Role.UPDATE, seed=b"n" * 32)
    party.tell(Trained(weights_of(1, world.params)))
    step_until(party, world, Train)
    assert len(notices(party, NewRound)) == 2
    assert world.sealed == []


def test_training_that_fails_costs_one_round_only():
    party, world = pair(Role.UPDATE)
    step_until(party, world, Train)
    party.tell(TrainingFailed("ValueError: no data"))
    assert "training failed: ValueError: no data; this round is sat out" in map(str, party.notices)
    assert party.machine.state is State.AWAITING_ROUND
    world.new_round()
    world.params = params_for(world, Role.UPDATE, seed=b"n" * 32)
    step_until(party, world, Train)


BAD_WEIGHTS = {
    "a list": ([0.5] * 5, "a list; a numpy array of 5 float32 weights is needed"),
    "empty": (np.zeros(0, np.float32), "no weights; the round asks for 5"),
    "too long": (np.zeros(6, np.float32), r"shape (6,); the round asks for (5,)"),
    "a matrix": (np.zeros((5, 1), np.float32), "flatten the model"),
    "float64": (np.zeros(5), "weights.astype('float32')"),
    "int32": (np.zeros(5, np.int32), "int32 weights"),
    "strings": (np.array(["a"] * 5), "asks for float32"),
}


@pytest.mark.parametrize("name", BAD_WEIGHTS)
def test_weights_that_are_no_model_of_the_round_are_named(name):
    weights, said = BAD_WEIGHTS[name]
    party, world = pair(Role.UPDATE)
    step_until(party, world, Train)
    party.tell(Trained(weights))
    (warning,) = notices(party, Warning)
    assert said in str(warning)
    assert party.machine.state is State.AWAITING_ROUND


@pytest.mark.parametrize("scalar", [-1, float("nan"), float("inf"), "1", True, object()])
def test_scalars_that_are_none_are_named(scalar):
    party, world = pair(Role.UPDATE)
    step_until(party, world, Train)
    party.tell(Trained(weights_of(1, world.params), scalar))
    assert "the scalar is" in str(notices(party, Warning)[0])


def test_the_user_learns_how_many_weights_were_cut_off():
    party, world = pair(Role.UPDATE)
    step_until(party, world, Train)
    party.tell(Trained(np.array([0.5, 2, -np.inf, np.nan, -0.25], np.float32)))
    (notice,) = notices(party, WeightsClamped)
    assert (notice.clamped, notice.nans, notice.total, notice.share) == (2, 1, 5, 0.6)
    assert "2 of 5 weights (40.0%) were cut off at 1 and 1 that are not a number" in str(notice)
    assert party.machine.state is State.AWAITING_SUMS


def test_a_scalar_beyond_the_bound_is_told():
    party, world = pair(Role.UPDATE)
    step_until(party, world, Train)
    party.tell(Trained(np.zeros(5, np.float32), 100))
    assert "the scalar was cut off as well" in str(notices(party, WeightsClamped)[0])


def test_a_model_of_another_length_is_left_aside_and_training_starts_from_nothing():
    party, world = pair(Role.UPDATE)
    world.model = np.zeros(9, np.float32)
    step_until(party, world, Train)
    assert party.request.model is None
    assert notices(party, GlobalModel)[0].weights is None
    assert "9 float32 weights and the round 5 float32" in str(notices(party, Warning)[0])
