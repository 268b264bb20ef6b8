"""Rounds with differential privacy: what leaves, and what is told of it."""

import random

import numpy as np
import pytest

from petal.errors import PrivacyError
from petal.participant import (
    Machine,
    MaskModel,
    Trained,
    UpdateClipped,
    Warning,
    WeightsClamped,
    carry_out,
)
from petal.privacy import LocalPrivacy, lattice_for
from petal.privacy.update import update_steps
from petal.round import Role

from .private_party import PRIVACY, budgets, exact_model, private, until, updating
from .world import Coordinator, Party, machine, run_phase, run_round


def test_what_leaves_is_clipped_and_noised():
    party, world = updating()
    world.model = np.linspace(-1, 1, 300).astype("f4")
    trained = world.model + 1
    party.train = lambda request: Trained(trained)
    request = until(party, world, MaskModel)
    sent = exact_model(request)
    # The update was 1 everywhere; 0.01 in norm is left of it, under noise.
    sigma = PRIVACY.clip * PRIVACY.noise_multiplier
    noise = sent - world.model
    assert 0.85 < noise.std() / sigma < 1.15
    assert np.abs(noise).max() < 6 * sigma
    lattice = lattice_for(world.config.vect, 1, PRIVACY.clip, PRIVACY.noise_multiplier)
    steps = update_steps(trained, world.model, PRIVACY.clip, lattice)
    np.testing.assert_allclose(steps / lattice.scale, 0.01 / 300**0.5, rtol=1e-3)


def test_the_norm_is_told_where_it_is_cut_and_numbers_that_are_none_are_too():
    party, world = updating()
    world.model = np.zeros(300, "f4")
    trained = np.full(300, 0.25, "f4")
    trained[7] = np.nan
    party.train = lambda request: Trained(trained)
    until(party, world, MaskModel)
    [told] = [each for each in party.notices if isinstance(each, UpdateClipped)]
    assert told.norm == pytest.approx(0.25 * 299**0.5)
    assert str(told) == "the update's norm of 4.32 is cut to 0.01"
    [clamped] = [each for each in party.notices if isinstance(each, WeightsClamped)]
    assert clamped.nans == 1
    short, world = updating()
    short.train = lambda request: Trained(np.full(300, 1e-5, "f4"))
    until(short, world, MaskModel)
    assert not [e for e in short.notices if isinstance(e, UpdateClipped | WeightsClamped)]


def test_without_a_global_model_the_weights_themselves_are_clipped():
    party, world = updating()
    party.train = lambda request: Trained(np.full(300, 50, "f4"))
    sent = exact_model(until(party, world, MaskModel))
    assert np.abs(sent).max() < 1


def test_a_whole_round_with_sum_participants():
    world = Coordinator(length=40, config="Prime/F32/B2/M3")
    parties = [Party(number, private(number)) for number in range(8)]
    run_round(parties, world)
    roles = [party.machine.privacy.updates for party in parties]
    assert sorted(set(roles)) == [0, 1]
    assert world.model is not None
    run_phase(parties, world)
    assert world.rounds == 2


def test_the_scalar_is_the_participants_own():
    party, world = updating(scalar=2)
    party.train = lambda request: Trained(np.zeros(300, "f4"), 17)
    assert until(party, world, MaskModel).scalar == 2
    said = [str(notice) for notice in party.notices if isinstance(notice, Warning)]
    assert len(said) == 1
    assert "own scalar, 2; the one that training gives is left aside" in said[0]


def test_a_round_whose_numbers_cannot_carry_the_noise_is_sat_out():
    asked = LocalPrivacy(clip=10, noise_multiplier=2, epsilon=8)
    party, world = updating(config="Prime/F32/B0/M3", privacy=asked)
    run_phase([party], world)
    assert party.machine.role is Role.NONE
    said = [str(notice) for notice in party.notices if isinstance(notice, Warning)]
    assert "beyond the bound 1" in said[0]
    assert "No update is sent in this round" in said[0]


def test_privacy_cannot_begin_after_the_fact():
    saved = machine(1).save()
    with pytest.raises(PrivacyError, match="without differential privacy"):
        Machine.restore(saved, random=random.randbytes, privacy=PRIVACY)
    with pytest.raises(PrivacyError, match="scalar of 0"):
        private(scalar=0)


def test_without_privacy_everything_is_as_it_was():
    party, world = updating(privacy=None)
    request = until(party, world, MaskModel)
    assert request.noise is None
    assert budgets(party) == []
    assert party.machine.save()[8:10] == b"\x00\x01"
    assert private().save()[8:10] == b"\x00\x02"


def test_no_secret_shows():
    party, world = updating()
    request = until(party, world, MaskModel)
    shown = repr(request) + repr(party.notices) + repr(party.machine) + repr(party.machine.privacy)
    assert repr(request.noise.seed)[2:-1] not in shown
    assert request.noise.seed.hex() not in shown


def test_the_noise_is_forgotten_with_the_weights():
    party, world = updating()
    party.tell(carry_out(until(party, world, MaskModel)))
    memory = party.machine._ctx.memory
    assert (memory.noise_seed, memory.weights, memory.model) == (None, None, None)
    failed, world = updating()
    world.model = np.zeros(300, "f4")
    failed.train = lambda request: Trained(np.zeros(3, "f4"))
    run_phase([failed], world)
    assert failed.machine._ctx.memory.model is None
